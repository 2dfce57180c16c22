"""The asynchronous store over a blocking bucket: each call is one visit to the client's lane of threads."""

from collections.abc import AsyncIterator
from functools import partial

from clusterstate.store.backends.oss import expect as expectations
from clusterstate.store.backends.oss.addresses import address_in
from clusterstate.store.backends.oss.bucket import Bucket
from clusterstate.store.backends.oss.clients import Client
from clusterstate.store.backends.oss.config import ClientInputs, Config, make_config
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Version
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.listing import walk
from clusterstate.store.opening import Opening


class OssStore:
    """A bucket of OSS."""

    def __init__(self, bucket: Bucket, config: Config) -> None:
        self._bucket = bucket
        self._config = config
        self._proof = expectations.proof_of(self.endpoint, bucket.name)

    @property
    def capabilities(self) -> Capabilities:
        """What the bucket is known to keep; see `expect`."""
        return self._proof.capabilities

    @property
    def endpoint(self) -> str:
        """The custom one; OSS's own count as none, since names of buckets are unique there."""
        return "" if self._config.own else self._config.inputs.endpoint

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await self._bucket.lane.run(self._bucket.get, check_key(key))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        return await self._bucket.lane.run(expectations.write, self._bucket, self._proof, check_key(key), data, expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        await self._bucket.lane.run(expectations.delete, self._bucket, check_key(key), expect)

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. One request per page."""
        page = partial(self._bucket.page, check_prefix(prefix), shallow=shallow)
        return walk(partial(self._bucket.lane.run, page), after, self._bucket.endpoint)

    async def close(self) -> None:
        """Leave the client to the next store with equal inputs; see `clients`."""


async def open_bucket(opening: Opening, clients: Clients = CLIENTS) -> OssStore:
    """Open a bucket without asking anything of it; errors as `open.open_store`."""
    config, location = make_config(opening), opening.location
    await config.inputs.wire.admit(address_in(config.inputs.endpoint, location.bucket))

    def client_of(inputs: ClientInputs) -> Client:
        return clients.get(inputs, opening.credentials, Client)

    return OssStore(Bucket(f"{location.scheme}://{location.bucket}", config, client_of), config)
