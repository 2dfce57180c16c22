"""Reflection. Keeps Kubernetes Secrets equal to keysets, secrets and SSH keys of the store.

    objects    the words: Mirror, MirrorProblem, Mirrors
    rules      which of them are mirrored, and with which parts
    names      what a mirror and its data keys are called
    shapes     the mirrors that should be, or why one can't be      pure
    manifest   a mirror as a Secret, and what of a Secret is ours   pure
    record     a Secret of ours as the informer keeps it: no bytes  pure
    missing    mirrors that are kept although their source is gone     pure
    templates  which mirrors the Pods of a workload use, and how it is rolled     pure
    rollout    whether every Pod of a workload has its present template     pure
    sync       writes the Secrets
    restart    writes the workloads

The room promises that no Secret of somebody else is touched, that nothing is written when nothing differs, and
that no secret byte is in a text, a `repr` or a record.
"""
