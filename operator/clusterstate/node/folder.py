"""One directory, held open: everything in it is reached from there, and no symbolic link is followed.

The agent is root on a node. Whoever else may write on the way to a directory could lead it elsewhere by a symbolic
link, so each part of the way is opened by itself, and must belong to root or to the agent alone.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, TypeAlias

from clusterstate.errors import FilesNotWritten

ROOT: Final = 0
PRIVATE_FILE: Final = 0o600
PRIVATE_DIRECTORY: Final = 0o700
LINK: Final = "..link"
"""A symbolic link on its way to another name."""

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Step: TypeAlias = Callable[[], None]
"""Called before each change of the disk; tests end the work there as a kill would."""


def no_step() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file as it should be."""

    data: bytes = field(repr=False)
    mode: int
    uid: int
    gid: int

    def is_told_by(self, seen: os.stat_result) -> bool:
        """Whether a file looks like this, all but its bytes."""
        wanted = (stat.S_IFREG | self.mode, self.uid, self.gid, len(self.data))
        return (seen.st_mode, seen.st_uid, seen.st_gid, seen.st_size) == wanted


class Folder:
    """An open directory. Every name is that of something right in it."""

    def __init__(self, fd: int, step: Step = no_step) -> None:
        self._fd = fd
        self._step = step

    def names(self) -> list[str]:
        """Give what is in it."""
        with os.scandir(self._fd) as entries:
            return [each.name for each in entries]

    def look(self, name: str) -> os.stat_result | None:
        """Say what something is, a symbolic link itself; None where nothing is."""
        with suppress(FileNotFoundError):
            return os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        return None

    def target(self, name: str) -> str | None:
        """Give where a symbolic link leads, None for whatever is none."""
        with suppress(OSError):
            return os.readlink(name, dir_fd=self._fd)
        return None

    def tree(self, name: str) -> Iterator[tuple[str, os.stat_result]]:
        """Give everything below a directory, by its path there; the directory itself as an empty path."""
        with self.below(name) as top:
            yield "", os.fstat(top.fileno())
            for place, folders, files, fd in os.fwalk(".", dir_fd=top.fileno()):
                for each in (*folders, *files):
                    yield f"{place}/{each}".removeprefix("./"), os.stat(each, dir_fd=fd, follow_symlinks=False)

    def fileno(self) -> int:
        """Give the open directory's number."""
        return self._fd

    @contextmanager
    def below(self, name: str) -> Iterator["Folder"]:
        """Open a directory."""
        fd = os.open(name, _DIRECTORY, dir_fd=self._fd)
        try:
            yield Folder(fd, self._step)
        finally:
            os.close(fd)

    def read(self, name: str, most: int) -> bytes:
        """Give a file's bytes, no more than that."""
        with os.fdopen(os.open(name, _OLD, dir_fd=self._fd), "rb") as file:
            return file.read(most)

    def make(self, name: str) -> None:
        """Make a directory that nobody else may enter."""
        self._step()
        os.mkdir(name, PRIVATE_DIRECTORY, dir_fd=self._fd)

    def write(self, name: str, content: Content) -> None:
        """Write a new file; whatever its mode, nobody else gets at it before its directory is sealed."""
        self._step()
        with os.fdopen(os.open(name, _NEW, PRIVATE_FILE, dir_fd=self._fd), "wb", buffering=0) as file:
            rest = memoryview(content.data)
            while rest:
                self._step()
                rest = rest[file.write(rest) :]
            self._step()
            os.fchmod(file.fileno(), content.mode)  # before it is somebody else's, who alone may do that then
            self._step()
            os.fchown(file.fileno(), content.uid, content.gid)
            os.fsync(file.fileno())

    def seal(self, name: str, mode: int) -> None:
        """Give a directory and those in it their mode, the outermost last, and have them on the disk."""
        with self.below(name) as top:
            for _, _, _, fd in os.fwalk(".", topdown=False, dir_fd=top.fileno()):
                self._step()
                os.fchmod(fd, mode)
                os.fsync(fd)

    def link(self, name: str, target: str) -> None:
        """Make a symbolic link of a name that is free."""
        self._step()
        os.symlink(target, name, dir_fd=self._fd)

    def point(self, name: str, target: str) -> None:
        """Have a symbolic link lead elsewhere, at once, or make it."""
        self.drop(LINK)
        self.link(LINK, target)
        self.rename(LINK, name)

    def rename(self, old: str, new: str) -> None:
        """Give something another name, at once."""
        self._step()
        os.rename(old, new, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def drop(self, name: str) -> None:
        """Remove a symbolic link; whatever else has that name stays."""
        if self.target(name) is not None:
            self._step()
            os.unlink(name, dir_fd=self._fd)

    def remove(self, name: str) -> None:
        """Remove a directory with all that is in it."""
        self._step()
        shutil.rmtree(name, dir_fd=self._fd)

    def remove_empty(self, name: str) -> None:
        """Remove a directory that has nothing in it."""
        self._step()
        os.rmdir(name, dir_fd=self._fd)

    def sync(self) -> None:
        """Have on the disk what the directory names."""
        os.fsync(self._fd)


@contextmanager
def open_folder(path: str, mode: int | None = None, step: Step = no_step, *, trusted: bool) -> Iterator[Folder]:
    """Open a directory by its absolute path, and make it where a mode is given and it is missing.

    `trusted` is for a way that others may write on. Raises `FilesNotWritten` where it isn't for root and the agent
    alone, or there is a symbolic link, and `FileNotFoundError`.
    """
    parts = path.split("/")[1:]
    with ExitStack() as stack:
        fd = _keep(stack, os.open("/", _DIRECTORY))
        for number, part in enumerate(parts, start=1):
            last = number == len(parts)
            if last and mode is not None:
                _make_missing(Folder(fd, step), part, mode)
            way = "/" + "/".join(parts[:number])
            fd = _keep(stack, _enter(fd, part, way))
            if not trusted:
                _check_private(os.fstat(fd), way, strict=last)
        yield Folder(fd, step)


def _keep(stack: ExitStack, fd: int) -> int:
    stack.callback(os.close, fd)
    return fd


def _make_missing(parent: Folder, name: str, mode: int) -> None:
    """Make a directory with its mode at once: one that is there keeps its own, also after a kill in between."""
    if parent.look(name) is None:
        new = f"..{sha256(name.encode()).hexdigest()[:16]}"
        if parent.look(new) is not None:
            parent.remove_empty(new)
        parent.make(new)
        parent.seal(new, mode)
        parent.rename(new, name)
        parent.sync()


def _enter(fd: int, part: str, path: str) -> int:
    if stat.S_ISLNK(os.stat(part, dir_fd=fd, follow_symlinks=False).st_mode):
        raise FilesNotWritten(f"{path} is a symbolic link, and none is followed. Name the directory that it leads to.")
    return os.open(part, _DIRECTORY, dir_fd=fd)


def _check_private(seen: os.stat_result, path: str, *, strict: bool) -> None:
    """Raise `FilesNotWritten` where somebody else could put something else in the place of what is in a directory.

    Where that is the set's own (`strict`), it isn't enough that everybody may only remove what is theirs.
    """
    if seen.st_uid not in {ROOT, os.geteuid()}:
        raise FilesNotWritten(
            f"{path} belongs to user {seen.st_uid}, who could lead the agent elsewhere. Give it to root."
        )
    sticky = bool(seen.st_mode & stat.S_ISVTX) and not strict
    group = bool(seen.st_mode & stat.S_IWGRP) and seen.st_gid not in {ROOT, os.getegid()}
    if not sticky and (group or seen.st_mode & stat.S_IWOTH):
        raise FilesNotWritten(f"{path} may be written to by others, who could lead the agent elsewhere. Forbid that.")
