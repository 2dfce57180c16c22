"""`k8s:///NAMESPACE/PREFIX`: files as Secrets of a namespace, in the operator's own cluster or in another one.

    rules       which variables credentials consist of; pure
    kubeconfig  the closed list of what a kubeconfig may say -> Kubeconfig; pure
    config      what is asked for: options + credentials -> Config; pure
    clients     clients of other clusters, shared while a store is open
    errors      errors of the Kubernetes API -> ours
    namespace   one namespace, one request each
    opening     a namespace, ready for use
    conditions  expectations of writes and deletes; pure
    objects     what an API server says an object is; pure
    files       what a file is as a Secret: names, labels, parts; pure
    store       the store: a file is one Secret, a large one has parts beside it

A file's version is the resourceVersion of its Secret, so every condition is the API server's own.
"""
