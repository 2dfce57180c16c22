"""`swift://CONTAINER`: OpenStack's object store, and services that speak its protocol.

    rules      which variables credentials consist of; pure
    files      clouds.yaml and kops's INI file -> the same variables; pure
    who        variables -> who asks, by gophercloud's rules; pure
    config     what is asked for: options + credentials -> ClientInputs; pure
    own        the operator's own files, where its own credentials count
    identity   who asks -> the SDK's plugin that gets tokens
    catalog    where the account is, by the catalog that comes with a token; pure
    client     requests with a token that is renewed when it ends
    container  one request each, blocking
    expect     expectations of writes and deletes, which Swift itself doesn't keep
    errors     the SDK's errors and Swift's answers -> ours
    store      the asynchronous store; the only place that goes to threads

By openstacksdk's core, keystoneauth1: half the time and memory of the whole, and requests whose every header is ours.
openstacksdk itself reads the operator's `clouds.yaml`, python-swiftclient brings v1 authentication.
"""
