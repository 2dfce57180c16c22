"""Who changed a declaration, and what that changed in the store: in words for people, never with a value. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from clusterstate.api.annotations import FIELD_MANAGER, PULL_MANAGER
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.naming import cut

LONGEST: Final = 256
"""Characters of one text."""
_DONE: Final = {Action.CREATE: "created", Action.UPDATE: "changed", Action.DELETE: "deleted"}


def tell_changes(plan: Plan) -> str:
    """Name the files that a plan writes, and the fields of those that it changes."""
    return cut(", ".join(map(_tell, plan.changes)), LONGEST)


def tell_declarer(managed_fields: Iterable[Mapping[str, Any]]) -> str:
    """Name the field manager that wrote the spec last, as the API server remembers it; of a tie, all.

    What we write into a spec ourselves is no declaration.
    """
    entries = [each for each in managed_fields if _declares(each)]
    latest = max((str(each.get("time", "")) for each in entries), default="")
    names = {str(each.get("manager", "")) for each in entries if str(each.get("time", "")) == latest}
    return cut(", ".join(sorted(names)), LONGEST)


def _tell(change: Change) -> str:
    pointers = [field.pointer for field in change.fields if field.pointer]
    if change.action is Action.UPDATE and pointers:
        return f"{change.key} ({', '.join(pointers)})"
    return f"{change.key} ({_DONE[change.action]})"


def _declares(entry: Mapping[str, Any]) -> bool:
    fields = entry.get("fieldsV1")
    spec = isinstance(fields, dict) and "f:spec" in fields
    return spec and not entry.get("subresource") and entry.get("manager") not in (FIELD_MANAGER, PULL_MANAGER)
