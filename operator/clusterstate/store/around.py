"""What stores around a store have in common: whatever writes nothing goes to the store inside as it is.

Each says by itself what becomes of a write, so that none passes through one that means to stop or to see it.
"""

from collections.abc import AsyncIterator

from clusterstate.store.base import Blob, Capabilities, Page, Sink, Store, Streamed, streams


class Around:
    """Hands on what doesn't write."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner

    @property
    def capabilities(self) -> Capabilities:
        """Those of the store inside."""
        return self._inner.capabilities

    @property
    def endpoint(self) -> str | None:
        """That of the store inside."""
        return self._inner.endpoint

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await self._inner.read(key)

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """See `Streams.download`."""
        return await streams(self._inner).download(key, to, size=size)

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`."""
        return self._inner.list(prefix, after=after, shallow=shallow)

    async def close(self) -> None:
        """See `Store.close`."""
        await self._inner.close()
