"""A store that begins no write once the process may have lost its leadership; see `clusterstate.fence`.

It stands inside `Retrying`, so that it judges every attempt. Below it, each request of a write is judged once more as
it leaves (`connections`, `kube.requests`): a write may wait for a thread, or take several requests.
"""

from collections.abc import AsyncIterator

from clusterstate.fence import require_leadership
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Sink, Store, Streamed, Version, streams
from clusterstate.store.base import typed as typed_store
from clusterstate.store.body import Body


class Fenced:
    """Raises `LeadershipLost` instead of beginning a write."""

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

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        require_leadership()
        return await self._inner.write(key, data, expect=expect)

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """See `Streams.download`."""
        return await streams(self._inner).download(key, to, size=size)

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """See `Streams.upload`."""
        require_leadership()
        return await streams(self._inner).upload(key, body, expect=expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        require_leadership()
        await self._inner.delete(key, expect=expect)

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`."""
        return self._inner.list(prefix, after=after, shallow=shallow)

    def typed(self, content_type: str) -> Store:
        """See `ContentTypes`."""
        return Fenced(typed_store(self._inner, content_type))

    async def close(self) -> None:
        """See `Store.close`."""
        await self._inner.close()
