"""The commands as the pages tell them: in the order of their topics, each with its own options. Pure."""

import inspect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import click

from clusterstate.cli.commands.layout import Exemplified
from clusterstate.cli.program import NAME
from clusterstate.cli.topics import by_topic

SHARED: Final = 4
"""From so many commands on an option that is the same in all is told once, before the commands."""
_WIDTH: Final = 1000
"""Columns of usage, so that it stays on one line."""


class Option(NamedTuple):
    """One option as help shows it."""

    names: str
    help: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One command, or a group of them."""

    path: tuple[str, ...]
    """What is typed after the program's name."""
    usage: str
    """All that is typed, with the program's name."""
    paragraphs: tuple[str, ...]
    """What it does, and more of it."""
    options: tuple[Option, ...]
    examples: tuple[str, ...]
    group: bool

    @property
    def name(self) -> str:
        """The path as it is typed."""
        return " ".join(self.path)


@dataclass(frozen=True, slots=True)
class Book:
    """All commands."""

    about: str
    """What the program is for."""
    topics: tuple[tuple[str, tuple[Entry, ...]], ...]
    shared: tuple[Option, ...]
    """Options of many commands."""

    @classmethod
    def of(cls, program: click.Group) -> Self:
        """Read the tree of commands below a program."""
        root = click.Context(program, info_name=NAME, help_option_names=["-h", "--help"])
        topics = [
            (topic, tuple(entry for name in names for entry in _entries(program.commands[name], root)))
            for topic, names in by_topic([name for name, each in program.commands.items() if not each.hidden])
        ]
        counts = Counter(option for _, entries in topics for entry in entries for option in entry.options)
        shared = tuple(option for option, number in counts.items() if number >= SHARED)
        return cls(_paragraphs(program)[0], tuple(topics), shared)

    @property
    def entries(self) -> Iterator[Entry]:
        """All commands in order."""
        return (entry for _, entries in self.topics for entry in entries)

    def own(self, entry: Entry) -> tuple[Option, ...]:
        """Give the options that only this command and few others have."""
        return tuple(each for each in entry.options if each not in self.shared)

    def also(self, entry: Entry) -> tuple[str, ...]:
        """Give the last name of each shared option that this command has, but for those that all have."""
        here = [each for each in entry.options if each in self.shared]
        everywhere = set.intersection(*(set(each.options) for each in self.entries if not each.group))
        return tuple(each.names.split(", ")[-1].split()[0] for each in here if each not in everywhere)


def _entries(command: click.Command, parent: click.Context) -> Iterator[Entry]:
    context = click.Context(
        command, info_name=command.name, parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH
    )
    records = [each.get_help_record(context) for each in command.get_params(context)]
    yield Entry(
        path=tuple(context.command_path.split()[1:]),
        usage=command.get_usage(context).removeprefix("Usage: "),
        paragraphs=_paragraphs(command),
        options=tuple(Option(*each) for each in records if each and each[1]),
        examples=tuple(command.examples) if isinstance(command, Exemplified) else (),
        group=isinstance(command, click.Group),
    )
    if isinstance(command, click.Group):
        for each in command.commands.values():
            if not each.hidden:
                yield from _entries(each, context)


def _paragraphs(command: click.Command) -> tuple[str, ...]:
    text = inspect.cleandoc(command.help or "").partition("\f")[0]
    return tuple(" ".join(part.replace("\b", "").split()) for part in text.split("\n\n") if part.strip())
