"""Opens a bucket of S3 or one of its flavours; what AWS keeps is known ("Conditional requests", User Guide)."""

from clusterstate.store.backends.s3.bucket import Bucket
from clusterstate.store.backends.s3.clients import Client, with_region
from clusterstate.store.backends.s3.config import ClientInputs, Config, make_config
from clusterstate.store.backends.s3.errors import translating
from clusterstate.store.buckets import BucketStore
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.expect import Conditional, proof_of
from clusterstate.store.failures import Request
from clusterstate.store.opening import Opening
from clusterstate.store.threads import Lane

_MAKING = Lane()
"""Threads that make clients: a machine without metadata service takes its time to say so."""


async def open_bucket(opening: Opening, clients: Clients = CLIENTS) -> BucketStore:
    """Open a bucket without asking anything of it; errors as `open.open_store`."""
    config = make_config(opening)
    await config.inputs.wire.admit(config.inputs.endpoint)
    return await _MAKING.run(_open, opening, config, clients)


def _open(opening: Opening, config: Config, clients: Clients) -> BucketStore:
    location = opening.location

    def client_of(inputs: ClientInputs) -> Client:
        return clients.get(with_region(inputs), opening.credentials, Client)

    url = f"{location.scheme}://{location.bucket}"
    with translating(Request("CreateClient", url, "", config.inputs.endpoint or "AWS")):
        return make_store(Bucket(url, config, client_of))


def make_store(bucket: Bucket) -> BucketStore:
    """Give a bucket as a store."""
    proof = proof_of(bucket.endpoint, bucket.way, own=Endpoint.parse(bucket.endpoint).is_aws)
    return BucketStore(bucket, Conditional(bucket, proof))
