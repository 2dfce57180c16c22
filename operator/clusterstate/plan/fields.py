"""In which fields two documents differ, as plans tell it: items of lists by their key where they have one. Pure."""

from collections.abc import Iterable, Iterator

from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.merge_table import ATOMIC, Keyed, MergeSet, Rules, rules_of
from clusterstate.plan.pointers import SPEC
from clusterstate.plan.values import MISSING, Value, are_strings, as_list, as_map, equal_json, index, join, shown
from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.schema import Kind


def field_changes(kind: Kind, before: JsonObject, after: JsonObject) -> tuple[FieldChange, ...]:
    """Give what turns one canonical spec into another, all that is no longer there among it; empty for equal ones."""
    return tuple(_map(SPEC, rules_of(kind), before, after))


def metadata_changes(before: JsonObject, after: JsonObject) -> tuple[FieldChange, ...]:
    """Give the same for the metadata of a document."""
    return tuple(_map("/metadata", ATOMIC, before, after))


def _value(at: str, rules: Rules, before: Value, after: Value) -> Iterable[FieldChange]:
    if equal_json(before, after):
        return ()
    if all(isinstance(side, dict) and side for side in (before, after) if side is not MISSING):
        return _map(at, rules, as_map(before), as_map(after))
    if isinstance(before, list) and isinstance(after, list):
        return _list(at, rules, before, after)
    action = Action.CREATE if before is MISSING else Action.DELETE if after is MISSING else Action.UPDATE
    return (FieldChange(at, action, shown(before), shown(after)),)


def _map(at: str, rules: Rules, before: JsonObject, after: JsonObject) -> Iterator[FieldChange]:
    for key in sorted({*before, *after}):
        one, other = before.get(key, MISSING), after.get(key, MISSING)
        yield from _value(join(at, key), rules.below(key), one, other)


def _list(at: str, rules: Rules, before: list[Json], after: list[Json]) -> Iterable[FieldChange]:
    """Compare by item where items have a name, else, or where their order alone differs, as a whole."""
    whole = (FieldChange(at, Action.UPDATE, before, after),)
    one, other = _named(rules, before), _named(rules, after)
    if one is None or other is None:
        return whole
    found = [
        each
        for key in {**one, **other}
        for each in _item(join(at, key), rules, one.get(key, MISSING), other.get(key, MISSING))
    ]
    return found or whole


def _item(at: str, rules: Rules, before: Value, after: Value) -> Iterable[FieldChange]:
    if before is MISSING or after is MISSING:
        action = Action.CREATE if before is MISSING else Action.DELETE
        return (FieldChange(at, action, shown(before), shown(after)),)
    return _value(at, rules.each, before, after)


def _named(rules: Rules, items: list[Json]) -> dict[str, Value] | None:
    if isinstance(rules.items, MergeSet) and are_strings(items) and len(items) == len(set(map(str, items))):
        return {str(each): each for each in items}
    found = index(rules.items, as_list(items)) if isinstance(rules.items, Keyed) else None
    return None if found is None else {**found}
