"""`gs://BUCKET`: Google Cloud Storage.

    rules     which variables and annotations credentials consist of; pure
    keyfile   Google's credential documents, of which only checked parts are taken over; pure
    config    what is asked for: options + credentials -> Config; pure
    cluster   which GKE cluster this is, for identities of its own pool
    identity  who asks: the SDK's credentials for a key, an exchange, the chain, and accounts impersonated from there
    tokens    access tokens, renewed by whoever needs one first
    clients   clients of the SDK on our connections, and what they learn of buckets
    bucket    one request each, blocking
    grants    access control lists, which an overwrite must not drop
    errors    the SDK's errors -> ours
    store     opens a bucket, in a thread; `store.buckets` makes the asynchronous store of it

The SDK never retries here, with one exception of ours: after an answer that an access token isn't accepted any more
it is renewed, and the request repeated once.
"""
