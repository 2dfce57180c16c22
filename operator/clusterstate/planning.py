"""What a run does between an open store and its first write, and what `clusterstate plan` does all in all.

`look` reads, `decide` and `bring` decide; nothing is written here.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final, TypeAlias

from clusterstate.api.types import ClusterState
from clusterstate.apply.contents import make_bodies
from clusterstate.apply.issuing import make_key_pairs
from clusterstate.declared import Contents, declares_contents, digests_of, read_contents, wanted_for
from clusterstate.errors import StateError
from clusterstate.facts import past_of
from clusterstate.gather import Access
from clusterstate.kube.client import Client
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import Revision, list_revisions
from clusterstate.mirror.rules import is_asked_for
from clusterstate.plan.changes import Plan
from clusterstate.plan.contents import carried_out
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import Desired, Direction
from clusterstate.plan.diff import make_plan
from clusterstate.plan.observed import Observed, specs_of
from clusterstate.plan.ownership import ownership_of
from clusterstate.plan.place import Origin, as_plain
from clusterstate.plan.pull import Pull, make_pull
from clusterstate.plan.rolled import Annotation
from clusterstate.plan.rollout import rollout_of
from clusterstate.plan.rotation_report import RotationReport, report_rotations
from clusterstate.state.digests import Digests
from clusterstate.state.keypair import KeyPair
from clusterstate.state.objects import State
from clusterstate.state.tree import Listing, Read, Tree, Wanted, no_name, read_state

DigestsSource: TypeAlias = Callable[[], Awaitable[Digests]]
"""Gives what digests contents; asked only where there are any."""
NONE_MADE: Final[Mapping[str, KeyPair]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that a decision is made from."""

    desired: Desired
    observed: Observed
    revisions: tuple[Revision, ...]
    """Oldest first."""
    origin: Origin
    """Where this was looked at; the next push goes there."""
    read: Read
    """What the state's files hold."""
    contents: Contents = field(default_factory=Contents)
    """What is declared beside documents, with its bytes; see `with_contents`."""
    complete: bool = False
    """Whether it is known what Secrets and ConfigMaps hold."""

    @property
    def broken(self) -> Mapping[str, StateError]:
        """Why keysets, secrets and SSH keys are missing in `observed` although their files, by key, are there."""
        return self.read.broken

    def require_whole(self) -> None:
        """Raise the first of `broken`, if any: nothing is decided about a state that is known in part only."""
        for error in self.broken.values():
            raise error


async def look(client: Client, state: ClusterState, access: Access, tree: Tree, listing: Listing) -> Sight:
    """Read what the store holds and what was applied; what Secrets and ConfigMaps hold comes `with_contents`."""
    revisions = await list_revisions(client, Owner.of(state.metadata))
    read = await read_state(tree, listing, wanted_of(state, past_of(revisions).contents_keys))
    return sight_of(state, access, tree, read, revisions)


def sight_of(
    state: ClusterState, access: Access, tree: Tree, read: Read, revisions: tuple[Revision, ...] = ()
) -> Sight:
    """Give the same of a state that was read; without `revisions` it is adopted."""
    past = past_of(revisions)
    return Sight(
        desired=declare(state, access.store.url),
        observed=Observed(read.state, read.versions, past.applied, past.intents, node_configs=read.node_configs),
        revisions=revisions,
        origin=Origin(as_plain(state.spec.store), access.location.identity(tree.trunk.endpoint or "")),
        read=read,
    )


async def with_contents(
    client: Client | None, state: ClusterState, sight: Sight, digests_source: DigestsSource
) -> Sight:
    """Read what is declared in Secrets and ConfigMaps too, and digest what the store has of it.

    No client is needed where nothing refers to one. Raises what `read_contents` does.
    """
    if not (declares_contents(state.spec) or past_of(sight.revisions).contents_keys):
        return replace(sight, complete=True)
    digests = await digests_source()
    contents = await read_contents(client, state.metadata.namespace, state.spec, digests)
    return replace(
        sight,
        desired=replace(sight.desired, contents=contents.digests, key_pairs=contents.facts),
        observed=replace(sight.observed, contents=digests_of(sight.read, digests)),
        contents=contents,
        complete=True,
    )


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What carrying a plan out comes to."""

    bodies: Mapping[str, bytes] = field(repr=False)
    """The final bytes of what is no document, by its key."""
    state: State
    """As it is once everything is written."""


def foresee(sight: Sight, plan: Plan, made: Mapping[str, KeyPair] = NONE_MADE) -> Foreseen:
    """Give what a plan for what was seen writes beside documents, and the state then.

    Key pairs that the plan has to be `made` are a part of it once they are.
    """
    before, contents = sight.observed.state, sight.contents
    bodies = make_bodies(plan, before, contents.bodies, {**contents.key_pairs, **made})
    return Foreseen(bodies, carried_out(plan, before, bodies))


async def with_generated(sight: Sight, plan: Plan, foreseen: Foreseen, now: datetime) -> Foreseen:
    """Make the key pairs that a plan generates, for it is going to be carried out, and give what it comes to then."""
    made = await make_key_pairs(plan, now)
    return foresee(sight, plan, made) if made else foreseen


def decide(sight: Sight, now: datetime) -> Plan:
    """Decide what is to be written to the store, and what the next revision says.

    Raises what `make_plan` does, and what `Sight.require_whole` does.
    """
    sight.require_whole()
    plan, before = make_plan(sight.desired, sight.observed, now), sight.observed.applied
    departure = before.departure if before else None
    noted = replace(plan.applied, store=sight.origin.store, place=sight.origin.place, departure=departure)
    return replace(plan, applied=noted)


def bring(state: ClusterState, desired: Desired, after: State) -> Pull | None:
    """Decide what is to be written into the spec of what the store will hold, None where that isn't wanted.

    Raises `SpecTooLarge` as `make_pull` does.
    """
    if state.spec.sync.direction is Direction.PUSH:
        return None
    return make_pull(state, ownership_of(state.metadata), desired, specs_of(after))


def follow(sight: Sight, owner: Owner, after: State, now: datetime) -> tuple[RotationReport, ...]:
    """Give how far rotations are that this object declares, once the store holds `after`."""
    desired, before = sight.desired, sight.observed.state
    annotation = Annotation(owner.namespace, owner.name, desired.rolled)
    rollout = rollout_of(desired, sight.observed)
    return report_rotations(desired, annotation, (before.keysets, after.keysets), rollout, now)


def wanted_of(state: ClusterState, applied: Collection[str] = ()) -> Wanted:
    """Give what has to be read: what is declared, what was `applied` by its key, what is mirrored."""
    mirror = state.spec.mirror
    chosen = partial(is_asked_for, mirror, "secret") if mirror else no_name
    wanted = wanted_for(state.spec, applied)
    return Wanted(
        secrets=lambda name: wanted.secrets(name) or chosen(name),
        ssh_public_keys=wanted.ssh_public_keys or (mirror is not None and mirror.ssh_public_keys is not None),
        files=wanted.files,
        node_configs=any(each.rotation is not None for each in state.spec.keysets),
    )
