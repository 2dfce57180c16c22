"""Opens a bucket of OSS."""

from typing import Final

from clusterstate.store.backends.oss.addresses import address_in
from clusterstate.store.backends.oss.bucket import Bucket
from clusterstate.store.backends.oss.clients import Client
from clusterstate.store.backends.oss.config import ClientInputs, Config, make_config
from clusterstate.store.backends.oss.expect import Expectations, proof_of
from clusterstate.store.buckets import BucketStore
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.opening import Opening
from clusterstate.store.threads import Lane

_MAKING: Final = Lane()
"""Threads that make clients, or wait for somebody who makes one."""


async def open_bucket(opening: Opening, clients: Clients = CLIENTS) -> BucketStore:
    """Open a bucket without asking anything of it; errors as `open.open_store`."""
    config = make_config(opening)
    await config.inputs.wire.admit(address_in(config.inputs.endpoint, opening.location.bucket))
    return await _MAKING.run(_open, opening, config, clients)


def _open(opening: Opening, config: Config, clients: Clients) -> BucketStore:
    location = opening.location

    def client_of(inputs: ClientInputs) -> Client:
        return clients.get(inputs, opening.credentials, Client)

    return make_store(Bucket(f"{location.scheme}://{location.bucket}", config, client_of))


def make_store(bucket: Bucket) -> BucketStore:
    """Give a bucket as a store."""
    return BucketStore(bucket, Expectations(bucket, proof_of(bucket.identity, bucket.way, bucket.name)))
