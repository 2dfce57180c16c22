"""The pages about the command line, `docs/cli.md` and the manual page, made from the commands themselves.

What a command says of itself stands in its help alone; this room adds what is said once for all, and what each command
is known as elsewhere. It also writes the pages of the resource's fields, which `api.pages` makes.
"""
