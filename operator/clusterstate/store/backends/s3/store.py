"""The asynchronous store over a blocking bucket: each call is one visit to the client's lane of threads."""

from collections.abc import AsyncIterator

from clusterstate.store.backends.s3 import expect as expectations
from clusterstate.store.backends.s3.bucket import Bucket, ListPosition
from clusterstate.store.backends.s3.clients import Client, with_region
from clusterstate.store.backends.s3.config import ClientInputs, Config, make_config
from clusterstate.store.backends.s3.errors import translating
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Version
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.failures import Request
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.listing import follow
from clusterstate.store.opening import Opening
from clusterstate.store.threads import Lane

_MAKING = Lane()
"""Threads that make clients: a machine without metadata service takes its time to say so."""


class S3Store:
    """A bucket of S3 or one of its flavours."""

    def __init__(self, bucket: Bucket, config: Config) -> None:
        self._bucket = bucket
        self._config = config
        self._proof = expectations.proof_of(bucket.endpoint)

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint is known to keep; see `expect`."""
        return self._proof.capabilities

    @property
    def endpoint(self) -> str:
        """The custom one; AWS's own count as none, since names of buckets are unique there."""
        return self._config.inputs.endpoint

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await self._bucket.lane.run(self._bucket.get, check_key(key))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        return await self._bucket.lane.run(expectations.write, self._bucket, self._proof, check_key(key), data, expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        await self._bucket.lane.run(expectations.delete, self._bucket, self._proof, check_key(key), expect)

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. One request per page."""

        async def fetch(position: ListPosition) -> tuple[Page, ListPosition | None]:
            return await self._bucket.lane.run(self._bucket.page, check_prefix(prefix), position, shallow=shallow)

        return follow(fetch, ListPosition(after), self._bucket.endpoint)

    async def close(self) -> None:
        """Leave the client to the next store with equal inputs; see `clients`."""


async def open_bucket(opening: Opening, clients: Clients = CLIENTS) -> S3Store:
    """Open a bucket without asking anything of it; errors as `open.open_store`."""
    config = make_config(opening)
    await config.inputs.wire.admit(config.inputs.endpoint)
    return await _MAKING.run(_open, opening, config, clients)


def _open(opening: Opening, config: Config, clients: Clients) -> S3Store:
    location = opening.location

    def client_of(inputs: ClientInputs) -> Client:
        return clients.get(with_region(inputs), opening.credentials, Client)

    url = f"{location.scheme}://{location.bucket}"
    with translating(Request("CreateClient", url, "", config.inputs.endpoint or "AWS")):
        return S3Store(Bucket(url, config, client_of), config)
