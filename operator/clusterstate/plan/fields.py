"""Two values, field by field: every path at which they mean something else. Pure.

Lists are compared as the merge table merges them: keyed ones item by item, sets member by member, all others as one
value; the order of the first two means nothing. What is None is not there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.merge_table import ATOMIC, Keyed, MergeSet, Rules, rules_of
from clusterstate.plan.pointers import SPEC
from clusterstate.plan.values import (
    MISSING,
    Value,
    are_lists,
    are_maps,
    are_strings,
    as_list,
    as_map,
    equal,
    equal_json,
    index,
    join,
    shown,
)
from clusterstate.state.objects import Json, JsonObject, stored
from clusterstate.state.schema import Kind

_NOTHING: Final[JsonObject] = {}


def compare_fields(rules: Rules, old: JsonObject | None, new: JsonObject | None) -> tuple[FieldChange, ...]:
    """Give what makes `new` of `old`, in the order of the pointers; nothing exactly where both mean the same.

    Swapped sides give the same pointers, with old and new swapped. An object that is None is compared as an empty one.
    """
    return tuple(_Comparer(ordered=False).compare(rules, "", _whole(old), _whole(new)))


def field_changes(kind: Kind, before: JsonObject, after: JsonObject) -> tuple[FieldChange, ...]:
    """Give what turns one canonical spec into another as it is written: a list in another order has changed."""
    return tuple(_Comparer(ordered=True).compare(rules_of(kind), SPEC, before, after))


def metadata_changes(before: JsonObject, after: JsonObject) -> tuple[FieldChange, ...]:
    """Give the same for the metadata of a document."""
    return tuple(_Comparer(ordered=True).compare(ATOMIC, "/metadata", before, after))


def _whole(side: JsonObject | None) -> Json:
    return stored(_NOTHING if side is None else side)


@dataclass(frozen=True, slots=True)
class _Comparer:
    """Walks down two values at the same time."""

    ordered: bool
    """Whether the order of named items counts."""

    def compare(self, rules: Rules, at: str, old: Value, new: Value) -> Iterator[FieldChange]:
        if equal_json(old, new) if self.ordered else equal(rules, old, new):
            return
        sides = (old, new)
        parts: Iterator[FieldChange] = iter(())
        if are_maps(sides):
            parts = self._compare_maps(rules, at, as_map(old), as_map(new))
        elif are_lists(sides) and isinstance(rules.items, Keyed):
            parts = self._compare_items(rules, rules.items, at, old, new)
        elif are_lists(sides) and isinstance(rules.items, MergeSet):
            parts = _compare_members(at, as_list(old), as_list(new))
        found = list(parts)
        yield from found or (_change(at, old, new),)

    def _compare_maps(self, rules: Rules, at: str, old: JsonObject, new: JsonObject) -> Iterator[FieldChange]:
        for key in sorted({*old, *new}):
            yield from self.compare(rules.below(key), join(at, key), old.get(key, MISSING), new.get(key, MISSING))

    def _compare_items(self, rules: Rules, how: Keyed, at: str, old: Value, new: Value) -> Iterator[FieldChange]:
        """Compare item by item; give nothing where keys aren't clear. An item comes and goes as a whole."""
        before, after = (index(how, as_list(side)) for side in (old, new))
        if before is None or after is None:
            return
        for key in sorted({*before, *after}):
            pointer = join(at, key)
            if key in before and key in after:
                yield from self.compare(rules.each, pointer, before[key], after[key])
            else:
                yield _change(pointer, before.get(key, MISSING), after.get(key, MISSING))


def _compare_members(at: str, old: list[Json], new: list[Json]) -> Iterator[FieldChange]:
    if not are_strings([*old, *new]):
        return
    for member in sorted({*map(str, old)} ^ {*map(str, new)}):
        yield _change(join(at, member), *(member if member in side else MISSING for side in (old, new)))


def _change(at: str, old: Value, new: Value) -> FieldChange:
    action = Action.CREATE if old is MISSING else Action.DELETE if new is MISSING else Action.UPDATE
    return FieldChange(at, action, shown(old), shown(new))
