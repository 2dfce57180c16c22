"""Opens a bucket of OSS."""

from clusterstate.store.backends.oss.addresses import address_in
from clusterstate.store.backends.oss.bucket import Bucket
from clusterstate.store.backends.oss.clients import Client
from clusterstate.store.backends.oss.config import ClientInputs, make_config
from clusterstate.store.backends.oss.expect import Expectations, proof_of
from clusterstate.store.buckets import BucketStore
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.opening import Opening


async def open_bucket(opening: Opening, clients: Clients = CLIENTS) -> BucketStore:
    """Open a bucket without asking anything of it; errors as `open.open_store`."""
    config, location = make_config(opening), opening.location
    await config.inputs.wire.admit(address_in(config.inputs.endpoint, location.bucket))

    def client_of(inputs: ClientInputs) -> Client:
        return clients.get(inputs, opening.credentials, Client)

    return make_store(Bucket(f"{location.scheme}://{location.bucket}", config, client_of))


def make_store(bucket: Bucket) -> BucketStore:
    """Give a bucket as a store."""
    return BucketStore(bucket, Expectations(bucket, proof_of(bucket.identity, bucket.way, bucket.name)))
