"""Programs in the user's cache: whole or not there, made by one process at a time.

An entry is a folder with the program and its digest beside it. It is filled under another name and renamed when
it is complete, so that a killed build or a broken download is never taken for a program. Whoever asks for an
entry gets it checked: content, permission, and whether it runs.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clusterstate.sandbox.errors import BuildFailed

Say = Callable[[str], None]
"""Takes one line for the person who waits."""

DIGEST = "sha256"
PARTIAL = ".partial-"
ANSWER_SECONDS = 60


def to_stderr(line: str) -> None:
    """Show a line without mixing it into a program's output."""
    sys.stderr.write(f"sandbox: {line}\n")
    sys.stderr.flush()


def default_root(environ: Mapping[str, str]) -> Path:
    """Give the sandbox's folder in the user's cache, as the XDG base directory specification places it."""
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "clusterstate"


@dataclass(frozen=True)
class Entry:
    """One program of the cache."""

    title: str
    """What a person calls it, for example "etcd v3.6.8"."""
    folder: str
    """Its folder's name; it holds a digest of all that the program is made from."""
    program: str
    """The program's path inside the folder."""
    question: tuple[str, ...] = ("--version",)
    """Arguments with which the program ends at once and well."""


class Cache:
    """A folder of entries; several processes and threads may use one at the same time."""

    def __init__(self, root: Path, say: Say = to_stderr) -> None:
        self.root = root
        self._say = say

    def obtain(self, entry: Entry, fill: Callable[[Path], None]) -> Path:
        """Give the program's path; `fill` is called with an empty folder if the program isn't there or is broken.

        `fill` may not ask the cache for another entry: it is called under the cache's one lock.
        Raises what `fill` raises, and BuildFailed if what it made doesn't run.
        """
        folder = self.root / entry.folder
        if not self.holds(entry):
            with self._lock(entry):
                fault = _fault(folder, entry)
                if fault is not None:
                    self._clear(folder, entry, fault)
                    self._make(folder, entry, fill)
        return folder / entry.program

    def holds(self, entry: Entry) -> bool:
        """Tell whether the program is there and whole, so that `obtain` would make nothing."""
        return _fault(self.root / entry.folder, entry) is None

    def _make(self, folder: Path, entry: Entry, fill: Callable[[Path], None]) -> None:
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=self.root) as partial:
            made = Path(partial, "made")
            made.mkdir()
            fill(made)
            _record_digest(made, entry)
            fault = _fault(made, entry)
            if fault is not None:
                raise BuildFailed(f"{entry.title} was made, but {fault}.")
            made.rename(folder)

    def _clear(self, folder: Path, entry: Entry, fault: str) -> None:
        """Remove what is broken, and what processes that were killed left behind: only the lock's holder fills."""
        if folder.exists():
            self._say(f"{entry.title} in {folder} is broken ({fault}) and is made again")
            shutil.rmtree(folder)
        for left in self.root.glob(f"{PARTIAL}*"):
            shutil.rmtree(left)

    @contextmanager
    def _lock(self, entry: Entry) -> Iterator[None]:
        """Hold the one lock of the cache; the kernel frees it when its holder dies, however that happens."""
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                self._say(f"waiting for {lock.read() or 'another process'}, then for {entry.title}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate(0)
            lock.write(f"process {os.getpid()}, which makes {entry.title}")
            lock.flush()
            yield
            lock.truncate(0)


def _record_digest(folder: Path, entry: Entry) -> None:
    program = folder / entry.program
    if not program.is_file():
        raise BuildFailed(f"{entry.title} was made, but there is no {entry.program} in it.")
    (folder / DIGEST).write_text(_digest(program))


def _fault(folder: Path, entry: Entry) -> str | None:
    """Name what is wrong with the entry, or None."""
    program, record = folder / entry.program, folder / DIGEST
    if not program.is_file() or not record.is_file():
        return "it is incomplete"
    if not os.access(program, os.X_OK):
        return "it may not be executed"
    if _digest(program) != record.read_text():
        return "its content isn't what was recorded"
    return None if answers(program, entry.question) else f"it doesn't answer {' '.join(entry.question)}"


def answers(program: Path, question: tuple[str, ...] = ("--version",)) -> bool:
    """Tell whether the program runs here and ends well when asked."""
    try:
        asked = subprocess.run([program, *question], capture_output=True, timeout=ANSWER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _digest(program: Path) -> str:
    with program.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
