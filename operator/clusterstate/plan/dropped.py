"""Fields that our schema doesn't know, that a push wrote, and that kops dropped when it rewrote the file.

Writing them again would go on for ever: kops drops them, the next run brings them back. So they are told and left,
until another value is declared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from clusterstate.plan.merge import Disagreement
from clusterstate.plan.merge_table import Keyed, Rules, rules_of
from clusterstate.plan.pointers import find, pointer_to, put
from clusterstate.plan.values import MISSING, Value, as_map, equal, index, shown
from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.schema import Kind, List, Map, Object, Type, load_schema

_Sides: TypeAlias = tuple[Value, Value, Value]
"""One path as it was applied, is declared, and is in the store."""
_Found: TypeAlias = tuple[tuple[str, ...], Value, Value]
"""A path that kops dropped, in whole or in part; its applied and its declared value."""


@dataclass(frozen=True, slots=True)
class Dropping:
    """A merge's sides as if kops had kept what it dropped, so that the merge leaves it alone."""

    applied: JsonObject
    observed: JsonObject
    dropped: tuple[Disagreement, ...]
    paths: tuple[tuple[str, ...], ...]

    def undone(self, kind: Kind, spec: JsonObject, observed: JsonObject) -> JsonObject:
        """Give a merged spec as it is in the store: without what kops dropped."""
        result: Value = spec
        for path in self.paths:
            result = put(rules_of(kind), result, path, find(rules_of(kind), observed, path))
        return as_map(result)


def find_dropped(kind: Kind, applied: JsonObject, declared: JsonObject, observed: JsonObject) -> Dropping:
    """Compare the sides of a merge with kops's schema."""
    rules, root = rules_of(kind), Object(load_schema().specs[kind])
    was: Value = applied
    seen: Value = observed
    dropped = []
    for path, before, now in list(_walk((), root, rules, (applied, declared, observed))):
        held = find(rules, observed, path)
        # What kops made of our value is nobody's change: another declared value meets no conflict.
        was = put(rules, was, path, held)
        if equal(rules, before, now):
            seen = put(rules, seen, path, now)
            dropped.append((path, Disagreement(pointer_to(path), shown(now), shown(held))))
    return Dropping(as_map(was), as_map(seen), tuple(each for _, each in dropped), tuple(path for path, _ in dropped))


def _walk(path: tuple[str, ...], kind: Type, rules: Rules, sides: _Sides) -> Iterator[_Found]:
    match kind:
        case Object(name) if all(isinstance(side, dict) for side in sides):
            yield from _walk_object(path, name, rules, sides)
        case Map(inner) if all(isinstance(side, dict) for side in sides):
            for key in sorted(as_map(sides[1])):
                yield from _walk((*path, key), inner, rules.below(key), _below(sides, key))
        case List(inner) if all(isinstance(side, list) for side in sides):
            if isinstance(rules.items, Keyed):
                yield from _walk_items(path, inner, (rules, rules.items), sides)
            elif not equal(rules, sides[0], sides[2]) and equal(rules, _known(kind, shown(sides[0])), sides[2]):
                yield path, sides[0], sides[1]


def _walk_object(path: tuple[str, ...], name: str, rules: Rules, sides: _Sides) -> Iterator[_Found]:
    fields = load_schema().types[name]
    for key in sorted(as_map(sides[1])):
        below = _below(sides, key)
        if key in fields:
            yield from _walk((*path, key), fields[key].type, rules.below(key), below)
        elif below[0] is not MISSING and below[2] is MISSING:
            yield (*path, key), below[0], below[1]


def _walk_items(
    path: tuple[str, ...], kind: Type, rules: tuple[Rules, Keyed], sides: Sequence[Value]
) -> Iterator[_Found]:
    keyed = [index(rules[1], side) if isinstance(side, list) else None for side in sides]
    applied, declared, observed = ({} if items is None else items for items in keyed)
    for key in sorted(applied.keys() & declared.keys() & observed.keys()):
        yield from _walk((*path, key), kind, rules[0].each, (applied[key], declared[key], observed[key]))


def _below(sides: _Sides, key: str) -> _Sides:
    one, two, three = (as_map(side).get(key, MISSING) for side in sides)
    return one, two, three


def _known(kind: Type, value: Json) -> Json:
    """Give a value without the fields that kops's schema doesn't know."""
    match kind:
        case Object(name) if isinstance(value, dict):
            fields = load_schema().types[name]
            return {key: _known(fields[key].type, each) for key, each in value.items() if key in fields}
        case Map(inner) if isinstance(value, dict):
            return {key: _known(inner, each) for key, each in value.items()}
        case List(inner) if isinstance(value, list):
            return [_known(inner, each) for each in value]
    return value
