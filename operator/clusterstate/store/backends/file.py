"""`file:///FOLDER`: a store on this machine's disk, for review (kops: "only for dry-run purposes").

Writes are whole: a temporary file is filled, synced and renamed over the old one, or linked where nothing may be.
All writers of one folder take turns by a lock on it (`flock`), so expectations hold among those who use this
module; kops and editors don't take part. No path leads out of the folder: symbolic links below it are neither
followed nor listed. A version is the digest of the bytes: times are too coarse and inodes are used again, and a
store for review is small enough to be read whole.

The store is one of the operator's roots, so that no link on the way from there to a state is followed either.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import BufferedReader, BufferedWriter
from pathlib import Path

from clusterstate.errors import AccessDenied, KeyNotFound, LostRace, StoreError, StoreRefused, StoreUnavailable
from clusterstate.store.base import (
    ANYTHING,
    LARGEST_FILE,
    Absent,
    Anything,
    Blob,
    Capabilities,
    Entry,
    Expect,
    Page,
    Sink,
    Streamed,
    Version,
)
from clusterstate.store.body import Body, Content, opened
from clusterstate.store.key import check_key, check_prefix, find_flaw, join
from clusterstate.store.listing import make_pages
from clusterstate.store.sinks import PART, pour
from clusterstate.store.threads import Lane, require_wanted

TEMPORARY = ".clusterstate-"
"""How the names of unfinished files start; one that a crash left behind isn't listed and may be deleted."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EEXIST})
"""How the system says that no regular file is there: nothing, or something of another kind."""
_DIGEST = hashlib.sha256
_LANE = Lane()
_LAST = Lane(seconds=2.0)
"""For what is waited for at the end, which somebody else may hold up."""


class FileStore:
    """The store of one folder, which need not exist before the first write."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._writes = False

    @property
    def capabilities(self) -> Capabilities:
        """Everything but shared: a cluster's nodes don't have this disk."""
        return Capabilities(atomic_create=True, atomic_update=True, atomic_delete=True, shared=False, streams=True)

    @property
    def endpoint(self) -> str:
        """None: it is here."""
        return ""

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await _LANE.run(self._read, check_key(key))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        return await _LANE.run(self._write, check_key(key), data, expect)

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """See `Streams.download`."""
        return await _LANE.move(size, self._fetch, check_key(key), to)

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """See `Streams.upload`."""
        return await _LANE.move(body.size, self._write, check_key(key), body, expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`. Folders that become empty go too: an object store has none."""
        await _LANE.run(self._delete, check_key(key), expect)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`."""
        entries = await _LANE.run(self._entries, check_prefix(prefix), shallow)
        for page in make_pages(entries, prefix, after, shallow=shallow):
            yield page

    async def close(self) -> None:
        """Wait for a write that was given up in its midst: the process's end would leave an unfinished file."""
        if self._writes:
            with suppress(StoreError):
                await _LAST.run(self._rest)

    def _rest(self) -> None:
        with self._translating("", _NOT_THERE), self._turn():
            return

    def _read(self, key: str) -> Blob:
        with self._translating(key, _NOT_THERE), self._folder_of(key) as (folder, name):
            return _blob(_bytes_of(name, folder))

    def _fetch(self, key: str, to: Sink) -> Streamed:
        digest = _DIGEST()
        with self._translating(key, _NOT_THERE), self._folder_of(key) as (folder, name), _opened(name, folder) as file:

            def read(size: int) -> bytes:
                part = file.read(size)
                digest.update(part)
                return part

            pour(read, to)
        return Streamed(Version(digest.hexdigest()))

    def _write(self, key: str, data: Content, expect: Expect) -> Version:
        self._writes = True
        with self._translating(key):
            self._root.mkdir(parents=True, exist_ok=True)
            with self._turn(), self._folder_of(key, make=True) as (folder, name):
                require_wanted()
                self._check(name, folder, key, expect)
                try:
                    _put(name, folder, data, create=isinstance(expect, Absent))
                except FileExistsError:
                    raise self._lost(key) from None
        return Version(data.sha256) if isinstance(data, Body) else _blob(data).version

    def _delete(self, key: str, expect: Expect) -> None:
        with suppress(KeyNotFound), self._translating(key, _NOT_THERE), self._turn():
            with self._folder_of(key) as (folder, name):
                if not _is_file(name, folder):
                    return
                self._check(name, folder, key, expect)
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
            self._drop_empty_folders(key)

    def _entries(self, prefix: str, shallow: bool) -> tuple[Entry, ...]:  # noqa: FBT001 - as `list` has it
        """Give every file below the folder that the prefix names for certain.

        Of those in folders below it a shallow list only tells that they are there: they aren't read.
        """
        entries = []
        with suppress(KeyNotFound), self._translating(prefix, _NOT_THERE), self._folder_of(prefix) as (start, _):
            for folder, _, names, descriptor in os.fwalk(".", onerror=_raise_unless_gone, dir_fd=start):
                for name in names:
                    key = join(prefix.rpartition("/")[0], folder.removeprefix(".").strip("/"), name)
                    with suppress(KeyNotFound), self._translating(key, _NOT_THERE):
                        entries += _entries_of(key, name, descriptor, read=folder == "." or not shallow)
        return tuple(entries)

    def _check(self, name: str, folder: int, key: str, expect: Expect) -> None:
        """Raise `LostRace` when the expectation doesn't hold."""
        if isinstance(expect, Anything):
            return
        try:
            there: Version | None = _version_of(name, folder)
        except FileNotFoundError:
            there = None
        if there != (None if isinstance(expect, Absent) else expect):
            raise self._lost(key)

    def _lost(self, key: str) -> LostRace:
        return LostRace(f"The file {key} below {self._root} was changed by somebody else.")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait until no other writer of this store is at work, in this process or another."""
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _folder_of(self, key: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Give the opened folder that holds the file, and the file's name; step by step, so no link is followed."""
        *folders, name = key.split("/")
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(folder, dir_fd=descriptor)
                inner = os.open(folder, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor, name
        finally:
            os.close(descriptor)

    def _drop_empty_folders(self, key: str) -> None:
        """Remove the folders of a deleted file, innermost first, as far as they are empty."""
        folder = key.rpartition("/")[0]
        while folder:
            try:
                with self._folder_of(folder) as (parent, name):
                    os.rmdir(name, dir_fd=parent)
            except OSError:
                return
            folder = folder.rpartition("/")[0]

    @contextmanager
    def _translating(self, key: str, absent: frozenset[int] = frozenset()) -> Iterator[None]:
        """Turn the system's errors into ours; those of `absent` mean that the file isn't there."""
        try:
            yield
        except OSError as error:
            if error.errno in absent:
                raise KeyNotFound(f"There is no file {key} below {self._root}.") from error
            raise self._translate(error, key) from error

    def _translate(self, error: OSError, key: str) -> StoreError:
        place = f"{key or 'a folder'} below {self._root}"
        if error.errno in _NOT_THERE:
            return StoreRefused(f"A file, folder or link of another kind is in the way of {place}. Remove it.")
        if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            return AccessDenied(f"The operating system denies access to {place}. Give the process permission.")
        if error.errno == errno.EFBIG:
            return StoreRefused(f"{place} has more than {LARGEST_FILE} bytes, the most that is read. Remove it.")
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return StoreRefused(f"There is no space left for {place}. Make room, and run it again.")
        if error.errno == errno.ENAMETOOLONG:
            return StoreRefused(f"A name in {place} is too long for this file system. Shorten it.")
        return StoreUnavailable(f"{place} couldn't be reached: {error.strerror}.")


def _raise_unless_gone(error: OSError) -> None:
    if error.errno not in _NOT_THERE:
        raise error


def _is_file(name: str, folder: int) -> bool:
    """Whether a regular file of that name is there."""
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


@contextmanager
def _opened(name: str, folder: int) -> Iterator[BufferedReader]:
    """Open a regular file, neither through a link nor a pipe, which might never end."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EISDIR, "not a regular file")
        yield file


def _bytes_of(name: str, folder: int) -> bytes:
    with _opened(name, folder) as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise OSError(errno.EFBIG, "too large")
    return data


def _version_of(name: str, folder: int) -> Version:
    """Give the version of a file of any size."""
    with _opened(name, folder) as file:
        return Version(hashlib.file_digest(file, _DIGEST).hexdigest())


def _blob(data: bytes) -> Blob:
    return Blob(data, Version(_DIGEST(data).hexdigest()))


def _put(name: str, folder: int, data: Content, *, create: bool) -> None:
    """Put whole bytes in place of a file, or of nothing: `create` raises `FileExistsError` whoever was first."""
    if os.access(name, os.F_OK, dir_fd=folder, follow_symlinks=False) and not _is_file(name, folder):
        raise OSError(errno.EISDIR, "not a regular file")
    temporary = TEMPORARY + secrets.token_hex(8)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fill(file, data)
            file.flush()
            os.fsync(descriptor)
        if create:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
    os.fsync(folder)


def _fill(file: BufferedWriter, data: Content) -> None:
    with opened(data) as source:
        if isinstance(source, bytes):
            file.write(source)
        else:
            while part := source.read(PART):
                require_wanted()
                file.write(part)


def _entries_of(key: str, name: str, folder: int, *, read: bool) -> list[Entry]:
    """Give the file's entry, with a version where it is read; none for what isn't a whole file, named in UTF-8."""
    if name.startswith(TEMPORARY) or not _is_file(name, folder) or find_flaw(key):
        return []
    version = _version_of(name, folder) if read else Version("")
    found = os.stat(name, dir_fd=folder)
    return [Entry(key, version, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))]
