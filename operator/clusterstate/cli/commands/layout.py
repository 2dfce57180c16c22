"""Commands and groups of them, and how their help is laid out."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import click

from clusterstate.cli.manners import MANNERS, Volume

if TYPE_CHECKING:  # only a shell that completes needs it
    from click.shell_completion import CompletionItem

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
LONGEST: Final = 1000
"""Characters of a first sentence."""
GAPS: Final = 6
"""Columns before the names of commands, and behind them."""


class Exemplified(click.Command):
    """A command, or a group of them, whose help ends in examples."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:  # noqa: ANN401 - as click has it
        super().__init__(*args, **kwargs)
        self.examples = [line.strip() for line in examples.strip().splitlines()]
        """Lines for a shell."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click; the examples stand as they are."""
        if self.examples:
            with formatter.section("Examples"):
                called = f"{ctx.find_root().info_name} "  # maybe kubectl's plugin
                lines = (line.replace("clusterstate ", called, 1) for line in self.examples)
                formatter.write("".join(f"{'':>{formatter.current_indent}}{line}\n" for line in lines))
        super().format_epilog(ctx, formatter)


class Command(Exemplified):
    """A command, which has the options of manners."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as click has it
        super().__init__(*args, **kwargs)
        self.params.extend(manners())


class Group(Exemplified, click.Group):
    """Commands that share a first word, each with one line of help."""

    command_class = Command

    def sections(self, names: list[str]) -> Iterable[tuple[str, list[str]]]:
        """Give the parts of the list of commands, each with its title."""
        return [("Commands", names)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click, which cuts sentences where they end no more."""
        names = [name for name in self.list_commands(ctx) if not self.commands[name].hidden]
        widest = max(map(len, names))
        width = formatter.width - widest - GAPS
        for title, members in self.sections(names):
            with formatter.section(title):
                formatter.write_dl([(f"{name:{widest}}", brief(self.commands[name], width)) for name in members])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """See click; each command has its whole sentence."""
        items = super().shell_complete(ctx, incomplete)
        for each in items:
            if each.value in self.commands:
                each.help = brief(self.commands[each.value])
        return items


def brief(command: click.Command, width: int = LONGEST) -> str:
    """Give a command's first sentence, or as much of it as makes sense and fits into so many columns."""
    sentence = command.get_short_help_str(LONGEST).rstrip(".")
    if len(sentence) <= width:
        return sentence
    for gap in ("[:;] ", ", ", " (and|that|with) "):
        if ends := [each.start() for each in re.finditer(gap, sentence) if each.start() <= width]:
            return sentence[: ends[-1]]
    return sentence


def manners() -> list[click.Option]:
    """Give the options that every command has."""
    return [
        click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, callback=_quiet, help="Say results only."),
        click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, callback=_verbose, help="Say more."),
        click.Option(["--debug"], is_flag=True, expose_value=False, callback=_debug, help="Show where an error is."),
    ]


def _quiet(_: click.Context, __: click.Parameter, value: bool) -> None:  # noqa: FBT001 - as click has it
    if value:
        MANNERS.volume = Volume.QUIET


def _verbose(_: click.Context, __: click.Parameter, value: bool) -> None:  # noqa: FBT001 - as click has it
    if value:
        MANNERS.volume = Volume.VERBOSE


def _debug(_: click.Context, __: click.Parameter, value: bool) -> None:  # noqa: FBT001 - as click has it
    if value:
        MANNERS.debug = True
