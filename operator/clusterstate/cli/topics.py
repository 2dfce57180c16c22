"""What the commands are grouped by, in help and pages, in the order in which people meet them."""

from collections.abc import Iterable, Iterator
from typing import Final

OTHER: Final = "Other"
TOPICS: Final = {
    "Look": ("get", "show", "tree"),
    "Change": ("apply", "validate", "set", "unset", "edit", "delete"),
    "Review": ("diff", "plan"),
    "Files": ("export", "import", "adopt"),
    "Move": ("copy", "migrate", "verify"),
    "Keys": ("keyset", "secret", "sshpublickey"),
    "With a cluster": ("status", "reconcile", "suspend", "resume", "events", "history", "rollback"),
    "Operator": ("run", "node-agent", "demo"),
    OTHER: ("completion",),
}
"""The first words of commands."""


def by_topic(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """Give each topic with those of its commands that there are; what has no topic is of `OTHER`."""
    left = [*names]
    known = {name for each in TOPICS.values() for name in each}
    for topic, members in TOPICS.items():
        strangers = [name for name in left if name not in known] if topic == OTHER else []
        found = [name for name in members if name in left] + strangers
        if found:
            yield topic, found
