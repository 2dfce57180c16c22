"""The bytes that a store is to hold: in memory, or a file on disk that many may read at the same time."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from typing import BinaryIO, TypeAlias


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of a file on disk that is to be written to a store."""

    file: BinaryIO = field(repr=False)
    size: int
    md5: bytes
    """What the services compare."""
    sha256: str

    def open(self) -> BinaryIO:
        """Give them to one who reads, from the beginning; closing that leaves the file open.

        Who still reads for a call that was given up doesn't move the place of the next one.
        """
        return io.BufferedReader(Reader(self.file.fileno(), self.size))


class Reader(io.RawIOBase):
    """Reads a file that others read too, by a descriptor and a place of its own."""

    def __init__(self, descriptor: int, size: int) -> None:
        """Take a descriptor, which may be closed from now on, and the file's size."""
        self._size = size
        self._at = 0
        self._descriptor = os.dup(descriptor)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override] # as it is called
        """See `RawIOBase`."""
        count = os.preadv(self._descriptor, [buffer], self._at)
        self._at += count
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See `IOBase`."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readable(self) -> bool:
        """See `IOBase`."""
        return True

    def seekable(self) -> bool:
        """See `IOBase`."""
        return True

    def close(self) -> None:
        """See `IOBase`."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()


Content: TypeAlias = bytes | Body


def md5_of(content: Content) -> bytes:
    """Give the MD5 of what is to be written."""
    return content.md5 if isinstance(content, Body) else md5(content, usedforsecurity=False).digest()


@contextmanager
def opened(content: Content) -> Iterator[bytes | BinaryIO]:
    """Give it as the SDKs take it: bytes, or something to read them from."""
    if isinstance(content, Body):
        with content.open() as source:
            yield source
    else:
        yield content
