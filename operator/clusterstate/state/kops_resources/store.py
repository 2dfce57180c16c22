"""A state of two halves: what kops keeps as objects, and every other file, each in a store of its own."""

from collections.abc import AsyncIterator

from clusterstate.state.kops_resources.kinds import place_of
from clusterstate.state.kops_resources.objects import ResourceStore
from clusterstate.store.backends.kubernetes.opening import open_namespace
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Entry, Expect, Page, Store, Version
from clusterstate.store.counting import Counting, RequestCounts
from clusterstate.store.fencing import Fenced
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.listing import make_pages
from clusterstate.store.opening import Opening
from clusterstate.store.wrappers import Retrying


class DividedStore:
    """One store of two: files that are objects come from one, all others from the other."""

    def __init__(self, objects: Store, files: Store, cluster: str) -> None:
        """Take both, at the cluster's own prefix; that of the files is its opener's to close."""
        self._objects = objects
        self._files = files
        self._cluster = cluster

    @property
    def capabilities(self) -> Capabilities:
        """Those that both halves have."""
        return self._files.capabilities

    @property
    def endpoint(self) -> str | None:
        """That of both halves."""
        return self._files.endpoint

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await self._half(key).read(key)

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        return await self._half(key).write(key, data, expect=expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        await self._half(key).delete(key, expect=expect)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. A file that should be an object isn't seen: nobody could read it."""
        check_prefix(prefix)
        objects = await _entries(self._objects, prefix, after)
        files = [entry for entry in await _entries(self._files, prefix, after) if not self._is_object(entry.key)]
        for page in make_pages([*objects, *files], prefix, after, shallow=shallow):
            yield page

    async def close(self) -> None:
        """See `Store.close`."""
        await self._objects.close()

    def _half(self, key: str) -> Store:
        return self._objects if self._is_object(check_key(key)) else self._files

    def _is_object(self, key: str) -> bool:
        return place_of(key, self._cluster) is not None


async def _entries(store: Store, prefix: str, after: str) -> list[Entry]:
    return [entry async for page in store.list(prefix, after=after) for entry in page.entries]


async def open_divided(opening: Opening, files: Store, counts: RequestCounts) -> DividedStore:
    """Give a cluster's state, whose location is `k8s:///NAMESPACE/CLUSTER`; `files` is the store opened there.

    What is asked of the objects is added to `counts`.

    Errors as `open.open_store`.
    """
    cluster = opening.location.prefix.partition("/")[2]
    objects = ResourceStore(await open_namespace(opening), cluster)
    return DividedStore(Retrying(Fenced(Counting(objects, counts, opening.location.scheme))), files, cluster)
