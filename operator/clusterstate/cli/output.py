"""How results are printed: tables for people, JSON and YAML for programs, names for shells.

Colours appear on a terminal only.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from clusterstate.cli.texts import printable
from clusterstate.state.yaml import dump, dump_list


def colourful() -> bool:
    """Whether results may have colours: stdout is a terminal, and NO_COLOR (no-color.org) isn't set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def echo(text: str, colour: str | None = None) -> None:
    """Print one line, made harmless, in colour where there may be any."""
    line = printable(text)
    click.echo(click.style(line, fg=colour) if colour and colourful() else line, color=colourful())


def echo_raw(data: bytes) -> None:
    """Print bytes as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def as_text(value: Mapping[str, Any] | Sequence[Any], output: str) -> str:
    """Give JSON or YAML."""
    if output == "json":
        return json_text(value, indent=2)
    return (dump({**value}) if isinstance(value, Mapping) else dump_list([*value])).decode().rstrip()


def json_text(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - whatever JSON can hold
    """Give JSON; what does something to a terminal stands in it as an escape, which means the same to a program."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n"))


def _escaped(line: str) -> str:
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


def echo_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns as wide as what stands in them; the last may be any length."""
    for line in table_lines(headers, rows):
        click.echo(line)


def table_lines(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Give the lines of such a table, the first of which has the headers."""
    lines = [list(headers), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers) - 1)]
    return ["   ".join([*map(str.ljust, line[:-1], widths), line[-1]]).rstrip() for line in lines]


def echo_diff(lines: Iterable[str]) -> None:
    """Print lines of a unified diff."""
    for line in lines:
        echo(line, {"+": "green", "-": "red", "@": "cyan"}.get(line[:1]))
