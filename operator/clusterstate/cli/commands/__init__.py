"""The words of every command: names, options, help and examples. Loads no SDK, so that `--help` is there at once.

Each command hands what it was told to a function beside this room, which does the work.
"""
