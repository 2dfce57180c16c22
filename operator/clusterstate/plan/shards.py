"""Which shard an object is in, who works on it, and what has to happen before another one may: pure.

Objects are dealt out over `count` shards by their uid, or by a label that somebody else has given them. Each shard has
a Lease. `status.shard` of an object names the Lease whose holder works on it, and only that Lease's holder changes
it: so that an object passes from one process to the next without a moment in which both work on it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from hashlib import sha256
from sys import intern
from typing import Any

from clusterstate.api.annotations import SHARD_LABEL, SHARD_MANAGER
from clusterstate.settings import MOST_SHARDS

Body = Mapping[str, Any]


class Step(Enum):
    """What a process does with an object."""

    RUN = auto()
    """Work on it: it is this process's, and says so."""
    CLAIM = auto()
    """Write the Lease of its shard into its status, as it was last seen; then work on it."""
    RELEASE = auto()
    """Take a Lease of this process out of its status: it is in a shard of somebody else."""
    LEAVE = auto()
    """Nothing: it is somebody else's, or that process has yet to release it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is to be worked on, and where it is."""

    wanted: str
    """The Lease of its shard; empty: its label names none that there is."""
    there: str
    """The Lease whose holder alone may work on it; empty: nobody may yet."""

    def step(self, held: Iterable[str]) -> Step:
        """Give what a process that holds these Leases does."""
        mine = {self.wanted, self.there}.intersection(held)
        if self.wanted in mine and self.there in mine | {""}:
            return Step.RUN if self.there == self.wanted else Step.CLAIM
        return Step.RELEASE if self.there in mine else Step.LEAVE


@dataclass(frozen=True, slots=True)
class Sharding:
    """How all objects are divided."""

    name: str
    """Of the Lease where there is one shard; names of the others begin with it."""
    count: int
    leases: tuple[str, ...] = field(init=False)
    """The Leases of all shards, by number."""
    _family: frozenset[str] = field(init=False, repr=False)
    """The Leases of every number of shards."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "leases", _leases(self.name, self.count))
        family = (lease for count in range(1, MOST_SHARDS + 1) for lease in _leases(self.name, count))
        object.__setattr__(self, "_family", frozenset(family))

    def place(self, body: Body) -> Place:
        """Give where an object belongs and where it is.

        A Lease that isn't named as those of this installation, with whatever number of shards, is nobody's.
        """
        there = (body.get("status") or {}).get("shard", "")
        return Place(self._wanted(body["metadata"]), intern(there) if there in self._family else "")

    def label_to_write(self, body: Body) -> str | None:
        """Give the label's value that is missing from an object of ours; empty: it has to go; None: leave it alone."""
        metadata = body["metadata"]
        if "deletionTimestamp" in metadata or _given(metadata) is not None:
            return None
        value = "" if self.count == 1 else str(self._number(metadata["uid"]))
        return None if _label(metadata) == value else value

    def _wanted(self, metadata: Body) -> str:
        if self.count == 1:
            return self.name
        given = _given(metadata)
        if given is None:
            return self.leases[self._number(metadata["uid"])]
        numbers = {str(number): lease for number, lease in enumerate(self.leases)}
        return numbers.get(given, "")

    def _number(self, uid: str) -> int:
        return int.from_bytes(sha256(uid.encode()).digest()[:8]) % self.count


def _leases(name: str, count: int) -> tuple[str, ...]:
    return (name,) if count == 1 else tuple(f"{name}-{number}-of-{count}" for number in range(count))


def _label(metadata: Body) -> str:
    value: str = (metadata.get("labels") or {}).get(SHARD_LABEL, "")
    return value


def _given(metadata: Body) -> str | None:
    """Give the label's value if it isn't ours alone; None: there is none, or we have written it."""
    if SHARD_LABEL not in (metadata.get("labels") or {}):
        return None
    return None if set(_owners(metadata)) == {SHARD_MANAGER} else _label(metadata)


def _owners(metadata: Body) -> Iterator[str]:
    for entry in metadata.get("managedFields") or ():
        labels = (entry.get("fieldsV1") or {}).get("f:metadata", {}).get("f:labels", {})
        if f"f:{SHARD_LABEL}" in labels:
            yield entry.get("manager", "")
