"""Alibaba Cloud OSS and its token service, as far as a state store needs them, strict where they are strict.

    server      starts it, as a process of its own, and what tests ask of it beside its APIs
    app         HTTP: which service is asked, for which bucket, and by whom
    operations  what OSS does with one bucket
    control     what no cloud would allow: buckets, users and roles made by tests
    signatures  signatures of versions 1 and 4; pure
    accounts    who has keys or tokens, and what they may do; pure
    tokens      AssumeRoleWithOIDC: tokens of Kubernetes for a role; pure
    storage     buckets and objects in memory; pure
    answers     XML and errors; pure

After Alibaba's API references of OSS and STS. A bucket is addressed as part of the host's name, or of the path where
the host is an address.
"""
