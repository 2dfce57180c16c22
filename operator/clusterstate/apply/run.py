"""Carries a plan out: one conditional write after another, in the plan's order, stopping at the first that fails.

What was written stays written: every file is whole at every moment, and the next run plans the rest anew.
"""

from datetime import datetime

from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.state import codec
from clusterstate.state.tree import Listing, Tree
from clusterstate.store.base import ABSENT, Expect


async def carry_out(tree: Tree, plan: Plan, listing: Listing, now: datetime) -> Listing:
    """Write every change of the plan; give the listing as our writes leave it.

    Raises `LostRace` when somebody wrote a file after the plan was made: nothing of theirs is overwritten.
    """
    for change in plan.changes:
        listing = await _write(tree, change, listing, now)
    return listing


async def _write(tree: Tree, change: Change, listing: Listing, now: datetime) -> Listing:
    if change.action is Action.DELETE or change.document is None:
        raise NotImplementedError(f"{change.key}: a plan of this version deletes nothing.")
    data = codec.encode_document(change.document)
    version = await tree.write(change.key, data, expect=_expectation(change))
    return listing.written(change.key, version, len(data), now)


def _expectation(change: Change) -> Expect:
    return ABSENT if change.expect is None else change.expect
