"""`docs/clusterstate.1`, the manual page, in the macros of man(7). Pure."""

import re
from collections.abc import Iterable, Iterator

from clusterstate import __version__
from clusterstate.cli.pages import prose
from clusterstate.cli.pages.walk import Book, Entry, Option


def render_manual(book: Book) -> str:
    """Give the page."""
    return "\n".join((*_head(book), *_commands(book), *_tail(book))) + "\n"


def _head(book: Book) -> Iterator[str]:
    yield r".\" Made by `make pages` from the commands themselves."
    yield f'.TH CLUSTERSTATE 1 "" "clusterstate {__version__}" "User Commands"'
    yield from (".SH NAME", rf"clusterstate \- {_text(book.about[0].lower() + book.about[1:].rstrip('.'))}")
    yield from (".SH SYNOPSIS", ".B clusterstate", r".I command\fR [\fIoptions\fR] [\fIarguments\fR]")
    yield ".SH DESCRIPTION"
    yield from _paragraphs((*prose.INTRODUCTION, prose.CHOICE[0]))
    yield from _terms(prose.CHOICE[1])
    yield from _paragraphs((prose.CONSENT, *prose.MANNERS, prose.PLUGIN))


def _commands(book: Book) -> Iterator[str]:
    yield from (".SH OPTIONS", "Options of many commands, which each lists that has them:")
    yield from _options(book.shared)
    for topic, entries in book.topics:
        yield f'.SH "{topic.upper()}"'
        for entry in entries:
            yield from _command(book, entry)


def _command(book: Book, entry: Entry) -> Iterator[str]:
    yield f'.SS "{_text(entry.name if entry.group else entry.usage.removeprefix("clusterstate "))}"'
    yield from _paragraphs(entry.paragraphs)
    if not entry.group:
        yield from _own_options(book, entry)
    if entry.examples:
        yield from (".PP", ".RS 4", ".EX", *map(_text, entry.examples), ".EE", ".RE")


def _own_options(book: Book, entry: Entry) -> Iterator[str]:
    yield from _options(book.own(entry))
    also = ", ".join(book.also(entry))
    if also:
        yield from _paragraphs([f"{'Also' if book.own(entry) else 'It has'} {also}."])


def _tail(_: Book) -> Iterator[str]:
    yield '.SH "EXIT STATUS"'
    yield from _terms(prose.EXITS)
    yield ".SH ENVIRONMENT"
    yield from _terms(prose.ENVIRONMENT)
    yield from (".SH FILES", *_terms((("~/.kops.yaml, ~/.kops/config", "kops's configuration"),)))
    yield from (".SH SEE ALSO", r".BR kops (1),", r".BR kubectl (1)")


def _options(options: Iterable[Option]) -> Iterator[str]:
    return _terms((each.names, each.help) for each in options)


def _terms(terms: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in terms:
        yield from (".TP", rf"\fB{_text(term)}\fR", _text(text) or r"\&")


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for each in texts:
        yield from (".PP", _text(each))


def _text(text: str) -> str:
    """Escape what roff would read as its own; names that Markdown sets in code are bold."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("…", "...")
    escaped = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", escaped).replace("'", r"\(aq")
    return rf"\&{escaped}" if escaped.startswith(".") else escaped
