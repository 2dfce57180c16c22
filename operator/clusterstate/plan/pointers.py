"""JSON pointers into a spec, spelled as plans spell them: items of keyed lists by key, members of sets by value."""

from collections.abc import Sequence
from typing import Final

from clusterstate.plan.merge_table import ATOMIC, Keyed, MergeSet, Rules
from clusterstate.plan.values import MISSING, Value, as_list, as_map, join
from clusterstate.state.objects import Json

SPEC: Final = "/spec"
"""Where every spec begins in its document."""


def path_of(pointer: str) -> tuple[str, ...]:
    """Give the steps of a pointer (RFC 6901)."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def pointer_to(path: Sequence[str]) -> str:
    """Give the pointer of a path below a spec."""
    pointer = SPEC
    for step in path:
        pointer = join(pointer, step)
    return pointer


def find(rules: Rules, value: Value, path: Sequence[str]) -> Value:
    """Give what is at a path; of items with the same key the first."""
    for step in path:
        match value, rules.items:
            case dict(), _:
                value, rules = as_map(value).get(step, MISSING), rules.below(step)
            case list(), Keyed() as how:
                value, rules = next((each for each in value if _is(how, each, step)), MISSING), rules.each
            case list(), MergeSet():
                value, rules = step if step in value else MISSING, ATOMIC
            case _:
                return MISSING
    return value


def put(rules: Rules, value: Value, path: Sequence[str], new: Value) -> Value:
    """Give a value with another one at a path, or without it: nothing is made on the way there."""
    if not path:
        return new
    step, *below = path
    match value, rules.items:
        case dict(), _:
            child = put(rules.below(step), as_map(value).get(step, MISSING), below, new)
            return {key: each for key, each in {**as_map(value), step: child}.items() if each is not MISSING}
        case list(), Keyed() as how:
            items = [put(rules.each, each, below, new) if _is(how, each, step) else each for each in value]
            return [each for each in items if each is not MISSING]
        case list(), MergeSet() if new is MISSING and not below:
            return [each for each in as_list(value) if each != step]
    return value


def _is(how: Keyed, item: Json, key: str) -> bool:
    return isinstance(item, dict) and how.key_of(item) == key
