"""`s3://BUCKET` and its flavours `do`, `linode`, `hos`, `scw`: AWS S3 and services that speak its protocol.

    rules     which variables credentials consist of; pure
    config    what is asked for: options + credentials -> Config; pure
    identity  who asks: keys, the SDK's chain or a web identity, and the roles assumed from there
    wiring    the SDK's clients on our connections
    clients   clients of S3, and what they learn of buckets
    bucket    one request each, blocking; region and encryption of a bucket, asked once
    errors    the SDK's errors -> ours
    store     opens a bucket, in a thread; `store.buckets` makes the asynchronous store of it

By boto3's core, botocore: 0.5 MB and 0.01 s per client instead of 12.5 MB and 0.1 s. The SDK never retries here,
with one exception of its own: after an answer that names another region it asks for the bucket's region and repeats
the request once.
"""
