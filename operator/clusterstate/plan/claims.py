"""One writer per state: who holds the claim to `{store}/{clusterName}` among all objects of this cluster.

The oldest object holds it. Objects that only look, by a pull or a dry run, share the state with everybody. Pure
bookkeeping: the handlers feed it with what they see.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.plan.place import locate_state
from clusterstate.store.location import Location

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one object lays claim to."""

    state: str
    """Scheme, bucket, prefix and cluster in one spelling: see `Location.common`."""
    endpoint: str | None
    """Where that bucket is; empty: the provider's own; None: not known before the credentials are read, so it
    may be any."""
    writes: bool
    created: str
    """`metadata.creationTimestamp`."""
    uid: str
    namespace: str
    proven: bool = False
    """Whether the object was seen to reach the state with its own credentials."""

    def meets(self, other: "Claim") -> bool:
        """Whether both may mean the same files and both write."""
        same_place = self.endpoint == other.endpoint or None in {self.endpoint, other.endpoint}
        return self.writes and other.writes and self.state == other.state and same_place

    def blocks(self, other: "Claim") -> bool:
        """Whether the other may not write because of this one.

        What nobody has proven blocks only its own namespace: a name of a bucket is quickly written down.
        """
        return self.meets(other) and self.precedes(other) and (self.proven or self.namespace == other.namespace)

    def touches(self, other: "Claim", urls: Iterable[str]) -> bool:
        """Whether this object refers, to write or only to look, to one of these places of the other's state.

        As with `blocks`, what nobody has proven counts only in its own namespace.
        """
        if not self.proven and self.namespace != other.namespace:
            return False
        same_store = self.endpoint == other.endpoint or None in {self.endpoint, other.endpoint}
        return any(_overlap(self.state, url) for url in urls) and (same_store or self.state != other.state)

    def proves(self, other: "Claim") -> bool:
        """Whether this claim of an object is a proof for another one of the same object."""
        same = (self.uid, self.state) == (other.uid, other.state) and self.endpoint in {None, other.endpoint}
        return self.proven and same

    def precedes(self, other: "Claim") -> bool:
        """Whether this object is the older one; among twins of one second the uid decides."""
        return (self.created, self.uid) < (other.created, other.uid)


def _overlap(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def make_claim(state: ClusterState, endpoint: str | None = None, *, proven: bool = False) -> Claim:
    """Give what an object claims; raise `SpecInvalid` when its URL is none.

    A suspended object keeps its claim: it will write again.
    """
    metadata, sync = state.metadata, state.spec.sync
    return Claim(
        state=locate_state(state.spec.store, metadata.namespace, state.cluster_name).common.url,
        endpoint=endpoint,
        writes=sync.writes,
        created=metadata.creation_timestamp,
        uid=metadata.uid,
        namespace=metadata.namespace,
        proven=proven,
    )


def foresee_claim(state: ClusterState, before: Claim | None) -> Claim | None:
    """Give an object's claim before its credentials are read.

    What is known of the state stays known; a fresh process takes the object's own status for a proof.
    """
    try:
        claim = make_claim(state)
    except SpecInvalid:
        return before
    if before is None or before.state != claim.state or before.uid != claim.uid:
        return _as_told(state, claim)
    return replace(claim, endpoint=before.endpoint, proven=before.proven)


def _as_told(state: ClusterState, claim: Claim) -> Claim:
    """Take the endpoint at which the object once reached this very state from its status."""
    store = state.status.store
    if store is None:
        return claim
    try:
        told = Location.parse(store.url)
        endpoint = told.identity(store.endpoint)
    except SpecInvalid:
        return claim
    reached = replace(claim, endpoint=endpoint, proven=not store.detoured)
    return reached if told.common.url == claim.state else claim


class Claims(Generic[K]):
    """All claims that are known, by the key of their object."""

    def __init__(self) -> None:
        self._claims: dict[K, Claim] = {}
        self._by_state: dict[str, set[K]] = {}

    def set(self, key: K, claim: Claim | None) -> list[K]:
        """Note what an object claims now, None for nothing; give the others that this may set free."""
        before = self._claims.get(key)
        if before == claim:
            return []
        freed = [] if before is None else list(self._younger(key, before))
        self._remove(key)
        if claim is not None:
            self._claims[key] = claim
            self._by_state.setdefault(claim.state, set()).add(key)
        return freed

    def get(self, key: K) -> Claim | None:
        """Give what an object claims as far as is known."""
        return self._claims.get(key)

    def claimants(self) -> list[K]:
        """Give every object that claims something."""
        return list(self._claims)

    def holder(self, key: K) -> K | None:
        """Give the older object that holds what this one claims, None when this one may write."""
        claim = self._claims.get(key)
        if claim is None:
            return None
        rivals = [
            (self._claims[other], other)
            for other in self._by_state[claim.state]
            if other != key and self._claims[other].blocks(claim)
        ]
        oldest = min(rivals, key=lambda rival: (rival[0].created, rival[0].uid), default=None)
        return None if oldest is None else oldest[1]

    def sharers(self, key: K, urls: Iterable[str]) -> list[K]:
        """Give the others that refer to one of these places, at which the object of this key has its state."""
        claim, places = self._claims.get(key), tuple(urls)
        if claim is None:
            return []
        others = ((other, each) for other, each in self._claims.items() if other != key)
        return sorted((other for other, each in others if each.touches(claim, places)), key=str)

    def _younger(self, key: K, claim: Claim) -> Iterator[K]:
        for other in self._by_state[claim.state]:
            if other != key and claim.blocks(self._claims[other]):
                yield other

    def _remove(self, key: K) -> None:
        claim = self._claims.pop(key, None)
        if claim is not None:
            keys = self._by_state[claim.state]
            keys.discard(key)
            if not keys:
                del self._by_state[claim.state]
