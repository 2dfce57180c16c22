"""The text that a person edits: a document as `kops edit` shows it, below comments that tell what to do. Pure."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from clusterstate.plan.replacing import Content, as_shown, find_flaws, kind_of_document
from clusterstate.plan.values import as_map, equal_json
from clusterstate.state.codec import decode_document, encode_document
from clusterstate.state.objects import Document, Json, JsonObject

WIDTH: Final = 100
"""Characters of a comment's line."""
EDITABLE: Final = ("labels", "annotations")
"""Of the metadata."""
_HEADER: Final = """\
# Please edit the object below. Lines at the top that begin with # are ignored, and an empty file cancels
# the edit. Where the object can't be written, this file is opened again, with the reason here.
#
"""
_COMMENTS: Final = re.compile(r"(?:#[^\n]*(?:\n|\Z))*")
_LINES: Final = "Lines are counted below these comments."


def show_document(document: Document) -> str:
    """Give the text of a document, as kops would write it anew."""
    return encode_document(as_shown(document)).decode()


def with_header(text: str, flaws: Sequence[str] = ()) -> str:
    """Give a text below what tells what to do, and why it couldn't be written as it is."""
    told = [*flaws, *([_LINES] if any(": line " in flaw for flaw in flaws) else [])]
    lines = [f"# {line}\n" for flaw in told for line in textwrap.wrap(flaw, WIDTH, break_long_words=False)]
    return f"{_HEADER}{''.join([*lines, '#', chr(10)]) if lines else ''}{text}"


def without_header(text: str) -> str:
    """Give a text without the comments above it; others are a part of it."""
    return _COMMENTS.sub("", text, count=1)


def is_empty(text: str) -> bool:
    """Whether a text holds nothing but comments and space."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def read_edited(before: Document, key: str, text: str) -> tuple[Content, list[str]]:
    """Give what a person has made of a document, and why it can't be written.

    Raises `MalformedFile` for what is no such document at all.
    """
    after = decode_document(text.encode(errors="surrogateescape"), key)
    kind, metadata = kind_of_document(before), after.metadata
    content = Content(after.spec, {name: as_map(metadata.get(name) or {}) for name in EDITABLE})
    flaws = [*_metadata_flaws(before.metadata, metadata), *find_flaws(kind, before.spec, after.spec)]
    flaws += [f"/{name} is no field of it" for name in after.rest if name not in before.rest]
    return content, flaws


def _metadata_flaws(before: JsonObject, after: JsonObject) -> Iterator[str]:
    for name in sorted({*before, *after} - {*EDITABLE}):
        if not equal_json(before.get(name), after.get(name)):
            yield f"/metadata/{name} can't be changed"
    yield from (f"/metadata/{name} isn't a map of texts" for name in EDITABLE if not _are_texts(after.get(name)))


def _are_texts(value: Json) -> bool:
    return value is None or (isinstance(value, dict) and all(isinstance(each, str) for each in value.values()))
