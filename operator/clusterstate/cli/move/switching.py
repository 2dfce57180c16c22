"""kops's own configuration file, changed to name another store: its one line, and nothing else in it."""

import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from clusterstate.cli.choice import FILES, STORE_KEY, STORE_VARIABLE, Chosen
from clusterstate.cli.words import StoreWords
from clusterstate.errors import CommandInvalid

_LINE: Final = re.compile(
    rf"^(?P<key>(?i:{STORE_KEY})[ \t]*:)[ \t]*[^#\r\n]*?(?P<rest>([ \t]+#[^\r\n]*)?)[ \t]*(?=\r?$)", re.MULTILINE
)
"""The field, where it is written as people write it."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of one file, which was found to be possible."""

    path: Path
    url: str
    """The store that it is going to name."""
    text: str
    """The whole file then."""

    def make(self) -> None:
        """Replace the file at once. Raises `CommandInvalid` where that can't be done."""
        path = self.path.resolve()  # a link stays one
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o600
            _replace(path, self.text.encode(), mode)
        except OSError as error:
            raise CommandInvalid(
                f"{self.path} couldn't be written: {error.strerror}. The state has moved; have {STORE_KEY} say "
                f"{self.url} there, or set {STORE_VARIABLE}."
            ) from None


def find_switch(words: StoreWords, environ: Mapping[str, str], old: Chosen, new: str) -> Switch:
    """Find the file that kops would read, and what becomes of it. Raises `CommandInvalid` where it can't be changed."""
    path = _find(words, environ)
    text = _read(path)
    before = _fields(text)
    if before is None:
        raise CommandInvalid(f"{path} isn't a YAML file with fields. Leave --switch out, or mend the file.")
    names = [key for key in before if key.lower() == STORE_KEY]
    named = [str(before[name] or old.url).strip() for name in names]
    if any(each.rstrip("/") not in {old.url, new.rstrip("/")} for each in named):
        raise CommandInvalid(f"{path} names {named[0]}, not {old.url}, so it isn't switched. Leave --switch out.")
    after = _changed(text, new)
    if _fields(after) != {**before, (names or [STORE_KEY])[0]: new}:
        raise CommandInvalid(
            f"{path} isn't written so that its one line could be changed. Leave --switch out, and have {STORE_KEY} "
            f"say {new} there."
        )
    return Switch(path, new, after)


def _find(words: StoreWords, environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME")
    candidates = [words.config] if words.config else [Path(home, name) for name in FILES] if home else []
    if not candidates:
        raise CommandInvalid("HOME isn't set, so kops's configuration isn't known. Name it with --config.")
    return next((each for each in candidates if each.exists()), candidates[0])


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode() if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
        raise CommandInvalid(f"{path} can't be read: {why}. Leave --switch out, or mend the file.") from None


def _fields(text: str) -> dict[str, Any] | None:
    try:
        fields = yaml.load(text, yaml.CSafeLoader) or {}
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    return {str(key): value for key, value in fields.items()} if isinstance(fields, dict) else None


def _changed(text: str, url: str) -> str:
    """Give the file with the store's line changed, or with such a line at its end."""
    if _LINE.search(text):
        return _LINE.sub(lambda found: f"{found['key']} {url}{found['rest']}", text)
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{STORE_KEY}: {url}\n"


def _replace(path: Path, data: bytes, mode: int) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
