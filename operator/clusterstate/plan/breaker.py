"""The breaker: a plan that deletes much, or leaves a keyset unusable, runs only if a person confirms that very plan.

A third is taken strictly and without a minimum: one of three files may go, one of two may not. Small states are
those where a slip takes everything.
"""

from collections.abc import Iterator
from typing import Final

from clusterstate.api.annotations import CONFIRM_PLAN
from clusterstate.errors import BreakerTripped
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.diff import plan_digest
from clusterstate.plan.naming import named
from clusterstate.state.keyset import primary
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import State

MOST_DELETED: Final = 3
"""A plan may delete one of so many files."""


def find_breach(plan: Plan, after: State, files: int, confirmed: str) -> BreakerTripped | None:
    """Give why a plan for a state with so many known files, `backups/` left out, may not run; None when it may.

    `after` is the state as it would be then; `confirmed` is the annotation's value: the digest of the plan that a
    person has seen.
    """
    digest = plan_digest(plan)
    dangers = list(_dangers(plan, after, files))
    if not dangers or confirmed == digest:
        return None
    return BreakerTripped(
        f"The plan {' and '.join(dangers)}; nothing was written. If that is meant, let exactly this plan run: set the "
        f"annotation {CONFIRM_PLAN}: {digest}"
    )


def _dangers(plan: Plan, after: State, files: int) -> Iterator[str]:
    deleted = [change.key for change in plan.changes if change.action is Action.DELETE]
    if len(deleted) * MOST_DELETED > files:
        yield f"deletes {len(deleted)} of {files} files ({named(deleted)}), more than a third"
    unusable = [change.key for change in plan.changes if _spoils_keyset(change, after)]
    if unusable:
        yield f"leaves keysets without a usable primary ({named(unusable)})"


def _spoils_keyset(change: Change, after: State) -> bool:
    kind, name = kind_of(change.key)
    if kind is not FileKind.KEYSET or change.generate:
        return False  # a key pair more spoils none, and of one that is to be made `after` knows nothing
    keyset = after.keysets.get(name)
    return change.action is Action.DELETE or keyset is None or primary(keyset) is None
