"""Why a plan may not be carried out: the one answer that runs and `clusterstate plan` give. Pure."""

from clusterstate.api.annotations import CONFIRM_PLAN
from clusterstate.api.types import ClusterState
from clusterstate.errors import ConflictFound, FileStoreIsForReview, RunRefused, SpecInvalid
from clusterstate.plan.breaker import find_breach
from clusterstate.plan.changes import Plan
from clusterstate.plan.conflict import tell_conflicts
from clusterstate.plan.hook import find_hook_refusal
from clusterstate.settings import Settings
from clusterstate.state.objects import State
from clusterstate.store.location import Location


def find_refusal(
    state: ClusterState, settings: Settings, plan: Plan, after: State, files: int, location: Location
) -> RunRefused | SpecInvalid | None:
    """Give why nothing of a plan may be written; None when it may, or when nothing is to be written anyway.

    `after` is the state as it would be then, and `location` its place; of its files kops knows `files`, `backups/`
    left out.
    """
    if not state.spec.sync.writes:
        return None
    confirmed = state.metadata.annotations.get(CONFIRM_PLAN, "")
    return (
        _find_conflict(plan)
        or _find_folder(plan, location)
        or find_breach(plan, after, files, confirmed)
        or find_hook_refusal(state, settings)
    )


def _find_conflict(plan: Plan) -> ConflictFound | None:
    return ConflictFound(f"Nothing was written. {tell_conflicts(plan)}") if plan.conflicts else None


def _find_folder(plan: Plan, location: Location) -> FileStoreIsForReview | None:
    if not plan.changes or location.scheme != "file":
        return None
    return FileStoreIsForReview(
        f"{location.url} is a folder on one machine, which the nodes of a cluster can't read: kops permits file:// "
        "for review only. Set spec.sync.dryRun, or push to a store that nodes can reach."
    )
