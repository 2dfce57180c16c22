"""A directory that holds states: opened as a store, so that files in it are whole at every moment.

No link in it is followed, and what isn't the state's isn't looked at: `.git`, a README.
"""

import fcntl
import os
import re
import stat
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clusterstate.errors import CommandInvalid
from clusterstate.gather import own_credentials
from clusterstate.plan.exchange import RESERVED
from clusterstate.plan.naming import named
from clusterstate.store.base import Entry, Store
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.key import find_flaw
from clusterstate.store.location import Location
from clusterstate.store.open import open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions

_UNFINISHED: Final = re.compile(re.escape(RESERVED) + r"-[0-9a-f]{16}")
OWN_ONLY: Final = 0o077
"""The umask: what is exported is read by whoever exported it."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One directory."""

    path: Path
    """Absolute."""
    store: Store

    async def entries(self, cluster: str) -> dict[str, Entry]:
        """Give a cluster's files by their key; a version is the SHA-256 of the bytes."""
        start = f"{cluster}/"
        pages = self.store.list(start)
        return {entry.key.removeprefix(start): entry async for page in pages for entry in page.entries}

    def clusters(self, file: str = "") -> list[str]:
        """Give the names of the folders in it, but those that start with a dot, or those with such a file in them."""
        with os.scandir(self.path) as found:
            names = sorted(each.name for each in found if each.is_dir() and not each.name.startswith("."))
        return [name for name in names if not file or Path(self.path, name, file).is_file()]

    def sweep(self, cluster: str) -> None:
        """Remove unfinished files, which an export that was killed has left behind; nobody writes meanwhile."""
        with self._alone():
            for folder in (self.path, *(Path(each) for each, _, _ in os.walk(self.path / cluster))):
                for path in [each for each in folder.iterdir() if _UNFINISHED.fullmatch(each.name)]:
                    path.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def require_plain(self, cluster: str) -> None:
        """Raise `CommandInvalid` where a cluster's folder holds what can't be taken: links, pipes, odd names."""
        strangers = [*_find_strangers(self.path, cluster)]
        if strangers:
            raise CommandInvalid(
                f"{named(strangers)} in {self.path} can't be taken: only files and folders with plain names can, links "
                "can't. Nothing was written. Remove them, or put the files themselves there."
            )


@asynccontextmanager
async def opened_folder(path: Path) -> AsyncGenerator[Folder, None]:
    """Open a directory, which need not exist yet. Raises `CommandInvalid` where something else is there."""
    whole = _find(path)
    location = Location("file", "", str(whole).lstrip("/"))
    policy = EndpointPolicy(file_roots=(str(whole),))
    store = await open_store(Opening(location, StoreOptions(), own_credentials("file", {}), policy))
    try:
        yield Folder(whole, store)
    finally:
        await store.close()


def _find(path: Path) -> Path:
    whole = path.resolve()
    if whole.exists() and not whole.is_dir():
        raise CommandInvalid(f"{path} isn't a directory. Name one, or one that is to be made.")
    return whole


def _find_strangers(root: Path, cluster: str) -> Iterator[str]:
    top = root / cluster
    if top.is_symlink():
        yield cluster
        return
    for folder, folders, names in os.walk(top):
        for name in (*folders, *names):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            shown = str(path.relative_to(root)).encode(errors="surrogateescape").decode(errors="replace")
            if (
                not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
                or find_flaw(shown)
                or "\N{REPLACEMENT CHARACTER}" in shown
            ):
                yield shown
