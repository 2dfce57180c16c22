"""A store that begins no write once the process may have lost its leadership; see `clusterstate.fence`.

It stands inside `Retrying`, so that it judges every attempt. Below it, each request of a write is judged once more as
it leaves (`connections`, `kube.requests`): a write may wait for a thread, or take several requests.
"""

from clusterstate.fence import require_leadership
from clusterstate.store.around import Around
from clusterstate.store.base import ANYTHING, Expect, Store, Version, streams, typed
from clusterstate.store.body import Body


class Fenced(Around):
    """Raises `LeadershipLost` instead of beginning a write."""

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        require_leadership()
        return await self._inner.write(key, data, expect=expect)

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """See `Streams.upload`."""
        require_leadership()
        return await streams(self._inner).upload(key, body, expect=expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        require_leadership()
        await self._inner.delete(key, expect=expect)

    def typed(self, content_type: str) -> Store:
        """See `ContentTypes`."""
        return Fenced(typed(self._inner, content_type))
