"""Commands that change keysets, secrets and SSH keys of a state: what kops's own commands for them do.

changing     one file after another: read, decide, show, ask, write where nobody else wrote meanwhile
given        what a person hands over in files or on stdin
keysets, secrets, ssh_keys    each command's own part
"""
