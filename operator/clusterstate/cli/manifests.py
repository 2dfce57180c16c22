"""The manifests that people hand to commands: files, folders and stdin, taken apart into single objects.

YAML of many documents, JSON, and lists of objects in any of the forms that tools print: `kind: List` of kubectl,
`ResourceList` of kustomize, and the bare list of `kops get -o json`. Nothing is known here of what the objects mean.
"""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from clusterstate.cli.words import Files
from clusterstate.errors import CommandInvalid, MalformedFile, SpecInvalid
from clusterstate.state import yaml
from clusterstate.state.objects import Json, JsonObject

STDIN: Final = "-"
ENDINGS: Final = (".yaml", ".yml", ".json")
"""Of the files of a folder that are taken, as kubectl does."""
LARGEST: Final = 16 << 20
"""Bytes of one file."""
MOST: Final = 5_000
"""Files of one folder."""
MOST_NESTED: Final = 5
"""Levels of lists in lists."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object, and where it stands."""

    place: str
    """Such as `cluster.yaml, document 2`."""
    content: JsonObject = field(repr=False)
    """May hold secrets."""

    @property
    def api_version(self) -> str:
        """`apiVersion`, empty where it is none."""
        return _text(self.content.get("apiVersion"))

    @property
    def kind(self) -> str:
        """`kind`, empty where it is none."""
        return _text(self.content.get("kind"))

    @property
    def metadata(self) -> JsonObject:
        """`metadata`, empty where it is none."""
        found = self.content.get("metadata")
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """`metadata.name`, empty where it is none."""
        return _text(self.metadata.get("name"))


def read_manifests(files: Files) -> list[Manifest]:
    """Read every object of files and folders, of these in the order of the names; `-` is stdin.

    Raises `CommandInvalid` for what can't be read, `MalformedFile` for what is no YAML, `SpecInvalid` for what is no
    object, and where there is none at all.
    """
    paths = files.paths
    if paths.count(STDIN) > 1:
        raise CommandInvalid("-f - is given twice, but stdin can be read once only. Give it once.")
    found = [each for path in paths for file in _files(path, recursive=files.recursive) for each in _objects(file)]
    if not found:
        raise SpecInvalid(f"{', '.join(map(_called, paths))}: there is no object in it. Nothing was done.")
    return found


def _files(path: str, *, recursive: bool) -> Iterable[str]:
    if path == STDIN or not Path(path).is_dir():
        return [path]
    try:
        found = sorted(_below(Path(path), recursive=recursive))
    except OSError as error:
        raise CommandInvalid(f"{path} can't be read: {error.strerror}. Name another.") from None
    if not found:
        more = "" if recursive else "; -R looks into the folders below it"
        raise CommandInvalid(f"{path} has no file that ends in {', '.join(ENDINGS)}{more}.")
    return map(str, found)


def _below(folder: Path, *, recursive: bool) -> Iterator[Path]:
    """Give the manifests of a folder; links to folders aren't followed, for they may lead round in circles."""
    for count, each in enumerate(folder.rglob("*") if recursive else folder.iterdir()):
        if count >= MOST:
            raise CommandInvalid(f"{folder} has more than {MOST} files. Name the manifests, or a folder of them.")
        if each.suffix in ENDINGS and each.is_file():
            yield each


def _objects(path: str) -> Iterator[Manifest]:
    called = _called(path)
    documents = yaml.load_all(_read(path), called)
    for number, document in enumerate(documents, 1):
        place = called if len(documents) == 1 else f"{called}, document {number}"
        yield from _opened(document, place, MOST_NESTED)


def _opened(value: Json, place: str, levels: int) -> Iterator[Manifest]:
    """Give the objects of a document: itself, or the items of a list."""
    items = _items(value)
    if value is None:
        return
    if items is not None and not levels:
        raise SpecInvalid(f"{place} is a list of lists of lists. Give the objects themselves.")
    if items is not None:
        for number, item in enumerate(items, 1):
            yield from _opened(item, f"{place}, item {number}", levels - 1)
    elif isinstance(value, dict):
        yield Manifest(place, value)
    else:
        raise SpecInvalid(f"{place} is no object: it has neither apiVersion nor kind. Correct it.")


def _items(value: Json) -> list[Json] | None:
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and str(value.get("kind", "")).endswith("List"):
        items = value.get("items")
        return items if isinstance(items, list) else []
    return None


def _read(path: str) -> bytes:
    try:
        if path == STDIN:
            data = _take(sys.stdin.buffer)
        else:
            with Path(path).open("rb") as file:
                data = _take(file)
    except OSError as error:
        raise CommandInvalid(f"{path} can't be read: {error.strerror}. Name another.") from None
    except ValueError:
        raise CommandInvalid(f"{path} can't be the name of a file. Name another.") from None
    if len(data) > LARGEST:
        raise MalformedFile(f"{_called(path)} has more than {LARGEST} bytes. Is it a manifest? Make it smaller.")
    return data


def _take(file: BinaryIO) -> bytes:
    return file.read(LARGEST + 1)


def _called(path: str) -> str:
    return "stdin" if path == STDIN else path


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
