"""One file from a store to another, whatever its size, and nothing believed that wasn't read back.

A file of up to `LARGEST_FILE` bytes is held in memory. A larger one lies on the operator's own disk meanwhile, one of
them at a time in a process: as a file without a name in `TMPDIR`, which nobody else can open, and which the system
removes with the process too, however that ends. Its SHA-256 is taken as it arrives, and once more of what the target
gives back, of which nothing is kept.
"""

import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import BinaryIO, Final, Self, TypeAlias, cast

from clusterstate.errors import IntegrityFailed
from clusterstate.store.base import (
    LARGEST_COPY,
    LARGEST_FILE,
    Blob,
    Expect,
    Store,
    Version,
    streams,
    typed,
)
from clusterstate.store.body import Body, Content, md5_of
from clusterstate.store.sinks import Digest, no_room
from clusterstate.store.threads import Lane, let_go, require_wanted

_TURNS: Final = Lane(1)
"""Whoever has its one place has a large file on disk."""
_DISK: Final = Lane(1)
"""Threads for what the disk is asked beside reading and writing."""


Form: TypeAlias = Callable[[bytes], bytes]
"""Gives of a file in memory what has to be the same in both stores: one of them may keep the meaning, not the bytes."""


def as_it_is(data: bytes) -> bytes:
    """Give the very bytes."""
    return data


def most_of(store: Store) -> int:
    """Give the bytes of the largest file that can be copied from there or to there."""
    return LARGEST_COPY if store.capabilities.streams else LARGEST_FILE


@dataclass(frozen=True, slots=True)
class Seen:
    """A file that was read whole, and of which this was kept."""

    version: Version
    size: int
    digest: str
    """SHA-256 of the file's `Form`, in hex."""
    content_type: str

    @classmethod
    def of(cls, blob: Blob, form: Form) -> Self:
        """Give the same of a file in memory."""
        return cls(blob.version, len(blob.data), sha256(form(blob.data)).hexdigest(), blob.content_type)


async def see(store: Store, key: str, size: int, form: Form = as_it_is) -> Seen:
    """Read a whole file to nowhere; `size` is about what it has."""
    if size <= LARGEST_FILE or not store.capabilities.streams:
        return Seen.of(await store.read(key), form)
    digest = Digest(key, LARGEST_COPY)
    told = await streams(store).download(key, digest, size=size)
    return Seen(told.version, digest.size, digest.sha256, told.content_type)


@dataclass(frozen=True, slots=True)
class Freight:
    """A file's bytes on their way."""

    seen: Seen
    content: Content = field(repr=False)
    form: Form = as_it_is

    @classmethod
    def of(cls, blob: Blob, form: Form) -> Self:
        """Give a file that is in memory."""
        return cls(Seen.of(blob, form), blob.data, form)

    async def unload(self, store: Store, key: str, place: str, *, expect: Expect) -> Seen:
        """Write it, and give what is there then, read back; `place` is the store's URL, for messages.

        Raise `IntegrityFailed` where it isn't the same.
        """
        await self._write(store, key, expect)
        return await self._look(store, key, place)

    async def deliver(self, store: Store, key: str, place: str, *, expect: Expect) -> Version:
        """Do the same, without reading it back where the service says itself that it has got these very bytes.

        It does where the new version is their MD5, which it can only have made of what arrived.
        """
        version = await self._write(store, key, expect)
        vouched = version.token.lower() == md5_of(self.content).hex()
        return version if vouched else (await self._look(store, key, place)).version

    async def _write(self, store: Store, key: str, expect: Expect) -> Version:
        to = typed(store, _worth_keeping(self.seen.content_type))
        if isinstance(self.content, Body):
            return await streams(to).upload(key, self.content, expect=expect)
        return await to.write(key, self.content, expect=expect)

    async def _look(self, store: Store, key: str, place: str) -> Seen:
        there = await see(store, key, self.seen.size, self.form)
        if there.digest != self.seen.digest:
            raise IntegrityFailed(f"{key} isn't at {place} as it was written there.")
        return there


@asynccontextmanager
async def loaded(store: Store, key: str, size: int, form: Form = as_it_is) -> AsyncIterator[Freight]:
    """Take a file, of `size` bytes as a listing has it, for as long as it is on its way.

    Raise `LostRace` where it has grown out of that meanwhile, `DiskFull` where it finds no room.
    """
    if size <= LARGEST_FILE:
        yield Freight.of(await store.read(key), form)
        return
    async with _spooling(size) as file:
        digest = Digest(key, size, file)
        told = await streams(store).download(key, digest, size=size)
        body = await _DISK.run(digest.body)
        yield Freight(Seen(told.version, body.size, body.sha256, told.content_type), body)


@asynccontextmanager
async def _spooling(size: int) -> AsyncIterator[BinaryIO]:
    """Give an empty file where so many bytes have room, when nobody else in the process has one."""
    places, spool = await _TURNS.enter(), _Spool()
    try:
        yield await _DISK.run(spool.make, size)
    finally:
        let_go(places, spool.close)  # which frees gigabytes, and waits for a thread that still has the file in hand


class _Spool:
    """A file that is closed for certain, though its maker is cancelled while a thread makes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack = ExitStack()

    def make(self, size: int) -> BinaryIO:
        with self._lock:
            require_wanted()
            return self._stack.enter_context(_make(size))

    def close(self) -> None:
        with self._lock:
            self._stack.close()


def _make(size: int) -> BinaryIO:
    try:
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
        if free < size:
            raise no_room(f"{folder} has {free} bytes left, {size} are needed")
        return cast("BinaryIO", tempfile.TemporaryFile(dir=folder))
    except OSError as error:
        raise no_room(error.strerror or str(error)) from None


def _worth_keeping(content_type: str) -> str:
    """Give a content type, empty for one that says nothing: each store has its own for those."""
    return "" if content_type.endswith("/octet-stream") else content_type
