"""The help of the whole program: its commands by topic, each with one line."""

import re
from typing import Final

import click
from click.shell_completion import CompletionItem

from clusterstate.cli.commands.options import Group
from clusterstate.cli.topics import by_topic

_LONGEST: Final = 1000
"""Characters of a first sentence."""
_GAPS: Final = 6
"""Columns before and between."""


class Front(Group):
    """The commands by topic."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See click; what has no topic of its own comes last."""
        names = [name for name in self.list_commands(ctx) if not self.commands[name].hidden]
        widest = max(map(len, names))
        for topic, members in by_topic(names):
            rows = [
                (f"{each:{widest}}", brief(self.commands[each], formatter.width - widest - _GAPS)) for each in members
            ]
            with formatter.section(topic):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """See click; each command with its whole sentence."""
        items = super().shell_complete(ctx, incomplete)
        for each in items:
            if each.value in self.commands:
                each.help = brief(self.commands[each.value])
        return items


def brief(command: click.Command, width: int = _LONGEST) -> str:
    """Give a command's first sentence, or the parts of it, whole, that fit into so many columns."""
    parts = re.split(r"(?=[,:;] )", command.get_short_help_str(_LONGEST).rstrip("."))
    while len(parts) > 1 and len("".join(parts)) > width:
        parts.pop()
    return "".join(parts)
