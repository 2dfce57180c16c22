"""What export and import last saw to be the same in a directory and in a store: the base of the next three-way look.

It lies in the directory, in two files. That of secrets, private keys and backups goes where these go, for the digest
of a weak password tells the password. Neither holds a time: an export that changes nothing changes no record.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import msgspec

from clusterstate.errors import KeyNotFound, MalformedFile, StoreError
from clusterstate.plan.exchange import RESERVED, is_sensitive
from clusterstate.store.base import Store

PLAIN: Final = f"{RESERVED}.json"
SENSITIVE: Final = f"{RESERVED}.secrets.json"
_ABOUT: Final = "Written by clusterstate export and import, to know which side changed a file. Keep it with the files."


class _File(msgspec.Struct):
    stores: dict[str, dict[str, dict[str, str]]]
    """Digests by store, cluster and key."""


class Record:
    """Digests by store, cluster and key, of one directory."""

    def __init__(self, folder: Store, files: dict[str, bytes]) -> None:
        """Take the directory and what its record files hold; see `load_record`."""
        self._folder = folder
        self._files = files
        self._digests: dict[str, dict[str, dict[str, str]]] = {}
        for name, data in files.items():
            for url, clusters in _read(name, data).items():
                for cluster, digests in clusters.items():
                    self.of(url, cluster).update(digests)

    def of(self, url: str, cluster: str) -> dict[str, str]:
        """Give the digests of a cluster's files in a store, to be changed as the files change."""
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
            with suppress(StoreError):
                await self.save()
            raise
        await self.save()

    async def save(self) -> None:
        """Write the files that have changed."""
        for name, sensitive in ((PLAIN, False), (SENSITIVE, True)):
            data = self._encode(sensitive=sensitive)
            if data != self._files.get(name, b""):
                await self._folder.write(name, data)
                self._files[name] = data

    def _encode(self, *, sensitive: bool) -> bytes:
        stores: dict[str, dict[str, dict[str, str]]] = {}
        for url, clusters in self._digests.items():
            for cluster, digests in clusters.items():
                chosen = {key: each for key, each in digests.items() if is_sensitive(key) is sensitive}
                if chosen:
                    stores.setdefault(url, {})[cluster] = chosen
        known = SENSITIVE if sensitive else PLAIN
        if not stores and known not in self._files:
            return b""
        return json.dumps({"about": _ABOUT, "stores": stores}, indent=1, sort_keys=True).encode() + b"\n"


async def load_record(folder: Store) -> Record:
    """Read a directory's record, an empty one where there is none; raise `MalformedFile` for what is none."""
    files = {}
    for name in (PLAIN, SENSITIVE):
        try:
            files[name] = (await folder.read(name)).data
        except KeyNotFound:
            continue
    return Record(folder, files)


def _read(name: str, data: bytes) -> dict[str, dict[str, dict[str, str]]]:
    try:
        return msgspec.json.decode(data, type=_File).stores
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedFile(
            f"{name} isn't what an export recorded. Bring it back from git, or remove it: then files that differ count "
            "as changed by both sides."
        ) from None
