"""`s3://BUCKET`: AWS S3 and services that speak its protocol, by boto3's core.

    config    what is asked for: options + credentials -> Config; pure
    clients   SDK clients, cached by all their inputs and shared by stores with equal ones
    connections  whom they call, for how long, and how much may come back
    bucket    one request each, blocking; region and encryption of a bucket, asked once
    expect    expectations of writes and deletes, and the proof that an endpoint keeps them
    errors    the SDK's errors -> ours
    store     the asynchronous store; the only place that goes to threads

The SDK never retries here, with one exception of its own: after an answer that names another region it asks for
the bucket's region and repeats the request once.
"""

from clusterstate.store.s3.store import S3Store, open_bucket

__all__ = ["S3Store", "open_bucket"]
