"""What export and import last saw to be the same in a directory and in a store: the base of the next three-way look.

It lies in the directory, in two files. That of secrets, private keys and backups goes where these go, for the digest
of a weak password tells the password. Neither holds a time: an export that changes nothing changes no record.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeAlias

import msgspec

from clusterstate.errors import ClusterStateError, KeyNotFound, LostRace, MalformedFile
from clusterstate.plan.exchange import RESERVED, is_sensitive
from clusterstate.store.base import ABSENT, Store, Version

PLAIN: Final = f"{RESERVED}.json"
SENSITIVE: Final = f"{RESERVED}.secrets.json"
_NAMES: Final = (PLAIN, SENSITIVE)
_ABOUT: Final = "Written by clusterstate export and import, to know which side changed a file. Keep it with the files."


_Stores: TypeAlias = dict[str, dict[str, dict[str, str]]]
"""Digests by store, cluster and key."""


class _File(msgspec.Struct):
    stores: _Stores


class Record:
    """Digests by store, cluster and key, of one directory, where others may be at work on other clusters."""

    def __init__(self, folder: Store, digests: _Stores) -> None:
        """Take the directory and what its record files hold; see `load_record`."""
        self._folder = folder
        self._digests = digests
        self._ours: set[tuple[str, str]] = set()

    def of(self, url: str, cluster: str) -> dict[str, str]:
        """Give the digests of a cluster's files in a store, to be changed as the files change."""
        self._ours.add((url, cluster))
        return self._digests.setdefault(url, {}).setdefault(cluster, {})

    def clusters(self, url: str) -> list[str]:
        """Give the clusters of a store of which anything is recorded."""
        return sorted(cluster for cluster, digests in self._digests.get(url, {}).items() if digests)

    @asynccontextmanager
    async def kept(self) -> AsyncGenerator[None, None]:
        """Save it at the end, however that comes; the first thing that went wrong is the one that is told."""
        try:
            yield
        except BaseException:
            with suppress(ClusterStateError):
                await self.save()
            raise
        await self.save()

    async def save(self) -> None:
        """Write the files that have changed; what they say meanwhile of clusters that nobody asked for stays."""
        for name in _NAMES:
            while not await self._save(name):
                continue  # somebody else was faster

    async def _save(self, name: str) -> bool:
        before, version = await _load(self._folder, name)
        after = self._merge(before, sensitive=name == SENSITIVE)
        if after == before:
            return True
        data = json.dumps({"about": _ABOUT, "stores": after}, indent=1, sort_keys=True).encode() + b"\n"
        try:
            await self._folder.write(name, data, expect=version or ABSENT)
        except LostRace:
            return False
        return True

    def _merge(self, before: _Stores, *, sensitive: bool) -> _Stores:
        found = {
            (url, cluster): digests
            for url, clusters in before.items()
            for cluster, digests in clusters.items()
            if (url, cluster) not in self._ours
        }
        for url, cluster in self._ours:
            digests = self._digests[url][cluster]
            found[url, cluster] = {key: each for key, each in digests.items() if is_sensitive(key) is sensitive}
        stores: _Stores = {}
        for (url, cluster), digests in found.items():
            if digests:
                stores.setdefault(url, {})[cluster] = digests
        return stores


async def load_record(folder: Store) -> Record:
    """Read a directory's record, an empty one where there is none; raise `MalformedFile` for what is none."""
    record: _Stores = {}
    for name in _NAMES:
        for url, clusters in (await _load(folder, name))[0].items():
            for cluster, digests in clusters.items():
                record.setdefault(url, {}).setdefault(cluster, {}).update(digests)
    return Record(folder, record)


async def _load(folder: Store, name: str) -> tuple[_Stores, Version | None]:
    try:
        found = await folder.read(name)
    except KeyNotFound:
        return {}, None
    return _read(name, found.data), found.version


def _read(name: str, data: bytes) -> _Stores:
    try:
        return msgspec.json.decode(data, type=_File).stores
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedFile(
            f"{name} isn't what an export recorded. Bring it back from git, or remove it: then files that differ count "
            "as changed by both sides."
        ) from None
