"""A state as kops's own objects in Kubernetes: what `kops --state k8s://CONTEXT` reads and writes, seen as files.

    kinds    which file is which object; pure
    forms    an object <-> the bytes of its file; pure
    objects  the objects as a store
    store    both halves as one store: these objects, and every other file as a Secret

Meaning is kept here, not bytes: a file gives the bytes that kops would have written for the object. What the API
server counts or adds stays its own: `generation`, `creationTimestamp`, uid, the metadata of others.
"""
