"""A store that counts what is asked of it, and tells who watches; inside `Retrying` it sees every attempt."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from clusterstate.observing import Asking, Operation
from clusterstate.store.around import Around
from clusterstate.store.base import (
    ANYTHING,
    Blob,
    Expect,
    Page,
    Sink,
    Store,
    Streamed,
    Version,
    streams,
    typed,
)
from clusterstate.store.body import Body


@dataclass(slots=True)
class RequestCounts:
    """Requests so far, by kind. One may be shared by many stores of one event loop."""

    reads: int = 0
    writes: int = 0
    deletes: int = 0
    lists: int = 0
    """Pages asked for."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.reads + self.writes + self.deletes + self.lists


class Counting(Around):
    """Counts what is asked of the store inside, failures too."""

    def __init__(self, inner: Store, counts: RequestCounts, scheme: str) -> None:
        """Take where to add what is asked, and what kind of store this is to who watches."""
        super().__init__(inner)
        self._counts = counts
        self._scheme = scheme

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        self._counts.reads += 1
        with Asking(self._scheme, Operation.READ) as asking:
            blob = await self._inner.read(key)
            asking.request.received = len(blob.data)
        return blob

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        self._counts.writes += 1
        with Asking(self._scheme, Operation.WRITE) as asking:
            version = await self._inner.write(key, data, expect=expect)
            asking.request.sent = len(data)
        return version

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """See `Streams.download`."""
        self._counts.reads += 1
        with Asking(self._scheme, Operation.READ) as asking:
            streamed = await streams(self._inner).download(key, to, size=size)
            asking.request.received = size
        return streamed

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """See `Streams.upload`."""
        self._counts.writes += 1
        with Asking(self._scheme, Operation.WRITE) as asking:
            version = await streams(self._inner).upload(key, body, expect=expect)
            asking.request.sent = body.size
        return version

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        self._counts.deletes += 1
        with Asking(self._scheme, Operation.DELETE):
            await self._inner.delete(key, expect=expect)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`."""
        pages, first = self._inner.list(prefix, after=after, shallow=shallow), True
        self._counts.lists += 1
        while True:
            with Asking(self._scheme, Operation.LIST) as asking:
                page = await anext(pages, None)
                asking.told = first or page is not None  # the last page says that it is the last: nobody asks again
            if page is None:
                return
            self._counts.lists += 0 if first else 1
            first = False
            yield page

    def typed(self, content_type: str) -> Store:
        """See `ContentTypes`."""
        return Counting(typed(self._inner, content_type), self._counts, self._scheme)
