"""kops's objects of one cluster as a store: their files, one request for each."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NoReturn

from clusterstate.errors import KeyNotFound, LostRace, StoreNotFound, StoreRefused, StoreUnsupported
from clusterstate.kube.kinds import JsonObject, Kind
from clusterstate.state.kops_resources.forms import (
    File,
    ObjectContent,
    make_body,
    make_replacement,
    read_file,
    read_object,
)
from clusterstate.state.kops_resources.kinds import CLUSTERS, KINDS, Place, place_of
from clusterstate.store.backends.kubernetes.conditions import check_expected, check_staying, interrupted
from clusterstate.store.backends.kubernetes.namespace import OWN_CLUSTER, Namespace
from clusterstate.store.backends.kubernetes.objects import Found
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Entry, Expect, Page, Version
from clusterstate.store.listing import make_pages
from clusterstate.store.threads import Lane

_WRITING: Final = Lane()
"""Threads for writing many objects down as files, which would hold up everybody else."""
_BODIES: Final = 50
"""Objects of a page: each has its content, and may have a mebibyte."""


class ResourceStore:
    """Those files of a state that are objects; see `kinds`. Others must not be asked for.

    A file's version is the resourceVersion of its object.
    """

    def __init__(self, namespace: Namespace, cluster: str) -> None:
        """Take the namespace, which is closed with the store, and the cluster's name."""
        self._namespace = namespace
        self._cluster = cluster

    @property
    def capabilities(self) -> Capabilities:
        """Everything: the API server compares versions."""
        return Capabilities(atomic_create=True, atomic_update=True, atomic_delete=True)

    @property
    def endpoint(self) -> str:
        """See `KubernetesStore.endpoint`."""
        return self._namespace.endpoint

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        place = self._place(key)
        found = await self._get(place, key)
        file = read_object(place.kind.plural, found.body)
        if file is None or file.key != key or found.leaving is not None:
            raise KeyNotFound(f"There is no file {self._url(key)}.")
        return Blob(file.data, found.identity.version)

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`. Raises `MalformedFile` or `MalformedKeyset` for what kops couldn't use as this file.

        Raises `StoreUnavailable` where the object is being deleted: it would go with its last finalizer.
        """
        place = self._place(key)
        there = await self._find(place, key)
        if there is not None:
            check_staying(there.leaving, f"{place.kind.kind} {place.name}", self._url(key))
        before = there if there is not None and _is_file(place, there.body, key) else None
        check_expected(before.identity.version if before else None, key, expect)
        if there is not None and before is None:
            raise self._taken(place, key)
        content = read_file(place, key, data, before.body if before else None)
        try:
            kept = await self._put(place, key, content, before.body if before else None)
        except (LostRace, KeyNotFound):
            raise interrupted(self._url(key), expect) from None
        return kept.identity.version

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        place = self._place(key)
        there = await self._find(place, key)
        if there is None or there.leaving is not None or not _is_file(place, there.body, key):
            return
        check_expected(there.identity.version, key, expect)
        try:
            await self._namespace.delete(place.kind, there.identity, key)
        except LostRace:
            raise interrupted(self._url(key), expect) from None

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. One list for each kind, with the objects' content: a file's size depends on it.

        Raises `StoreUnsupported` where the API server doesn't know kops's objects, and `StoreRefused` where the
        namespace has another cluster: kops can't tell whose objects there are.
        """
        entries = [entry for kind in KINDS for entry in await self._entries(kind)]
        for page in make_pages(entries, prefix, after, shallow=shallow):
            yield page

    async def close(self) -> None:
        """See `Store.close`."""
        await self._namespace.close()

    async def _entries(self, kind: Kind) -> Sequence[Entry]:
        entries: list[Entry] = []
        try:
            async for page in self._namespace.pages(kind, chunk=_BODIES):
                if kind is CLUSTERS:
                    self._refuse_others(page)
                entries += await _WRITING.run(self._entries_of, kind, page)
        except StoreNotFound:
            await self._require_kinds()
        return entries

    def _entries_of(self, kind: Kind, page: Sequence[Found]) -> Sequence[Entry]:
        files = ((read_object(kind.plural, found.body), found) for found in page if found.leaving is None)
        return [_entry(file, found) for file, found in files if file and place_of(file.key, self._cluster)]

    def _refuse_others(self, clusters: Sequence[Found]) -> None:
        others = sorted(each.identity.name for each in clusters if each.identity.name != self._cluster)
        if others:
            raise StoreRefused(
                f"Namespace {self._namespace.name} has the kops cluster {others[0]} too, and kops can't tell whose "
                f"instance groups and keysets are there. Keep {self._cluster} in another store."
            )

    async def _get(self, place: Place, key: str) -> Found:
        try:
            return await self._namespace.get(place.kind, place.name, key)
        except KeyNotFound:
            await self._namespace.require()
            raise

    async def _find(self, place: Place, key: str) -> Found | None:
        """Give the object at a file's place, whatever file it is; None where there is none."""
        try:
            return await self._namespace.get(place.kind, place.name, key)
        except KeyNotFound:
            return None

    async def _put(self, place: Place, key: str, content: ObjectContent, before: JsonObject | None) -> Found:
        namespace = self._namespace
        if before is not None:
            body = make_replacement(before, place, content)
            return await namespace.replace(place.kind, body, key, strict=True)
        try:
            return await namespace.create(place.kind, make_body(namespace.name, place, content), key, strict=True)
        except KeyNotFound:
            await self._require_kinds()

    async def _require_kinds(self) -> NoReturn:
        """Say what is missing, the namespace or the kinds."""
        await self._namespace.require()
        names = ", ".join(f"{kind.plural}.{kind.group}" for kind in KINDS)
        raise StoreUnsupported(
            f"{self.endpoint or OWN_CLUSTER} doesn't know kops's objects. Install their definitions, {names}, from "
            "k8s/crds in kops's repository."
        )

    def _place(self, key: str) -> Place:
        place = place_of(key, self._cluster)
        assert place is not None, "the caller looked"
        return place

    def _taken(self, place: Place, key: str) -> StoreRefused:
        return StoreRefused(
            f"{place.kind.kind} {place.name} in namespace {self._namespace.name}, which {key} would be, is something "
            "else already. Delete one of them."
        )

    def _url(self, key: str) -> str:
        return f"{self._namespace.url}/{self._cluster}/{key}"


def _is_file(place: Place, body: JsonObject, key: str) -> bool:
    file = read_object(place.kind.plural, body)
    return file is not None and file.key == key


def _entry(file: File, found: Found) -> Entry:
    return Entry(file.key, found.identity.version, len(file.data), found.changed)
