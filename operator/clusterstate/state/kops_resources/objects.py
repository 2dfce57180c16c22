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
from clusterstate.store.backends.kubernetes.conditions import check_expected, interrupted
from clusterstate.store.backends.kubernetes.namespace import OWN_CLUSTER, Namespace
from clusterstate.store.backends.kubernetes.times import last_change
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Entry, Expect, Page, Version
from clusterstate.store.listing import make_pages
from clusterstate.store.threads import Lane

_WRITING: Final = Lane()
"""Threads for writing many objects down as files, which would hold up everybody else."""


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
        body = await self._get(place, key)
        file = read_object(place.kind.plural, body)
        if file is None or file.key != key:
            raise KeyNotFound(f"There is no file {self._url(key)}.")
        return Blob(file.data, _version(body))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`. Raises `MalformedFile` or `MalformedKeyset` for what kops couldn't use as this file."""
        place = self._place(key)
        there = await self._find(place, key)
        before = there if there is not None and _is_file(place, there, key) else None
        check_expected(None if before is None else _version(before), key, expect)
        if there is not None and before is None:
            raise self._taken(place, key)
        content = read_file(place, key, data, before)
        try:
            return _version(await self._put(place, key, content, before))
        except (LostRace, KeyNotFound):
            raise interrupted(self._url(key), expect) from None

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        place = self._place(key)
        there = await self._find(place, key)
        if there is None or not _is_file(place, there, key):
            return
        check_expected(_version(there), key, expect)
        try:
            await self._namespace.delete(place.kind, there["metadata"], key)
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
        try:
            bodies = await self._namespace.list(kind)
        except StoreNotFound:
            await self._require_kinds()
        if kind is CLUSTERS:
            self._refuse_others(bodies)
        return await _WRITING.run(self._entries_of, kind, bodies)

    def _entries_of(self, kind: Kind, bodies: Sequence[JsonObject]) -> Sequence[Entry]:
        files = ((read_object(kind.plural, body), body) for body in bodies)
        return [_entry(file, body) for file, body in files if file and place_of(file.key, self._cluster)]

    def _refuse_others(self, clusters: Sequence[JsonObject]) -> None:
        others = sorted(each["metadata"]["name"] for each in clusters if each["metadata"]["name"] != self._cluster)
        if others:
            raise StoreRefused(
                f"Namespace {self._namespace.name} has the kops cluster {others[0]} too, and kops can't tell whose "
                f"instance groups and keysets are there. Keep {self._cluster} in another store."
            )

    async def _get(self, place: Place, key: str) -> JsonObject:
        try:
            return await self._namespace.get(place.kind, place.name, key)
        except KeyNotFound:
            await self._namespace.require()
            raise

    async def _find(self, place: Place, key: str) -> JsonObject | None:
        """Give the object at a file's place, whatever file it is; None where there is none."""
        try:
            return await self._namespace.get(place.kind, place.name, key)
        except KeyNotFound:
            return None

    async def _put(self, place: Place, key: str, content: ObjectContent, before: JsonObject | None) -> JsonObject:
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


def _version(body: JsonObject) -> Version:
    return Version(body["metadata"]["resourceVersion"])


def _entry(file: File, body: JsonObject) -> Entry:
    return Entry(file.key, _version(body), len(file.data), last_change(body["metadata"]))
