"""Values of JSON documents as the merge sees them: absent ones, equality, keyed items, pointers."""

from collections.abc import Iterable
from enum import Enum
from typing import Final, TypeAlias

from clusterstate.plan.merge_table import ATOMIC, Keyed, MergeSet, Rules
from clusterstate.state.objects import Json, JsonObject


class Missing(Enum):
    """The value of a path that isn't there; unlike None, which is a value."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
Value: TypeAlias = "Json | Missing"
"""What a path holds on one side."""


def shown(value: Value) -> Json:
    """Give the value for a plan, where None stands for an absent one."""
    return None if value is MISSING else value


def present(value: Json) -> Value:
    """Give the value of an object that is None where it is absent."""
    return MISSING if value is None else value


def join(pointer: str, token: str) -> str:
    """Go one level down a JSON pointer (RFC 6901)."""
    return f"{pointer}/{token.replace('~', '~0').replace('/', '~1')}"


def is_bare(value: Value) -> bool:
    """Whether a value is a map that the store holds as an empty one."""
    return isinstance(value, dict) and all(each is None for each in value.values())


def opened(rules: Rules, sides: tuple[Value, Value, Value]) -> tuple[Value, Value, Value]:
    """Give the sides without None where one of them holds what merges by parts.

    There an empty map or list declares nothing; elsewhere None declares that the path must not be in the store.
    """
    parts = (dict,) if rules.items is None else (dict, list)
    if not any(isinstance(side, parts) for side in sides):
        return sides
    one, two, three = (MISSING if side is None else side for side in sides)
    return one, two, three


def are_maps(values: Iterable[Value]) -> bool:
    """Whether every value that is there is a map."""
    return all(isinstance(value, dict) for value in values if value is not MISSING)


def are_lists(values: Iterable[Value]) -> bool:
    """Whether every value that is there is a list."""
    return all(isinstance(value, list) for value in values if value is not MISSING)


def as_map(value: Value) -> JsonObject:
    """Give the map, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Value) -> list[Json]:
    """Give the list, an empty one for anything else."""
    return value if isinstance(value, list) else []


def index(rule: Keyed, items: Iterable[Json]) -> dict[str, JsonObject] | None:
    """Give list items by key in their order; None when a key is missing or there twice."""
    found: dict[str, JsonObject] = {}
    for item in items:
        key = rule.key_of(item) if isinstance(item, dict) else None
        if key is None or key in found:
            return None
        found[key] = as_map(item)
    return found


def without(rules: Rules, items: Iterable[Json], known: list[Json]) -> list[Json]:
    """Give a list's items without those that equal a known one as a whole."""
    return [item for item in items if not any(equal(rules.each, item, each) for each in known)]


def are_strings(items: Iterable[Json]) -> bool:
    """Whether a list can be a set: kops has sets of strings only."""
    return all(isinstance(item, str) for item in items)


def equal(rules: Rules, one: Value, other: Value, *, exact: bool = False) -> bool:
    """Whether two values mean the same: order counts only where the merge table knows no key and no set.

    None is no value, as to kops, unless `exact`: two declarations mean different things by None and by nothing. Unlike
    Python's `==`, true is not 1.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        pairs = ((key, one.get(key, MISSING), other.get(key, MISSING)) for key in {**one, **other})
        return all(equal(rules.below(key), mine, theirs, exact=exact) for key, mine, theirs in pairs)
    if isinstance(one, list) and isinstance(other, list):
        return _equal_lists(rules, one, other, exact=exact)
    if not exact:
        one, other = shown(one), shown(other)
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def equal_json(one: Value, other: Value) -> bool:
    """Whether two values are the same, with the order of every list."""
    return equal(ATOMIC, one, other)


def _equal_lists(rules: Rules, one: list[Json], other: list[Json], *, exact: bool) -> bool:
    if len(one) != len(other):
        return False
    if isinstance(rules.items, MergeSet) and are_strings([*one, *other]):
        return sorted(map(str, one)) == sorted(map(str, other))
    if isinstance(rules.items, Keyed):
        left, right = index(rules.items, one), index(rules.items, other)
        if left is not None and right is not None:
            same = (equal(rules.each, left[key], right[key], exact=exact) for key in left)
            return left.keys() == right.keys() and all(same)
    return all(equal(rules.each, mine, theirs, exact=exact) for mine, theirs in zip(one, other, strict=True))
