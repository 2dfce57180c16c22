"""The whole program's help: its commands by topic."""

from collections.abc import Iterable
from typing import Any

from clusterstate.cli.commands.layout import Group, manners
from clusterstate.cli.topics import by_topic


class Front(Group):
    """The commands by topic; what each command has of manners may be said before it too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as click has it
        super().__init__(*args, **kwargs)
        self.params.extend(manners())

    def sections(self, names: list[str]) -> Iterable[tuple[str, list[str]]]:
        """Give each topic with its commands; what has none comes last."""
        return by_topic(names)
