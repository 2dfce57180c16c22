"""Opens a bucket of Google Cloud Storage; what Google's own endpoints keep is known ("Request preconditions")."""

from clusterstate.store.backends.gcs.bucket import Bucket
from clusterstate.store.backends.gcs.clients import Client, complete
from clusterstate.store.backends.gcs.config import Config, make_config
from clusterstate.store.buckets import BucketStore
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.expect import Conditional, proof_of
from clusterstate.store.opening import Opening
from clusterstate.store.threads import Lane

_MAKING = Lane()
"""Threads that make clients: a machine without metadata service takes its time to say so."""


async def open_bucket(opening: Opening, clients: Clients = CLIENTS) -> BucketStore:
    """Open a bucket without asking anything of it; errors as `open.open_store`."""
    config = make_config(opening)
    await config.inputs.wire.admit(*config.urls)
    return await _MAKING.run(_open, opening, config, clients)


def _open(opening: Opening, config: Config, clients: Clients) -> BucketStore:
    config = complete(config)
    client = clients.get(config.inputs, opening.credentials, Client)
    return make_store(Bucket(f"gs://{opening.location.bucket}", config, client))


def make_store(bucket: Bucket) -> BucketStore:
    """Give a bucket as a store."""
    return BucketStore(bucket, Conditional(bucket, proof_of(bucket.endpoint, bucket.way, own=not bucket.identity)))
