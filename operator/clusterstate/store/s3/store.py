"""The asynchronous store over a blocking bucket: each call is one visit to the client's lane of threads."""

from collections.abc import AsyncIterator

from clusterstate.errors import StoreRefused
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Version
from clusterstate.store.credentials import Credentials
from clusterstate.store.endpoints import Endpoint, EndpointPolicy
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.options import StoreOptions
from clusterstate.store.s3 import expect as expectations
from clusterstate.store.s3.bucket import Bucket, ListPosition
from clusterstate.store.s3.clients import CLIENTS, Clients, with_region
from clusterstate.store.s3.config import Config, make_config
from clusterstate.store.s3.errors import Request, translating
from clusterstate.store.threads import Lane

_MAKING = Lane()
"""Threads that make clients: a machine without metadata service takes its time to say so."""


class S3Store:
    """The store `s3://BUCKET`."""

    def __init__(self, bucket: Bucket, lane: Lane) -> None:
        self._bucket = bucket
        self._lane = lane
        self._proof = expectations.proof_of(bucket.endpoint)

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint is known to keep; see `expect`."""
        return self._proof.capabilities

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await self._lane.run(self._bucket.get, check_key(key))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        return await self._lane.run(expectations.write, self._bucket, self._proof, check_key(key), data, expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        await self._lane.run(expectations.delete, self._bucket, self._proof, check_key(key), expect)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. One request per page."""
        position: ListPosition | None = ListPosition(after)
        while position is not None:
            page, follows = await self._lane.run(self._bucket.page, check_prefix(prefix), position, shallow=shallow)
            yield page
            if follows == position:
                raise StoreRefused(
                    f"{self._bucket.endpoint} repeats a page of its listing for ever. Have its service corrected."
                )
            position = follows

    async def close(self) -> None:
        """Leave the client to the next store with equal inputs; see `clients`."""


async def open_bucket(
    name: str, options: StoreOptions, credentials: Credentials, policy: EndpointPolicy, clients: Clients = CLIENTS
) -> S3Store:
    """Open a bucket without asking anything of it; errors as `open.open_store`."""
    config = make_config(options, credentials, policy)
    if config.inputs.guard:
        await config.inputs.guard.check(Endpoint.parse(config.inputs.endpoint))
    return await _MAKING.run(_open, name, config, clients)


def _open(name: str, config: Config, clients: Clients) -> S3Store:
    with translating(Request("CreateClient", name, "", config.inputs.endpoint or "AWS")):
        client = clients.get(with_region(config.inputs))
    return S3Store(Bucket(name, config, clients, client), client.lane)
