"""What a run does between an open store and its first write, and what `clusterstate plan` does all in all.

`look` reads, `decide` and `bring` decide; nothing is written here.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from clusterstate.api.types import ClusterState
from clusterstate.gather import Access
from clusterstate.kube.client import Client
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import Revision, list_revisions
from clusterstate.mirror.rules import is_chosen
from clusterstate.plan.changes import Plan
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import Desired, Direction
from clusterstate.plan.diff import make_plan
from clusterstate.plan.observed import Applied, Observed, specs_of
from clusterstate.plan.ownership import ownership_of
from clusterstate.plan.pull import Pull, make_pull
from clusterstate.state.objects import State
from clusterstate.state.tree import Listing, Read, Tree, Wanted, no_name, read_state


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that a decision is made from."""

    desired: Desired
    read: Read
    revisions: tuple[Revision, ...]
    """Oldest first."""

    @property
    def observed(self) -> Observed:
        """What is there, and what was applied to it."""
        newest = max((each.number for each in self.revisions if each.settled), default=0)
        return Observed(
            state=self.read.state,
            versions=self.read.versions,
            applied=next((Applied.from_json(each.content) for each in self.revisions if each.number == newest), None),
            intents=tuple(Applied.from_json(each.content) for each in self.revisions if each.number > newest),
        )


async def look(client: Client, state: ClusterState, access: Access, tree: Tree, listing: Listing) -> Sight:
    """Read what is declared, what the store holds of it, and what was applied."""
    read = await read_state(tree, listing, _wanted(state))
    desired = declare(state, access.store.url)
    return Sight(desired, read, await list_revisions(client, Owner.of(state.metadata)))


def decide(sight: Sight, now: datetime) -> Plan:
    """Decide what is to be written to the store. Raises what `make_plan` does."""
    return make_plan(sight.desired, sight.observed, now)


def bring(state: ClusterState, desired: Desired, after: State) -> Pull | None:
    """Decide what is to be written into the spec of what the store will hold, None where that isn't wanted.

    Raises `SpecTooLarge` as `make_pull` does.
    """
    if state.spec.sync.direction is Direction.PUSH:
        return None
    return make_pull(state, ownership_of(state.metadata), desired, specs_of(after))


def _wanted(state: ClusterState) -> Wanted:
    mirror = state.spec.mirror
    if mirror is None:
        return Wanted()
    rule = mirror.secrets
    chosen = partial(is_chosen, rule=rule) if rule is not None else no_name
    return Wanted(secrets=chosen, ssh_public_keys=mirror.ssh_public_keys is not None)
