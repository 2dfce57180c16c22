"""The node agent. Keeps files on a node equal to mirrors, for what reads no Kubernetes API: the kubelet first of all.

    config     the words: which sets of files, from which mirrors     pure
    choice     the files that a set should have, or why it stays      pure
    absences   since when a mirror isn't there
    sources    where mirrors come from: the API server, or a store
    folder     one directory, held open: no symbolic link is followed
    files      the only module that changes a set on the disk
    reload     the command after a change
    agent      the way: source -> choice -> files -> reload, set by set

The room promises that a reader sees a whole set, the old one or the new one, whatever is killed when; that nothing
outside a set's directory and nothing foreign in it is touched; that nothing is written when nothing differs; and that
no secret byte is in a text, a `repr` or a file that others may read without having been told so.
"""
