"""A person's editor, on a private copy of a text: `$KUBE_EDITOR`, else `$EDITOR`, else vi, as kubectl and kops do.

The copy lies in a folder that only its owner can open, and goes with it at the end, whatever happens. What can't be
written can be kept, in a file that only its owner can read.
"""

import os
import shlex
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from clusterstate.errors import CommandInvalid, SpecInvalid

EDITORS: Final = ("KUBE_EDITOR", "EDITOR")
"""Variables, the first that is set counts."""
USUAL: Final = "vi"
PREFIX: Final = "clusterstate-edit-"
INTERRUPTED: Final = (-signal.SIGINT, 128 + signal.SIGINT)
"""How an editor ends, or the shell that it is, whose person pressed Ctrl-C."""


class Editor:
    """An editor with a folder for what it edits (a context manager)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take who calls. Raises `CommandInvalid` where the variable that names the editor can't be understood."""
        self._by, words = next(((name, environ[name]) for name in EDITORS if environ.get(name)), ("", USUAL))
        self._given = self._file = ""
        try:
            self._command = shlex.split(words)
        except ValueError:
            raise CommandInvalid(f"{self._by} isn't a command that a shell could read. Correct it.") from None
        self._folder = tempfile.TemporaryDirectory(prefix=PREFIX)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def edit(self, text: str, name: str) -> str:
        """Give what the person makes of a text, whose file has that name.

        Raises `CommandInvalid` where there is no such editor, `SpecInvalid` where it fails, and `KeyboardInterrupt`
        where it ended by Ctrl-C.
        """
        path = Path(self._folder.name, name)
        path.unlink(missing_ok=True)
        self._given, self._file = text, name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        self._run(path)
        try:
            return _read(path)
        except FileNotFoundError:
            raise SpecInvalid(f"{self._name} left no file behind. Nothing was written. Edit it again.") from None

    @property
    def left(self) -> str:
        """What an editor made of the last text, however it ended; empty where that is nothing, or the text itself."""
        try:
            text = _read(Path(self._folder.name, self._file))
        except OSError:
            return ""
        return "" if text == self._given else text

    def _run(self, path: Path) -> None:
        try:
            with _deaf():
                code = subprocess.run([*self._command, str(path)], check=False).returncode  # noqa: S603 - the person's own
        except (OSError, ValueError):
            named = f", which {self._by} names," if self._by else ""
            raise CommandInvalid(
                f"The editor {self._name}{named} can't be run. Set {' or '.join(EDITORS)} to one that can."
            ) from None
        if code in INTERRUPTED:
            raise KeyboardInterrupt
        if code:
            raise SpecInvalid(f"The editor {self._name} failed with exit code {code}. Nothing was written.")

    @property
    def _name(self) -> str:
        return self._command[0] if self._command else self._by


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def keep(text: str) -> Path:
    """Put a text into a file of its own that stays, and give where."""
    descriptor, path = tempfile.mkstemp(prefix=PREFIX, suffix=".yaml")
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    return Path(path)


@contextmanager
def _deaf() -> Iterator[None]:
    """Leave Ctrl-C to the editor, which shares the terminal."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
