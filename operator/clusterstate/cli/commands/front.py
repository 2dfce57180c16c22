"""The whole program's help: its commands by topic."""

from collections.abc import Iterable

from clusterstate.cli.commands.options import Group
from clusterstate.cli.topics import by_topic


class Front(Group):
    """The commands by topic."""

    def sections(self, names: list[str]) -> Iterable[tuple[str, list[str]]]:
        """Give each topic with its commands; what has none comes last."""
        return by_topic(names)
