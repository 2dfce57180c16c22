"""What was found, as a table for people, as objects for programs, or as names for shells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import click

from clusterstate.cli.output import as_text, echo, echo_table
from clusterstate.state.objects import Json, JsonObject

BETWEEN: Final = "\n---\n\n"
"""What kops prints between two documents."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a table."""

    name: str
    """By which other commands know it."""
    cells: tuple[str, ...]
    more: tuple[str, ...] = ()
    """Cells of a wide table."""
    content: JsonObject = field(default_factory=dict, repr=False)
    """The object, for programs."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """All items of one kind."""

    headers: tuple[str, ...]
    more: tuple[str, ...]
    """Headers of a wide table beside them."""
    items: Sequence[Item]
    documents: bool = False
    """Whether the items are kops's own documents, which kops prints one after another."""
    single: bool = False
    """Whether one item was asked for by its name: its JSON is no list."""


def print_sheet(sheet: Sheet, output: str) -> None:
    """Print it; rows of tables are in the order of what stands in them, as kops has it."""
    match output:
        case "name":
            for name in dict.fromkeys(each.name for each in sheet.items):
                echo(name)
        case "yaml" if sheet.documents:
            texts = [as_text(each.content, output) + "\n" for each in sheet.items]
            click.echo(BETWEEN.join(texts), nl=False)
        case "json" if sheet.single and len(sheet.items) == 1:
            click.echo(as_text(sheet.items[0].content, output))
        case "json" | "yaml":
            contents: list[Json] = [each.content for each in sheet.items]
            click.echo(as_text(contents, output))
        case _:
            _print_table(sheet, wide=output == "wide")


def _print_table(sheet: Sheet, *, wide: bool) -> None:
    if sheet.items:
        rows = sorted(each.cells + (each.more if wide else ()) for each in sheet.items)
        echo_table(sheet.headers + (sheet.more if wide else ()), rows)
