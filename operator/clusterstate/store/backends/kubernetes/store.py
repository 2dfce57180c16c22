"""The store: a file is one Secret, a large one has parts beside it.

A write looks first at the head and at whatever parts there are, in one list. New parts are written before the head,
and the head is written on condition that it is as it was; only then parts go that were listed and that the new head
doesn't name. So no part goes that a head needs: a part that somebody makes sure of in between has another version
than the one listed, and is spared. Who creates a file can't be sure that it was absent all the time, and so makes sure
of its parts once more afterwards. A crash leaves parts without a head, which the next write of the file finds.
"""

import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, ParamSpec, TypeVar

from clusterstate.errors import (
    IntegrityFailed,
    KeyNotFound,
    LostRace,
    StoreError,
    StoreRefused,
)
from clusterstate.kube.kinds import SECRETS, JsonObject
from clusterstate.store.backends.kubernetes import files
from clusterstate.store.backends.kubernetes.conditions import check_expected, check_staying, interrupted
from clusterstate.store.backends.kubernetes.files import Content, Head
from clusterstate.store.backends.kubernetes.namespace import Namespace
from clusterstate.store.backends.kubernetes.objects import Found, Identity
from clusterstate.store.base import (
    ANYTHING,
    LARGEST_FILE,
    Blob,
    Capabilities,
    Expect,
    Page,
    Version,
)
from clusterstate.store.failures import too_large
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.listing import make_pages
from clusterstate.store.threads import Lane

P = ParamSpec("P")
T = TypeVar("T")

_PACKING: Final = Lane()
"""Threads for what would hold up everybody else: compressing a mebibyte takes 30 ms."""
_TRIES: Final = 4
"""How often a part is made sure of against somebody who does the same."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is there of one file."""

    head: Head | None
    parts: tuple[Identity, ...]
    """The parts, those that no head names too."""

    @property
    def version(self) -> Version | None:
        """The file's version, None where there is no file."""
        return self.head.version if self.head else None


class KubernetesStore:
    """All files of a namespace."""

    def __init__(self, namespace: Namespace) -> None:
        """Take the namespace, which is closed with the store."""
        self._namespace = namespace

    @property
    def capabilities(self) -> Capabilities:
        """Everything: the API server compares versions."""
        return Capabilities(atomic_create=True, atomic_update=True, atomic_delete=True)

    @property
    def endpoint(self) -> str:
        """The other cluster's URL; empty for the operator's own cluster."""
        return self._namespace.endpoint

    async def read(self, key: str) -> Blob:
        """See `Store.read`. Raises `IntegrityFailed` where the parts are just being replaced: they are read again."""
        check_key(key)
        try:
            secret = await self._namespace.get(SECRETS, files.name_of(key), key)
        except KeyNotFound:
            await self._namespace.require()
            raise
        head = _head_of(secret)
        if head is None or head.leaving is not None:
            raise KeyNotFound(f"There is no file {self._url(key)}.")
        if head.size > LARGEST_FILE:
            raise too_large(self._url(key))
        try:
            packed = await self._packed(head, secret)
            return Blob(await _apart(head.size, files.unpack, head, packed), head.version)
        except ValueError:
            raise self._damaged(key, "they don't fit their digest") from None

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`.

        Raises `StoreUnavailable` where it is being deleted: what replaced it would go with its last finalizer.
        """
        found = await self._look(check_key(key))
        if found.head is not None:
            check_staying(found.head.leaving, f"Secret {files.name_of(key)}", self._url(key))
        check_expected(found.version, key, expect)
        content = await _apart(len(data), files.pack, data)
        await self._make_sure(key, content)
        written = await self._commit(key, content, found, expect)
        if found.head is None:
            await self._make_sure(key, content)
        names = {files.part_name(key, chunk) for chunk in content.parts}
        await self._remove(key, (part for part in found.parts if part.name not in names))
        return written

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        found = await self._look(check_key(key))
        if found.head is None or found.head.leaving is not None:
            return
        check_expected(found.version, key, expect)
        try:
            await self._namespace.delete(SECRETS, found.head.identity, key)
        except LostRace:
            raise interrupted(self._url(key), expect) from None
        await self._remove(key, found.parts)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. The API server doesn't sort by keys, so everything below the folder is asked for first."""
        labels = files.labels_below(check_prefix(prefix))
        entries = [
            head.entry
            async for page in self._namespace.pages(SECRETS.without_bodies, labels=labels, fields=files.ONLY_OURS)
            for head in map(files.read_head, page)
            if head is not None and head.leaving is None
        ]
        if not entries:
            await self._namespace.require()
        for part in make_pages(entries, prefix, after, shallow=shallow):
            yield part

    async def close(self) -> None:
        """See `Store.close`."""
        await self._namespace.close()

    async def _look(self, key: str) -> _Found:
        head, parts, start = None, [], f"{files.name_of(key)}-"
        labels = files.labels_of_file(key)
        pages = self._namespace.pages(SECRETS.without_bodies, labels=labels, fields=files.ONLY_OURS, key=key)
        async for page in pages:
            for found in page:
                read = files.read_head(found)
                head = read if read is not None and read.key == key else head
                parts += [found.identity] if found.identity.name.startswith(start) else []
        return _Found(head, tuple(parts))

    async def _packed(self, head: Head, secret: Found) -> bytes:
        """Give a file's bytes as they are kept; raise `ValueError` as soon as they are more than the head may have."""
        packed = bytearray(files.read_data(secret.body))
        for name in head.parts:
            packed += files.read_data((await self._part(head, name)).body)
            if len(packed) > head.most:
                raise ValueError
        return bytes(packed)

    async def _part(self, head: Head, name: str) -> Found:
        try:
            return await self._namespace.get(SECRETS, name, head.key)
        except KeyNotFound:
            raise self._damaged(head.key, "a part is missing") from None

    async def _make_sure(self, key: str, content: Content) -> None:
        """Let every part be there, in a version that nobody has seen before."""
        for chunk in content.parts:
            part = files.make_part(self._namespace.name, key, chunk, secrets.token_hex(8))
            await self._renew(key, part)

    async def _renew(self, key: str, part: JsonObject) -> None:
        for _ in range(_TRIES):
            with suppress(LostRace):
                await self._namespace.create(SECRETS, part, key)
                return
            with suppress(LostRace, KeyNotFound):
                name = part["metadata"]["name"]
                there = await self._namespace.get(SECRETS.without_bodies, name, key)
                check_staying(there.leaving, f"Secret {name}", self._url(key))
                await self._namespace.replace(SECRETS, _in_place_of(there.identity, part), key)
                return
        raise interrupted(self._url(key), ANYTHING)

    async def _commit(self, key: str, content: Content, found: _Found, expect: Expect) -> Version:
        """Write the head where it is still as it was found."""
        body = files.make_head(self._namespace.name, key, content)
        try:
            if found.head is None:
                kept = await self._namespace.create(SECRETS, body, key)
            else:
                kept = await self._namespace.replace(SECRETS, _in_place_of(found.head.identity, body), key)
        except (LostRace, KeyNotFound):
            await self._refuse_foreign(key)
            raise interrupted(self._url(key), expect) from None
        if kept.body.get("data") != body["data"]:
            raise self._damaged(key, "the API server got others than were sent")
        return kept.identity.version

    async def _refuse_foreign(self, key: str) -> None:
        """Raise `StoreRefused` where a Secret has a file's name that isn't one of ours."""
        with suppress(KeyNotFound):
            secret = await self._namespace.get(SECRETS, files.name_of(key), key)
            check_staying(secret.leaving, f"Secret {files.name_of(key)}", self._url(key))
            if _head_of(secret) is None:
                raise StoreRefused(
                    f"A Secret {files.name_of(key)} that is no file of a store is in the way of {self._url(key)}. "
                    f"Rename or delete it in namespace {self._namespace.name}."
                )

    async def _remove(self, key: str, parts: Iterable[Identity]) -> None:
        """Delete parts that nobody has made sure of meanwhile; what stays is found by the next write."""
        for part in parts:
            with suppress(StoreError):
                await self._namespace.delete(SECRETS, part, key)

    def _damaged(self, key: str, how: str) -> IntegrityFailed:
        return IntegrityFailed(f"The bytes of {self._url(key)} can't be used: {how}.")

    def _url(self, key: str) -> str:
        return f"{self._namespace.url}/{key}"


async def _apart(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do work on that many bytes, in a thread where they are many."""
    return work(*args, **kwargs) if size <= files.PLAIN else await _PACKING.run(work, *args, **kwargs)


def _head_of(secret: Found) -> Head | None:
    """Give the file that a Secret is the head of, None where it is something else."""
    return files.read_head(secret) if secret.body.get("type") == files.TYPE else None


def _in_place_of(identity: Identity, body: JsonObject) -> JsonObject:
    """Give a Secret that replaces another one, on condition that it is still that one."""
    condition = {"uid": identity.uid, "resourceVersion": identity.version.token}
    return {**body, "metadata": {**body["metadata"], **condition}}
