"""A state as it is at one place, listed and read: what a move and the clean-up after it begin with."""

from dataclasses import dataclass

from clusterstate.gather import Access
from clusterstate.plan.contents import observed_base
from clusterstate.plan.departure import Departure
from clusterstate.plan.observed import Applied, specs_of
from clusterstate.plan.settle import settle
from clusterstate.planning import Sight
from clusterstate.state.objects import Document, JsonObject
from clusterstate.state.tree import Listing, Tree


@dataclass(frozen=True)
class Source:
    """A state as it was listed and read."""

    access: Access
    sight: Sight
    tree: Tree
    listing: Listing

    @property
    def cluster(self) -> Document | None:
        """What `config` is."""
        return self.sight.observed.state.cluster

    @property
    def spec(self) -> JsonObject:
        """What `config` says."""
        return self.cluster.spec if self.cluster else {}

    @property
    def declared(self) -> JsonObject:
        """What somebody declares of `config`: what only Pull put into the spec isn't."""
        return self.sight.desired.cluster or {}

    @property
    def identity(self) -> str:
        """What tells the place from others."""
        return self.sight.origin.place

    @property
    def base(self) -> Applied:
        """What of all that was pushed the state holds; what is being moved is in no push."""
        observed = self.sight.observed
        specs = observed_base(specs_of(observed.state), self.sight.desired, observed)
        pushes = [each for each in observed.intents if each.departure is None or each.departure.digest]
        base = settle(observed.applied, pushes, specs) or Applied()
        return base.declaring(pushes[-1].declaration) if pushes else base

    @property
    def departure(self) -> Departure | None:
        """Where the state came from, if it has moved before."""
        applied = self.sight.observed.applied
        return applied.departure if applied else None
