"""What was proven to be copied, kept in a file, so that a copy that was interrupted needn't look at it again.

The file is only ever added to: a first line that says which copy it belongs to, then one line for each proof, each
behind its own checksum. What a killed process left of a last line is cut off; any other damage is an error, since a
proof that isn't one would lose a file. One process at a time has it.
"""

import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zlib import crc32

from clusterstate.errors import CommandInvalid, DiskFull
from clusterstate.store.base import Version

FORMAT: Final = "clusterstate copy 1"


@dataclass(slots=True)
class Journal:
    """The versions of each file that hold the same bytes at both places, by key."""

    pairs: dict[str, tuple[Version, Version]] = field(default_factory=dict)
    _path: Path | None = None
    _descriptor: int = -1

    def note(self, key: str, source: Version, target: Version) -> None:
        """Note that both versions hold the same bytes. Raises `DiskFull` where that can't be kept."""
        if self.pairs.get(key) == (source, target):
            return
        self.pairs[key] = (source, target)
        if self._path is not None:
            _append(self._path, self._descriptor, [key, source.token, target.token])


@contextmanager
def journal_of(path: Path | None, way: tuple[str, ...], *, keeps: bool = True) -> Iterator[Journal]:
    """Open the journal of one copy, made where there is none; without a path it is kept in memory alone.

    `way` tells the copy from others. Unless it `keeps`, the file is only read, where there is one. Raises
    `CommandInvalid` for a file that is damaged, another copy's, or in use.
    """
    if path is None:
        yield Journal()
        return
    if not keeps:
        yield Journal(_read(path, way) if path.exists() else {})
        return
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        _lock(path, descriptor)
        yield Journal(_resume(path, descriptor, way), path, descriptor)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, way: tuple[str, ...]) -> dict[str, tuple[Version, Version]]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, error) from None
    try:
        _lock(path, descriptor)
        return _load(path, way)[0]
    finally:
        os.close(descriptor)


def _unusable(path: Path, error: OSError) -> CommandInvalid:
    return CommandInvalid(f"{path} can't be opened: {error.strerror}. Name another file.")


def _lock(path: Path, descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise CommandInvalid(f"{path} is no regular file. Name another one.")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CommandInvalid(f"{path} is in use by another copy. Wait for its end, or name another file.") from None


def _resume(path: Path, descriptor: int, way: tuple[str, ...]) -> dict[str, tuple[Version, Version]]:
    """Give what is proven, and have the file begin and end with whole lines."""
    pairs, whole = _load(path, way)
    try:
        os.ftruncate(descriptor, whole)
    except OSError as error:
        raise _unusable(path, error) from None
    if not whole:
        _append(path, descriptor, [FORMAT, *way])
    return pairs


def _load(path: Path, way: tuple[str, ...]) -> tuple[dict[str, tuple[Version, Version]], int]:
    """Give what is proven, and the length of the lines that are whole."""
    header = [FORMAT, *way]
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unusable(path, error) from None
    whole = data[: data.rfind(b"\n") + 1]
    lines = [_decode(path, number, line) for number, line in enumerate(whole.split(b"\n")[:-1], start=1)]
    if not lines and not _encode(header).startswith(data):
        raise _damaged(path, 1)
    if lines and lines[0] != header:
        raise CommandInvalid(
            f"{path} is the checkpoint of another copy, {' -> '.join(lines[0][1:])}. Name another file."
        )
    return {key: (Version(source), Version(target)) for key, source, target in lines[1:]}, len(whole)


def _encode(fields: list[str]) -> bytes:
    text = json.dumps(fields).encode()
    return b"%08x %s\n" % (crc32(text), text)


def _decode(path: Path, number: int, line: bytes) -> list[str]:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % crc32(text):
        raise _damaged(path, number)
    try:
        fields: list[str] = json.loads(text)
    except ValueError:
        raise _damaged(path, number) from None
    if number == 1 and fields[0] != FORMAT:
        raise _damaged(path, number)
    return fields


def _damaged(path: Path, number: int) -> CommandInvalid:
    return CommandInvalid(
        f"{path} is no checkpoint, or is damaged in line {number}. Name another file, or remove it: then what is at "
        "the target already is looked at again."
    )


def _append(path: Path, descriptor: int, fields: list[str]) -> None:
    line = _encode(fields)
    try:
        written = os.write(descriptor, line)
    except OSError as error:
        raise _full(path, error.strerror or str(error)) from None
    if written < len(line):
        raise _full(path, "No space left on device")


def _full(path: Path, why: str) -> DiskFull:
    return DiskFull(f"{path} can't be written: {why}. Make room, and run the same again: it goes on from there.")
