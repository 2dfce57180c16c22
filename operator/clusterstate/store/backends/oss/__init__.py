"""`oss://BUCKET`: Alibaba Cloud OSS, and services that speak its protocol.

    rules      which variables credentials consist of; pure
    addresses  which host serves which region; pure
    config     what is asked for: options + credentials -> Config; pure
    sts        a role for a service account's token, at Alibaba's security token service
    identity   who asks: keys, or a role whose credentials are renewed
    clients    clients of OSS
    bucket     one request each, blocking; the region of a bucket, asked once
    expect     expectations of writes and deletes, and what is known of a bucket's way with them
    errors     the SDK's errors -> ours
    store      the asynchronous store; the only place that goes to threads

By oss2, with signatures of version 4 alone. It has no retries of its own, and calls through `requests`, whose
sessions go over our wire.
"""
