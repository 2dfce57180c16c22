"""One document of a cluster that a command is about: which one, and where it is in what was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from clusterstate.cli.change.writing import Seen
from clusterstate.cli.choice import choose_cluster
from clusterstate.errors import CommandInvalid
from clusterstate.plan.naming import named
from clusterstate.state.layout import CONFIG, instance_group_key
from clusterstate.state.objects import Document

CLUSTER_WORDS: Final = ("cluster", "clusters")
GROUP_WORDS: Final = ("ig", "instancegroup", "instancegroups")
"""What kops takes for the kind of a document."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A Cluster, or one of its instance groups."""

    cluster: str
    group: str | None = None
    """None: the Cluster itself."""

    @classmethod
    def choose(cls, cluster: str | None, group: str | None, environ: Mapping[str, str]) -> "Subject":
        """Give what is meant. Raises `CommandInvalid` where no cluster is."""
        return cls(choose_cluster(cluster, environ), group)

    @property
    def key(self) -> str:
        """Of its file."""
        return CONFIG if self.group is None else instance_group_key(self.group)

    @property
    def title(self) -> str:
        """What it is called in messages."""
        return f"cluster {self.cluster}" if self.group is None else f"instance group {self.group} of {self.cluster}"

    def find_in(self, seen: Seen) -> Document:
        """Give the document. Raises `CommandInvalid` where it isn't there, naming what is."""
        state, url = seen.read.state, seen.access.location.url
        if state.cluster is None:
            raise CommandInvalid(f"There is no cluster {self.cluster} at {url}. Correct the name, or the store.")
        if self.group is None:
            return state.cluster
        if self.group not in state.instance_groups:
            groups = named(sorted(state.instance_groups)) or "no groups"
            raise CommandInvalid(f"There is no {self.title}, which has {groups}. Correct the name.")
        return state.instance_groups[self.group]


def choose_subject(words: Sequence[str], cluster: str | None, environ: Mapping[str, str]) -> Subject:
    """Read `[cluster] [NAME]` or `ig GROUP`. Raises `CommandInvalid` for anything else, or no cluster."""
    if words and words[0] in GROUP_WORDS:
        if len(words) != 2:  # noqa: PLR2004 - kind and name
            raise CommandInvalid(f"Say which instance group, and only one: {words[0]} GROUP.")
        return Subject.choose(cluster, words[1], environ)
    said = words[1:] if words and words[0] in CLUSTER_WORDS else words
    names = {*said, *([cluster] if cluster else [])}
    if len(names) > 1:
        raise CommandInvalid(f"One cluster at a time: {named(sorted(names))} are several. Say one.")
    return Subject.choose(next(iter(names), None), None, environ)
