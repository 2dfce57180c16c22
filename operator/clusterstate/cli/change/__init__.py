"""The commands that change states: all of them read, plan, show, ask and write in one way, `writing`."""
