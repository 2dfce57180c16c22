"""The command line: prints and starts what the other rooms do."""
