"""The asynchronous store over a blocking bucket: each call is one visit to the client's lane of threads."""

from collections.abc import AsyncIterator

from clusterstate.errors import StoreRefused
from clusterstate.store import expect as expectations
from clusterstate.store.backends.gcs.bucket import Bucket, ListPosition
from clusterstate.store.backends.gcs.clients import Client, complete
from clusterstate.store.backends.gcs.config import Config, make_config, own_endpoint
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Version
from clusterstate.store.clients import CLIENTS, Clients
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.opening import Opening
from clusterstate.store.threads import Lane

_MAKING = Lane()
"""Threads that make clients: a machine without metadata service takes its time to say so."""


class GcsStore:
    """A bucket of Google Cloud Storage."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._proof = expectations.proof_of(bucket.endpoint, own=not self.endpoint)

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint is known to keep; see `store.expect`. Google's own keep all ("Request preconditions")."""
        return self._proof.capabilities

    @property
    def endpoint(self) -> str:
        """The custom one; Google's own count as none, since names of buckets are unique there."""
        return own_endpoint(self._bucket.endpoint)

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await self._bucket.lane.run(self._bucket.get, check_key(key))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        return await self._bucket.lane.run(expectations.write, self._bucket, self._proof, check_key(key), data, expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        await self._bucket.lane.run(expectations.delete, self._bucket, self._proof, check_key(key), expect)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. One request per page."""
        position: ListPosition | None = ListPosition(after)
        while position is not None:
            args = check_prefix(prefix), position
            page, follows = await self._bucket.lane.run(self._bucket.page, *args, shallow=shallow)
            yield page
            if follows == position:
                raise StoreRefused(
                    f"{self._bucket.endpoint} repeats a page of its listing for ever. Have its service corrected."
                )
            position = follows

    async def close(self) -> None:
        """Leave the client to the next store with equal inputs; see `clients`."""


async def open_bucket(opening: Opening, clients: Clients = CLIENTS) -> GcsStore:
    """Open a bucket without asking anything of it; errors as `open.open_store`."""
    config = make_config(opening)
    await config.inputs.wire.admit(*config.urls)
    return await _MAKING.run(_open, opening, config, clients)


def _open(opening: Opening, config: Config, clients: Clients) -> GcsStore:
    config = complete(config)
    client = clients.get(config.inputs, opening.credentials, Client)
    return GcsStore(Bucket(f"gs://{opening.location.bucket}", config, client))
