"""What of the store a ClusterState's spec can hold: the rest is shown as left out, since it would be refused. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from clusterstate.api.basics import FILE_NAME, LABEL_VALUE, LONGEST_LABEL, LONGEST_NAME, MAX_LABELS
from clusterstate.api.load import MAX_DEPTH
from clusterstate.plan.values import MISSING, Missing, Value, join
from clusterstate.state.objects import Json

DEEPEST: Final = MAX_DEPTH - 4
"""Levels of a kops spec: those of `spec.instanceGroups[].spec` stand above it."""
LeaveOut = Callable[[str], None]
"""Is told the pointer of each value that is left out."""


def holdable(value: Json, pointer: str, leave_out: LeaveOut, depth: int = DEEPEST) -> Value:
    """Give a value without what no spec takes: null, and what is nested too deep. A list is taken whole or not."""
    if isinstance(value, dict) and depth:
        parts = ((key, holdable(each, join(pointer, key), leave_out, depth - 1)) for key, each in value.items())
        kept = {key: each for key, each in parts if not isinstance(each, Missing)}
        return kept if kept or not value else MISSING
    if _is_holdable(value, depth):
        return value
    leave_out(pointer)
    return MISSING


def holdable_labels(
    labels: Mapping[str, str], declared: Collection[str], pointer: str, leave_out: LeaveOut
) -> dict[str, Json]:
    """Give the first labels, as many as a spec takes beside the declared ones, whose values it takes."""
    kept: dict[str, Json] = {}
    room = MAX_LABELS - len(declared)
    for name, value in labels.items():
        fits = name in declared or room > 0
        if fits and len(value) <= LONGEST_LABEL and re.match(LABEL_VALUE, value):
            kept[name] = value
            room -= name not in declared
        else:
            leave_out(join(pointer, name))
    return kept


def is_holdable_name(name: str) -> bool:
    """Whether an instance group of the spec can have this name."""
    return len(name) <= LONGEST_NAME and bool(re.match(FILE_NAME, name))


def _is_holdable(value: Json, depth: int) -> bool:
    if isinstance(value, dict | list):
        below = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_holdable(each, depth - 1) for each in below)
    return value is not None
