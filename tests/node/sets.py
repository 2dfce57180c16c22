"""Sets on the disk: how they are made and read here, and a disk that dies after so many steps."""

import errno
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from clusterstate.node.files import DATA, SetOnDisk
from clusterstate.node.folder import Content

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OWN, OTHERS = 0o700, 0o755


class Killed(BaseException):
    """What comes in place of a signal 9."""


class Mortal:
    """Counts steps; from the last one on, nothing more can be done: not in a `finally` either."""

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps
        self.taken = 0

    def __call__(self) -> None:
        if self.left is not None and self.taken >= self.left:
            raise Killed
        self.taken += 1


class Full:
    """A disk that is full at one step, and has room again for what is written next."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def __call__(self) -> None:
        self._left -= 1
        if self._left == -1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def content(data: bytes, mode: int = 0o600) -> Content:
    return Content(data, mode, os.geteuid(), os.getegid())


def contents(files: Mapping[str, bytes]) -> dict[str, Content]:
    return {path: content(data) for path, data in files.items()}


def put(directory: Path, files: Mapping[str, bytes], mortal: Mortal | None = None, mode: int = OWN) -> bool:
    """Write a set as the agent does, up to the end of the set before."""
    disk = SetOnDisk(str(directory), mode, mortal or Mortal())
    changed = disk.put(contents(files), NOW)
    if changed:
        disk.clean()
    return changed


def seen(directory: Path) -> dict[str, bytes]:
    """What a reader finds who takes the names in the directory, as the kubelet does."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in _readable(directory)}


def _readable(directory: Path) -> list[Path]:
    tops = [path for path in directory.iterdir() if not path.name.startswith("..") and path.exists()]
    files = [path for path in tops if path.is_file()]
    for top in tops:
        if top.is_dir():
            files += [path for path in top.rglob("*") if path.is_file()]
    return files


def versions(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name.startswith("..2") and path.is_dir())


def stamps(directory: Path) -> dict[str, tuple[int, int, int]]:
    """What every write changes: inode and times of everything, links themselves included."""
    every = [directory, *directory.rglob("*")]
    return {str(path): (it.st_ino, it.st_mtime_ns, it.st_ctime_ns) for path in every for it in [path.lstat()]}


def current(directory: Path) -> str:
    return str((directory / DATA).readlink())
