"""One set of files on the disk: how it is changed at once, what is left of a killed change, whether a reload is due.

    DIRECTORY/ca.crt     -> ..data/ca.crt                      the names that readers know
    DIRECTORY/..data     -> ..20260102T030405.9f86d081884c7d65
    DIRECTORY/..20260102T030405.9f86d081884c7d65/ca.crt
    DIRECTORY/..reloaded -> ..20260102T030405.9f86d081884c7d65    the last one that was reloaded after
    DIRECTORY/..lock                                           who holds it works here

A new set is written whole into a directory of its own; then `..data` is renamed into its place, which is one step for
every reader. The kubelet's own volumes are changed in this way. What isn't named so isn't ours and is never touched.
"""

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from typing import Final

from clusterstate.errors import FilesNotWritten
from clusterstate.node.folder import LINK, PRIVATE_FILE, Content, Folder, Step, no_step, open_folder

DATA: Final = "..data"
RELOADED: Final = "..reloaded"
LOCK: Final = "..lock"

_VERSION: Final = re.compile(r"\.\.[0-9]{8}T[0-9]{6}\.[0-9a-f]{16}")
_OPEN_LOCK: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class SetOnDisk:
    """The set in one directory. Blocking; usable by several processes at once, of which one works and others fail.

    What can't be done is `FilesNotWritten`, and the set stays whole.
    """

    def __init__(self, directory: str, mode: int, step: Step = no_step, *, trusted: bool = False) -> None:
        """Take the absolute path, the mode of directories that are made, and whether others may write on the way."""
        self._directory = directory
        self._mode = mode
        self._trusted = trusted
        self._step = step

    def is_there(self) -> bool:
        """Whether a set was ever written."""
        with _explained(self._directory), suppress(FileNotFoundError), self._open() as folder:
            return _current(folder, self._directory) is not None
        return False

    def put(self, wanted: Mapping[str, Content], now: datetime) -> bool:
        """Make the set these files, by their paths; tell whether they were written, rather than no more than names.

        The set before stays for readers that are on their way to a file of it, until `clean`.
        """
        with self._work() as folder:
            self._check_foreign(folder, wanted)
            before = _current(folder, self._directory)
            same = before is not None and _is_same(folder, before, wanted, self._mode)
            if not same:
                _remove_versions(folder, {before})  # else each try on a full disk would leave one more
                self._write(folder, wanted, f"..{now:%Y%m%dT%H%M%S}.{secrets.token_hex(8)}")
            elif _links(folder) != _tops(wanted):
                _name(folder, wanted)
            _remove_stale_names(folder, wanted)
            _remove_versions(folder, {before, _current(folder, self._directory)})
            return not same

    def clean(self) -> None:
        """Remove every set but the present one."""
        with self._work() as folder:
            _remove_versions(folder, {_current(folder, self._directory)})

    def reload_due(self) -> str | None:
        """Give what `note_reload` takes where the present files were never reloaded after."""
        with _explained(self._directory), self._open() as folder:
            current = _current(folder, self._directory)
            return None if current == _version_at(folder, RELOADED, self._directory) else current

    def note_reload(self, version: str) -> None:
        """Remember that a reload has succeeded that was due for that."""
        with self._work() as folder:
            _version_at(folder, RELOADED, self._directory)
            folder.point(RELOADED, version)
            folder.sync()

    def _write(self, folder: Folder, wanted: Mapping[str, Content], version: str) -> None:
        folder.make(version)
        try:
            self._fill(folder, wanted, version)
            folder.point(DATA, version)
        except OSError:
            with suppress(OSError):
                folder.remove(version)  # a full disk is no place to leave half a secret on
            raise
        folder.sync()

    def _fill(self, folder: Folder, wanted: Mapping[str, Content], version: str) -> None:
        with folder.below(version) as place:
            for path, content in wanted.items():
                _write_file(place, path, content)
        folder.seal(version, self._mode)
        _name(folder, wanted)  # before the swap, so that a new name is there as soon as its file is
        folder.sync()

    def _check_foreign(self, folder: Folder, wanted: Mapping[str, Content]) -> None:
        _version_at(folder, RELOADED, self._directory)
        for name in sorted(_tops(wanted)):
            if folder.look(name) is not None and not _is_ours(folder, name):
                raise FilesNotWritten(
                    f"{self._directory}/{name} is there and isn't the agent's, so nothing is written into "
                    f"{self._directory}. Move it away, or choose another directory."
                )

    def _open(self, mode: int | None = None) -> AbstractContextManager[Folder]:
        return open_folder(self._directory, mode, self._step, trusted=self._trusted)

    @contextmanager
    def _work(self) -> Iterator[Folder]:
        with (
            _explained(self._directory),
            self._open(self._mode) as folder,
            _locked(folder, self._directory),
        ):
            yield folder


@contextmanager
def _explained(directory: str) -> Iterator[None]:
    """Turn what the system says into an error of ours."""
    try:
        yield
    except OSError as error:
        what = f" ({error.filename})" if isinstance(error.filename, str) else ""
        raise FilesNotWritten(
            f"{directory} can't be worked on: {error.strerror or type(error).__name__}{what}. It is tried again."
        ) from None


@contextmanager
def _locked(folder: Folder, directory: str) -> Iterator[None]:
    fd = os.open(LOCK, _OPEN_LOCK, PRIVATE_FILE, dir_fd=folder.fileno())
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FilesNotWritten(f"Another agent works on {directory} right now. It is tried again.") from None
        yield
    finally:
        os.close(fd)


def _current(folder: Folder, directory: str) -> str | None:
    """Give the name of the directory that the set is in; raise `FilesNotWritten` where that isn't one of ours."""
    target = _version_at(folder, DATA, directory)
    seen = folder.look(target) if target else None
    return target if seen is not None and stat.S_ISDIR(seen.st_mode) else None


def _version_at(folder: Folder, name: str, directory: str) -> str | None:
    """Give where one of our own names leads, None where it isn't there; raise `FilesNotWritten` where it is foreign."""
    if folder.look(name) is None:
        return None
    target = folder.target(name) or ""
    if not _VERSION.fullmatch(target):
        raise FilesNotWritten(
            f"{directory}/{name} isn't the agent's, so nothing is written there: it may be a volume of the kubelet's. "
            "Choose another directory."
        )
    return target


def _is_same(folder: Folder, version: str, wanted: Mapping[str, Content], mode: int) -> bool:
    seen = dict(folder.tree(version))
    folders = {"", *("/".join(path.split("/")[:end]) for path in wanted for end in range(1, path.count("/") + 1))}
    if seen.keys() != folders | wanted.keys():
        return False
    if any(seen[each].st_mode != stat.S_IFDIR | mode for each in folders):
        return False
    return all(each.is_told_by(seen[path]) for path, each in wanted.items()) and all(
        _read(folder, f"{version}/{path}", len(each.data) + 1) == each.data for path, each in wanted.items()
    )


def _read(folder: Folder, path: str, most: int) -> bytes:
    top, _, rest = path.partition("/")
    if not rest:
        return folder.read(top, most)
    with folder.below(top) as place:
        return _read(place, rest, most)


def _write_file(folder: Folder, path: str, content: Content) -> None:
    top, _, rest = path.partition("/")
    if not rest:
        folder.write(top, content)
        return
    if folder.look(top) is None:
        folder.make(top)
    with folder.below(top) as place:
        _write_file(place, rest, content)


def _name(folder: Folder, wanted: Mapping[str, Content]) -> None:
    """Give readers the names that are missing."""
    for name in sorted(_tops(wanted) - _links(folder)):
        folder.link(name, f"{DATA}/{name}")
    folder.sync()


def _remove_stale_names(folder: Folder, wanted: Mapping[str, Content]) -> None:
    """Remove what readers should not find any more, and a name that a killed change left on its way."""
    folder.drop(LINK)
    for name in sorted(_links(folder) - _tops(wanted)):
        folder.drop(name)


def _remove_versions(folder: Folder, kept: Collection[str | None]) -> None:
    """Remove sets that nobody needs any more, and halves that killed changes have left behind."""
    for name in folder.names():
        seen = folder.look(name)
        if _VERSION.fullmatch(name) and name not in kept and seen is not None and stat.S_ISDIR(seen.st_mode):
            folder.remove(name)


def _tops(wanted: Mapping[str, Content]) -> set[str]:
    return {path.partition("/")[0] for path in wanted}


def _links(folder: Folder) -> set[str]:
    return {name for name in folder.names() if _is_ours(folder, name)}


def _is_ours(folder: Folder, name: str) -> bool:
    return folder.target(name) == f"{DATA}/{name}"
