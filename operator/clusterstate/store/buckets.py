"""The asynchronous store over a blocking bucket: each call is one visit to the client's lane of threads."""

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Protocol, Self

from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Sink, Streamed, Version
from clusterstate.store.body import Body, Content
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.listing import ListPosition, follow
from clusterstate.store.threads import Lane


class Bucket(Protocol):
    """What is known and read of a bucket; each method blocks, and raises the errors of `Store`."""

    @property
    def endpoint(self) -> str:
        """The URL that requests go to first."""
        ...

    @property
    def lane(self) -> Lane:
        """The threads to call it from."""
        ...

    @property
    def identity(self) -> str | None:
        """See `Store.endpoint`."""
        ...

    def get(self, key: str) -> Blob:
        """Give a whole file."""
        ...

    def fetch(self, key: str, to: Sink) -> Streamed:
        """Give a whole file to a sink."""
        ...

    def typed(self, content_type: str) -> Self:
        """Give the same bucket, with this content type for whatever is written."""
        ...

    def page(self, prefix: str, position: ListPosition, *, shallow: bool) -> tuple[Page, ListPosition | None]:
        """Give one page of a listing and where the next starts; None when there is no more."""
        ...


class Expectations(Protocol):
    """How a bucket is written to, as far as its service keeps what is expected; each method blocks."""

    @property
    def capabilities(self) -> Capabilities:
        """What is kept."""
        ...

    def write(self, key: str, data: Content, expect: Expect) -> Version:
        """Write a file where the expectation holds, else raise `LostRace`."""
        ...

    def delete(self, key: str, expect: Expect) -> None:
        """Delete a file where the expectation holds, else raise `LostRace`; one that is gone already is fine."""
        ...

    def typed(self, content_type: str) -> Self:
        """Give the same, with this content type for whatever is written."""
        ...


class BucketStore:
    """A bucket as a `Store`."""

    def __init__(self, bucket: Bucket, expectations: Expectations) -> None:
        self._bucket = bucket
        self._expectations = expectations

    @property
    def capabilities(self) -> Capabilities:
        """See `Store.capabilities`."""
        return replace(self._expectations.capabilities, streams=True)

    @property
    def endpoint(self) -> str | None:
        """See `Store.endpoint`."""
        return self._bucket.identity

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await self._bucket.lane.run(self._bucket.get, check_key(key))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        return await self._bucket.lane.run(self._expectations.write, check_key(key), data, expect)

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """See `Streams.download`."""
        return await self._bucket.lane.move(size, self._bucket.fetch, check_key(key), to)

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """See `Streams.upload`."""
        return await self._bucket.lane.move(body.size, self._expectations.write, check_key(key), body, expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        await self._bucket.lane.run(self._expectations.delete, check_key(key), expect)

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. One request per page."""
        page = partial(self._bucket.page, check_prefix(prefix), shallow=shallow)
        return follow(partial(self._bucket.lane.run, page), after, self._bucket.endpoint)

    def typed(self, content_type: str) -> "BucketStore":
        """See `ContentTypes`."""
        return BucketStore(self._bucket, self._expectations.typed(content_type))

    async def close(self) -> None:
        """Leave the client to the next store with equal inputs; see `clients`."""
