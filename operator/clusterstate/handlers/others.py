"""Objects that other processes work on: no more is kept of one than it takes to see when it comes, and what it claims.

Their bodies may have 900 KiB each, and there may be a hundred thousand.
"""

from collections.abc import Callable
from dataclasses import dataclass

from clusterstate.context import Body, Key
from clusterstate.handlers.shards import Part
from clusterstate.handlers.watched import uid_of, version_of
from clusterstate.plan.claims import Claim
from clusterstate.plan.shards import Place, Step


@dataclass(frozen=True, slots=True)
class Other:
    """One object of somebody else's."""

    uid: str
    version: int
    place: Place
    claim: Claim | None
    """What it claims, as its own text and status tell."""


class Others:
    """All of them, by key."""

    def __init__(self, part: Part) -> None:
        """Take what tells whether one has become this process's."""
        self._part = part
        self._others: dict[Key, Other] = {}

    def __contains__(self, key: Key) -> bool:
        return key in self._others

    def get(self, key: Key) -> Other | None:
        """Give what is kept of one; None: it is this process's, or not known."""
        return self._others.get(key)

    def put(self, key: Key, body: Body, place: Place, claim: Claim | None) -> None:
        """Keep what is needed of one, as it is now."""
        self._others[key] = Other(uid_of(body), version_of(body), place, claim)

    def drop(self, key: Key) -> None:
        """Keep nothing of it any more."""
        self._others.pop(key, None)

    def due(self) -> list[Key]:
        """Give those that this process has to look after, since a Lease of its own makes them its own."""
        return [key for key, each in self._others.items() if self._part.step(each.place) is not Step.LEAVE]

    @property
    def leases(self) -> set[str]:
        """Every Lease that one of them names as its own."""
        return {each.place.there for each in self._others.values()}

    def count_unserved(self, is_served: Callable[[str], bool]) -> int:
        """Give how many nobody works on, since nobody has their shard's Lease; may be asked from another thread."""
        return sum(not is_served(each.place.wanted) for each in list(self._others.values()))
