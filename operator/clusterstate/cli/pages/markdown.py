"""`docs/cli.md`. Pure."""

import re
from collections.abc import Iterable, Iterator

from clusterstate.cli.pages import prose
from clusterstate.cli.pages.known_as import KNOWN_AS, Known
from clusterstate.cli.pages.walk import Book, Entry, Option

_MADE = "<!-- Made by `make pages` from the commands themselves. -->"


def render_markdown(book: Book) -> str:
    """Give the page."""
    return "\n\n".join((*_head(book), *_known(book), *_commands(book))) + "\n"


def _head(book: Book) -> Iterator[str]:
    yield "# The command line"
    yield _MADE
    yield from prose.INTRODUCTION
    yield "## For all commands"
    said, places = prose.CHOICE
    yield said
    yield _table(("what", "where it is looked for"), places)
    yield _more([prose.CHOICE_PAGE])
    yield prose.CONSENT
    yield from prose.MANNERS
    yield _table(("exit code", ""), prose.EXITS)
    yield _table(("variable", ""), ((_names(name), text) for name, text in prose.ENVIRONMENT))
    yield prose.PLUGIN
    yield "Options of many commands, which each lists that has them:"
    yield _options(book.shared)


def _known(book: Book) -> Iterator[str]:
    yield "## What you know it as"
    rows = ((each, KNOWN_AS.get(each.name, Known())) for each in book.entries if not each.group)
    cells = ((_link(entry), *(_commands_of(text) for text in known)) for entry, known in rows)
    yield _table(("`clusterstate`", "`kops`", "`aws s3`, `rclone`", "`kubectl`, `flux`"), cells)


def _link(entry: Entry) -> str:
    return f"[`{entry.name}`](#{entry.name.replace(' ', '-')})"


def _commands_of(text: str) -> str:
    """Set each command in code, and what is said about it after a comma not."""
    return "; ".join(_command_of(each) for each in text.split("; ")) if text else "-"


def _command_of(text: str) -> str:
    command, comma, rest = text.partition(", ")
    return f"`{command}`{comma}{rest}" if re.match("(kops|aws|rclone|kubectl|flux) ", command) else text


def _commands(book: Book) -> Iterator[str]:
    for topic, entries in book.topics:
        yield f"## {topic}"
        if topic in prose.PAGES:
            yield _more(prose.PAGES[topic])
        for entry in entries:
            yield from _command(book, entry)


def _more(pages: Iterable[tuple[str, str]]) -> str:
    return f"More: {', '.join(f'[{name}]({file})' for name, file in pages)}."


def _command(book: Book, entry: Entry) -> Iterator[str]:
    yield f"### {entry.name}"
    yield from map(_text, entry.paragraphs)
    if not entry.group:
        yield f"```\n{entry.usage}\n```"
        yield from _own_options(book, entry)
    if entry.examples:
        yield "```sh\n" + "\n".join(entry.examples) + "\n```"


def _own_options(book: Book, entry: Entry) -> Iterator[str]:
    own, also = book.own(entry), book.also(entry)
    if own:
        yield _options(own)
    if also:
        yield f"{'Also' if own else 'It has'} {', '.join(_names(each) for each in also)}."


def _options(options: Iterable[Option]) -> str:
    return _table(("option", ""), ((_names(each.names), _text(each.help)) for each in options))


def _names(text: str) -> str:
    """Set names, which commas part, in code."""
    return ", ".join(f"`{name}`" for name in text.split(", "))


def _text(text: str) -> str:
    """Give words of help as they are: what would be Markdown in them isn't."""
    return re.sub(r"([*<>\[\]])", r"\\\1", text)


def _table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    headers = [*headers]
    cells = [headers, ["---"] * len(headers), *([each.replace("|", r"\|") for each in row] for row in rows)]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells).replace("|  |", "| |")
