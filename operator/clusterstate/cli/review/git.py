"""States in a revision of a git repository, read by git itself: nothing is checked out, no filter runs.

`git:REV:PATH`: the folder PATH, from the top of the work tree (`./PATH`: from the current folder), as it is in REV.
"""

import asyncio
import os
from asyncio.subprocess import PIPE
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from clusterstate.errors import CommandInvalid, MalformedFile
from clusterstate.plan.comparison import Files
from clusterstate.state import limits
from clusterstate.state.layout import BACKUPS, CONFIG
from clusterstate.store.base import LARGEST_FILE, Entry, Version
from clusterstate.store.key import find_flaw

PREFIX: Final = "git:"
_CONFIG: Final = f"/{CONFIG}"
_QUIETLY: Final = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class GitSource:
    """A folder of a revision: of clusters, or one cluster's state."""

    word: str
    entries: Mapping[str, Entry]
    """By path below the folder; the version is the object's name."""
    clusters: tuple[str, ...]
    single: bool

    @classmethod
    async def open(cls, word: str) -> Self:
        """Look what is in a folder of a revision. Raises `CommandInvalid` where git has no such thing."""
        revision, separator, path = word.removeprefix(PREFIX).partition(":")
        if not revision or not separator:
            raise CommandInvalid(
                f"{word} names no revision and folder. Write git:REVISION:FOLDER, as in git:main:state."
            )
        entries = {entry.key: entry for entry in await _list(revision, path)}
        if CONFIG in entries:
            return cls(word, entries, (_last_of(path),), single=True)
        clusters = tuple(sorted(filter(_is_cluster, entries)))
        if not clusters:
            raise CommandInvalid(f"{word} holds no cluster: there is no CLUSTER/{CONFIG}. Is it the right folder?")
        return cls(word, entries, tuple(each.removesuffix(_CONFIG) for each in clusters), single=False)

    def url(self, cluster: str) -> str:
        """See `StateSource`."""
        folder = self.word if self.word.endswith((":", "/")) else f"{self.word}/"
        return self.word if self.single else f"{folder}{cluster}"

    async def read(self, cluster: str) -> Files:
        """See `StateSource`."""
        prefix = "" if self.single else f"{cluster}/"
        found = {key.removeprefix(prefix): each for key, each in self.entries.items() if key.startswith(prefix)}
        wanted = {key: each for key, each in found.items() if not key.startswith(BACKUPS)}
        limits.check_total(wanted.values())
        for key, entry in wanted.items():
            if entry.size > LARGEST_FILE:
                raise MalformedFile(f"{key} in {self.word} has more than {LARGEST_FILE} bytes, the most that is read.")
        return dict(zip(wanted, await _read([each.version.token for each in wanted.values()]), strict=True))


def _last_of(path: str) -> str:
    """Give the name of a folder of the work tree."""
    return Path(path).name or Path.cwd().name


def _is_cluster(path: str) -> bool:
    return path.endswith(_CONFIG) and path.count("/") == 1 and not path.startswith(".")


async def _list(revision: str, path: str) -> list[Entry]:
    path = "./" if path in (".", "./") else path.rstrip("/")
    await _must("rev-parse", "--git-dir", error="The current folder is in no git repository")
    spoken = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    await _must(*spoken, f"{revision}^{{tree}}", error=f"git knows no revision {revision} here")
    missing = f"Revision {revision} has no folder {path or '/'}"
    tree = (await _must(*spoken, f"{revision}:{path}", error=missing)).decode().strip()
    if (await _must("cat-file", "-t", tree, error=missing)).strip() != b"tree":
        raise CommandInvalid(f"{path} in revision {revision} is a file. Name the folder that holds it.")
    listed = await _must("ls-tree", "-r", "-z", "--long", "--full-tree", tree, error="git couldn't list the folder")
    limits.check_listed(listed.count(b"\0"), path)
    return list(_entries(listed))


def _entries(listed: bytes) -> Iterator[Entry]:
    """Give the regular files; links aren't followed, and submodules are somebody else's."""
    for line in filter(None, listed.split(b"\0")):
        about, _, name = line.partition(b"\t")
        mode, _, token, size = about.split()
        key = name.decode(errors="surrogateescape")
        if mode.startswith(b"100") and not find_flaw(key):
            yield Entry(key, Version(token.decode()), int(size), _NO_TIME)


async def _read(names: list[str]) -> list[bytes]:
    """Give objects' bytes, in the order of their names."""
    asked = "".join(f"{name}\n" for name in names).encode()
    return list(_objects(await _must("cat-file", "--batch", error="git couldn't read the files", stdin=asked), names))


def _objects(answer: bytes, names: Iterable[str]) -> Iterator[bytes]:
    at = 0
    for name in names:
        end = answer.find(b"\n", at)
        about = answer[at:end].split()
        if end < 0 or len(about) != len(("name", "type", "size")):
            raise CommandInvalid(f"git has lost the object {name}. Run git fsck, or fetch it again.")
        start = end + 1
        at = start + int(about[2]) + 1
        yield answer[start : at - 1]


async def _must(*arguments: str, error: str, stdin: bytes = b"") -> bytes:
    """Run git and give what it prints. Raises `CommandInvalid` with this error, and git's own words, if it fails."""
    try:
        git = await asyncio.create_subprocess_exec(
            "git", *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env={**os.environ, **_QUIETLY}
        )
    except FileNotFoundError:
        raise CommandInvalid("There is no git on PATH. Install it, or name a directory.") from None
    try:
        printed, said = await git.communicate(stdin)
    finally:
        if git.returncode is None:
            git.kill()
            await git.wait()
    if git.returncode:
        words = said.decode(errors="replace").strip().partition("\n")[0]
        raise CommandInvalid(f"{error}{f' ({words})' if words else ''}. Name another, or fetch what is missing.")
    return printed
