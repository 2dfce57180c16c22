"""Opens a container of Swift."""

from typing import Final

from clusterstate.store.backends.swift.client import Client
from clusterstate.store.backends.swift.config import make_inputs
from clusterstate.store.backends.swift.container import Container
from clusterstate.store.backends.swift.expect import Expectations
from clusterstate.store.backends.swift.own import read_own
from clusterstate.store.buckets import BucketStore
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.opening import Opening
from clusterstate.store.threads import Lane

_MAKING: Final = Lane()
"""Threads that read the operator's files and make clients."""


async def open_bucket(opening: Opening, clients: Clients = CLIENTS) -> BucketStore:
    """Open a container without asking anything of it; errors as `open.open_store`."""
    inputs = make_inputs(opening, await _MAKING.run(read_own, opening.credentials))
    await inputs.wire.admit(inputs.auth_url)
    client = await _MAKING.run(clients.get, inputs, opening.credentials, Client)
    return make_store(Container(opening.location.bucket, client))


def make_store(container: Container) -> BucketStore:
    """Give a container as a store."""
    return BucketStore(container, Expectations(container))
