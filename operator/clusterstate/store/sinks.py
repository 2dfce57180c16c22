"""What takes a file's bytes as they arrive from a store: into memory, onto disk, or into nothing but digests."""

import threading
from collections.abc import Callable
from hashlib import md5, sha256
from typing import BinaryIO, Final

from clusterstate.errors import DiskFull
from clusterstate.store.base import LARGEST_FILE, Sink
from clusterstate.store.body import Body
from clusterstate.store.failures import lost_race, too_large
from clusterstate.store.threads import require_wanted

PART: Final = 1 << 20
"""Bytes that are in memory of a file that isn't read whole."""


class Whole:
    """Keeps a file in memory; raises `StoreRefused` for one that has more bytes than anybody reads."""

    def __init__(self, place: str) -> None:
        """Take the file's URL, for messages."""
        self._place = place
        self._data = bytearray()

    @property
    def data(self) -> bytes:
        """What came."""
        return bytes(self._data)

    def write(self, part: bytes) -> None:
        """See `Sink.write`."""
        self._data += part
        if len(self._data) > LARGEST_FILE:
            raise too_large(self._place)

    def restart(self) -> None:
        """See `Sink.restart`."""
        self._data.clear()


class Digest:
    """Keeps a file's size and digests, and its bytes where there is a file on disk for them."""

    def __init__(self, key: str, most: int, file: BinaryIO | None = None) -> None:
        """Take the file's key for messages, the bytes that it may have, and maybe where they go."""
        self._key = key
        self._most = most
        self._file = file
        self._lock = threading.Lock()
        """Held while a part is taken: a call that was given up may have one in hand."""
        self._begin()

    def _begin(self) -> None:
        self.size = 0
        self._sha256 = sha256()
        self._md5 = md5(usedforsecurity=False)

    @property
    def sha256(self) -> str:
        """Of what came, in hex."""
        return self._sha256.hexdigest()

    def write(self, part: bytes) -> None:
        """See `Sink.write`. Raises `LostRace` for more bytes than there were, `DiskFull` where they find no room."""
        with self._lock:
            require_wanted()
            self.size += len(part)
            if self.size > self._most:
                raise lost_race(self._key)
            self._sha256.update(part)
            self._md5.update(part)
            if self._file is not None:
                _put_down(part, self._file)

    def restart(self) -> None:
        """See `Sink.restart`."""
        with self._lock:
            self._begin()
            if self._file is not None:
                self._file.seek(0)

    def body(self) -> Body:
        """Give what came as it lies on disk; blocks."""
        assert self._file is not None, "else nothing was kept"
        self._file.truncate(self.size)
        return Body(self._file, self.size, self._md5.digest(), self.sha256)


def _put_down(part: bytes, file: BinaryIO) -> None:
    try:
        file.write(part)
        file.flush()
    except OSError as error:
        raise no_room(error.strerror or "") from None


def no_room(why: str) -> DiskFull:
    """Give the error for a file that can't be put down."""
    return DiskFull(
        f"A file of more than {LARGEST_FILE} bytes lies on the operator's own disk while it is copied, and can't be "
        f"put there ({why}). Free some space, or set TMPDIR to a folder with more."
    )


def pour(read: Callable[[int], bytes], to: Sink) -> str:
    """Give a sink everything that can be read; give its MD5 in hex."""
    digest = md5(usedforsecurity=False)
    while part := read(PART):
        digest.update(part)
        to.write(part)
    return digest.hexdigest()
