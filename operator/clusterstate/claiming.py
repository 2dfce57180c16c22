"""Lays claim to a state, for the one object that may write to it; see `plan.claims` for who that is."""

import logging
from dataclasses import replace

from clusterstate.api.types import ClusterState
from clusterstate.context import Context, Key
from clusterstate.errors import SpecInvalid, StateClaimed
from clusterstate.gather import Access
from clusterstate.kube.owner import Owner
from clusterstate.plan.claims import Claim, foresee_claim, make_claim
from clusterstate.plan.place import locate_state

log = logging.getLogger(__name__)


def foresee(context: Context, state: ClusterState | None, before: Claim | None) -> Claim | None:
    """Give what an object claims as far as its own text tells; what it claimed before when that can't be used.

    Where the policy lets it have no state it claims none, whatever its status says of earlier days.
    """
    if state is None:
        return before
    namespace = state.metadata.namespace
    try:
        place = locate_state(state.spec.store, namespace, state.cluster_name)
    except SpecInvalid:
        return before
    may_be = context.policy.of(namespace).permits(place, ambient=False)
    return foresee_claim(state, before) if may_be else None


def lay_claim(context: Context, state: ClusterState, access: Access, endpoint: str, *, proven: bool) -> list[Key]:
    """Claim the state behind an endpoint; give the objects that this sets free. `proven` says that it was reached."""
    claims, provable, key = context.claims, not access.detoured, (state.metadata.namespace, state.metadata.name)
    claim = make_claim(state, access.location.identity(endpoint), proven=proven and provable)
    before = claims.get(key)
    if provable and before is not None and before.proves(claim):
        claim = replace(claim, proven=True)
    return claims.set(key, claim)


def require_claim(context: Context, owner: Owner, access: Access) -> None:
    """Raise `StateClaimed` while an older object holds the claim."""
    holder = context.claims.holder((owner.namespace, owner.name))
    if holder is not None:
        log.info("%s: %s/%s holds %s", owner, *holder, access.location.url)
        who = f"ClusterState {holder[1]}" if holder[0] == owner.namespace else "One of another namespace"
        raise StateClaimed(
            f"{who} is older and writes to {access.location.url} already. Delete one of the two, or let this one "
            "only pull."
        )
