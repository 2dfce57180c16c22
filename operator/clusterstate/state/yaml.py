"""Reads and writes YAML exactly as kops does, through sigs.k8s.io/yaml v1.6.0 (goyaml v2), within bounds.

What kops would refuse is `MalformedFile`, and so is what no honest file has: deep nesting, aliases that multiply, and
in a state several documents. A key that stands twice counts as kops counts it: the last one wins. Messages name the
file and the line, never what stands there.
"""

import base64
import binascii
import math
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from clusterstate.errors import MalformedFile
from clusterstate.state import scalars
from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.yaml_writer import dump, dump_list

__all__ = ["dump", "dump_list", "load", "load_all"]

MAX_DEPTH: Final = 100
"""Levels of nesting; kops's own types need no more than 20."""
MAX_VALUES: Final = 200_000
"""Values of a file, names of fields included. They take half a second to read; 500 KiB of labels have 40,000."""
MAX_ALIASED: Final = 20_000
"""Values that aliases may add to a file."""

T = TypeVar("T")

_TAG: Final = "tag:yaml.org,2002:"
_TYPES: Final[dict[str, Callable[[object], bool]]] = {
    f"{_TAG}null": lambda value: value is None,
    f"{_TAG}bool": lambda value: isinstance(value, bool),
    f"{_TAG}int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    f"{_TAG}float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def load(data: bytes, key: str, *, once: bool = False) -> JsonObject:
    """Give the one mapping that a file holds, as kops would read it. Raises `MalformedFile`, which names `key`.

    With `once` a key that stands twice is refused: where a file grants something, its author may mean either. What
    `<<` brings in may be said otherwise behind it; before it, kops takes what is brought in, and others don't.
    """
    return _read(data, key, _Reader.document, once=once)


def load_all(data: bytes, key: str) -> list[Json]:
    """Give what each document of a file holds, None for an empty one. Raises `MalformedFile`, which names `key`."""
    return _read(data, key, _Reader.documents)


def _read(data: bytes, key: str, way: "Callable[[_Reader], T]", *, once: bool = False) -> T:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedFile(_message(key, line, "it isn't UTF-8 text")) from None
    try:
        return way(_Reader(CParser(data), key, once=once))
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        problem = error.problem if isinstance(error, MarkedYAMLError) else None
        line = mark.line + 1 if mark else 1
        raise MalformedFile(_message(key, line, problem or "control characters are not allowed")) from None


def _message(key: str, line: int, problem: str) -> str:
    return f"{key} is not YAML that kops could read: line {line}: {problem}. Correct the file or restore a backup."


class _Reader:
    """Builds JSON values from the parser's events, by the rules of goyaml's `decode.go`."""

    def __init__(self, parser: CParser, key: str, *, once: bool) -> None:
        self._parser = parser
        self._key = key
        self._once = once
        self._event: Event | None = None
        self._anchors: dict[str, Json] = {}
        self._aliased = 0
        self._values = 0

    def document(self) -> JsonObject:
        self._next()  # the stream's start
        if isinstance(self._next(), StreamEndEvent):
            self._fail("it is empty")
        first = self._next()
        value = self._value(first, 0)
        if not isinstance(value, dict):
            self._event = first
            self._fail("it isn't a mapping")
        self._next()  # the document's end
        if not isinstance(self._next(), StreamEndEvent):
            self._fail("a second document begins")
        return value

    def documents(self) -> list[Json]:
        self._next()  # the stream's start
        found: list[Json] = []
        while not isinstance(self._next(), StreamEndEvent):
            self._anchors = {}
            found.append(self._value(self._next(), 0))
            self._next()  # the document's end
        return found

    def _next(self) -> Event:
        event = self._parser.get_event()
        assert event is not None
        self._event = event
        return event

    def _value(self, event: Event, depth: int) -> Json:
        self._values += 1
        if self._values > MAX_VALUES:
            self._fail(f"more than {MAX_VALUES} values")
        if isinstance(event, AliasEvent):
            return self._alias(event.anchor)
        value: Json
        if isinstance(event, ScalarEvent):
            value = self._scalar(event)
        elif depth == MAX_DEPTH:
            self._fail(f"more than {MAX_DEPTH} levels of nesting")
        else:
            value = self._mapping(depth + 1) if isinstance(event, MappingStartEvent) else self._sequence(depth + 1)
        assert isinstance(event, NodeEvent)
        if event.anchor is not None:
            self._anchors[event.anchor] = value
        return value

    def _sequence(self, depth: int) -> Json:
        items: list[Json] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._value(event, depth))
        return items

    def _mapping(self, depth: int) -> Json:
        mapping: JsonObject = {}
        said: set[str] = set()
        while not isinstance(event := self._next(), MappingEndEvent):
            if _is_merge(event):
                added = self._merged(self._next(), depth)
                again = said & added.keys()
            else:
                name = self._name(event)
                again = said & {name}
                said.add(name)
                added = {name: self._value(self._next(), depth)}
            if self._once and again:
                self._fail("a key stands twice")
            mapping.update(added)
        return mapping

    def _name(self, event: Event) -> str:
        """Give the text of a map key: what isn't a string becomes one, as in sigs.k8s.io/yaml."""
        if not isinstance(event, ScalarEvent | AliasEvent):
            self._fail("a map key is a list or a map")
        name = _as_name(self._value(event, 0))
        if name is None:
            self._fail("a map key is no text")
        return name

    def _merged(self, event: Event, depth: int) -> JsonObject:
        """Give what `<<` adds to the mapping around it; the first of several sources wins."""
        value = self._value(event, depth)
        sources = value if isinstance(event, SequenceStartEvent) and isinstance(value, list) else [value]
        merged: JsonObject = {}
        for source in reversed(sources):
            if not isinstance(source, dict):
                self._fail("only maps can be merged with <<")
            merged.update(source)
        return merged

    def _alias(self, anchor: str | None) -> Json:
        if anchor is None or anchor not in self._anchors:
            self._fail("an alias has no anchor before it")
        return self._copy(self._anchors[anchor])

    def _copy(self, value: Json) -> Json:
        self._aliased += 1
        if self._aliased > MAX_ALIASED:
            self._fail(f"aliases add more than {MAX_ALIASED} values")
        if isinstance(value, dict):
            return {name: self._copy(each) for name, each in value.items()}
        return [self._copy(each) for each in value] if isinstance(value, list) else value

    def _scalar(self, event: ScalarEvent) -> Json:
        text: str = event.value
        value: Json = text
        if event.tag is not None:
            value = self._tagged(event.tag, text)
        elif event.implicit[0]:
            value = scalars.resolve(text)
        if isinstance(value, float) and not math.isfinite(value):
            self._fail("a number is infinite or none")
        return value

    def _tagged(self, tag: str, text: str) -> Json:
        if tag == f"{_TAG}binary":
            return self._binary(text)
        if tag not in _TYPES:
            return text
        value = scalars.resolve(text)
        if not _TYPES[tag](value):
            self._fail("a value isn't what its tag says")
        return value

    def _binary(self, text: str) -> str:
        try:
            return base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            self._fail("a value tagged !!binary isn't base64 of text")

    def _fail(self, problem: str) -> NoReturn:
        mark = self._event.start_mark if self._event else None
        line = mark.line + 1 if mark else 1
        raise MalformedFile(_message(self._key, line, problem))


def _is_merge(event: Event) -> bool:
    return isinstance(event, ScalarEvent) and event.value == "<<" and (event.implicit[0] or event.tag == f"{_TAG}merge")


def _as_name(value: Json) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < -scalars.INT_MIN:
        return str(value)
    return scalars.format_key(value) if isinstance(value, float) else None
