"""The asynchronous store over a blocking bucket: each call is one visit to the client's lane of threads.

For backends whose service keeps, or may keep, conditions: see `expect`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from clusterstate.errors import StoreRefused
from clusterstate.store import expect as expectations
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Version
from clusterstate.store.expect import Proof
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.threads import Lane


@dataclass(frozen=True, slots=True)
class ListPosition:
    """Where the next page of a listing starts."""

    after: str = ""
    token: str = ""
    """What the service gave with the page before; it wins over `after`."""


class ListedBucket(expectations.Bucket, Protocol):
    """A bucket whose files can be listed too."""

    @property
    def endpoint(self) -> str:
        """The URL that requests go to first."""
        ...

    @property
    def lane(self) -> Lane:
        """The threads to call it from."""
        ...

    def page(self, prefix: str, position: ListPosition, *, shallow: bool) -> tuple[Page, ListPosition | None]:
        """Give one page of a listing and where the next starts; None when there is no more."""
        ...


class BucketStore:
    """A bucket as a `Store`."""

    def __init__(self, bucket: ListedBucket, proof: Proof, endpoint: str) -> None:
        """Take the bucket, what its endpoint is known to keep, and what claims call that endpoint."""
        self._bucket = bucket
        self._proof = proof
        self._endpoint = endpoint

    @property
    def capabilities(self) -> Capabilities:
        """What the endpoint is known to keep; see `expect`."""
        return self._proof.capabilities

    @property
    def endpoint(self) -> str:
        """See `Store.endpoint`."""
        return self._endpoint

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
