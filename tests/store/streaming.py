"""Large files for tests, and what watches how they are moved."""

import io
import tempfile
from dataclasses import dataclass, field
from hashlib import md5, sha256
from typing import BinaryIO, Self, cast

from clusterstate.store.body import Body, Reader
from clusterstate.store.sinks import PART

LARGE = 10 << 20
"""Bytes of a file that nobody reads whole."""


def large(seed: int, size: int = LARGE) -> bytes:
    """Give bytes that no two seeds have in common, quickly."""
    block = sha256(str(seed).encode()).digest() * 2048
    return (block * (size // len(block) + 1))[:size]


class _Reader(Reader):
    def __init__(self, body: "Watched") -> None:
        super().__init__(body.file.fileno(), body.size)
        self._parts = body.parts

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # as it is called
        self._parts.append(len(buffer))
        return super().readinto(buffer)

    def readall(self) -> bytes:
        self._parts.append(LARGE)
        return super().readall()


@dataclass(frozen=True)
class Watched(Body):
    """A file to be written that notes how much of it was asked for at a time."""

    parts: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, data: bytes) -> Self:
        file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed by who uses it
        file.write(data)
        file.flush()
        digest = md5(data).digest()
        return cls(file, len(data), digest, sha256(data).hexdigest())

    def open(self) -> BinaryIO:
        return io.BufferedReader(_Reader(self))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


@dataclass
class Parts:
    """Takes a file, and sees to it that it comes in small parts."""

    data: bytearray = field(default_factory=bytearray)

    def write(self, part: bytes) -> None:
        assert 0 < len(part) <= PART
        self.data += part

    def restart(self) -> None:
        self.data.clear()
