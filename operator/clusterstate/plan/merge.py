"""Three-way merge of one spec: what was applied, what is declared, what the store holds; all canonical.

Path by path, lists by the merge table:

- A declared path wins; declared as None it must not be in the store. Where the store holds another value, that is
  a plain change if the declaration moved or the path is new to it, drift if only the store moved, a conflict if
  both did.
- A path that was applied and isn't declared any more is removed while it still has the applied value; else it is
  a conflict. A map or list item that a push had made goes with the last field declared in it.
- A path that is neither declared nor applied is never touched, whatever it holds. A list that should merge by item
  but is one value, for want of clear keys, and holds items of others in the store, is a conflict: nobody declared
  those items, so that no plain change and no correction may take them away.

Nothing given is ever changed; results may share parts with what was given.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.desired import ConflictPolicy, Direction, DriftPolicy, Policy
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
    index,
    is_bare,
    join,
    opened,
    present,
    shown,
    without,
)
from clusterstate.state.objects import Json, JsonObject, stored
from clusterstate.state.schema import Kind

LABELS = "/metadata/labels"
ANNOTATIONS = "/metadata/annotations"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A path where the store doesn't hold what is declared; None where a side has nothing."""

    pointer: str
    declared: Json
    observed: Json


@dataclass(frozen=True, slots=True)
class Merged:
    """What one spec becomes, and what was found on the way."""

    spec: JsonObject
    applied: JsonObject
    """The base of the next merge, once `spec` is in the store."""
    created: frozenset[str] = frozenset()
    """Pointers of the maps and list items that exist only because a push made them."""
    changes: tuple[FieldChange, ...] = ()
    drift: tuple[Disagreement, ...] = ()
    conflicts: tuple[Disagreement, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sides:
    """One path, on all three sides."""

    applied: Value
    declared: Value
    observed: Value

    def below(self, key: str) -> "_Sides":
        return _Sides(*(as_map(side).get(key, MISSING) for side in self.all))

    @property
    def all(self) -> tuple[Value, Value, Value]:
        return self.applied, self.declared, self.observed


_Result: TypeAlias = tuple[Value, Value]
"""The path's new value, and its part of the next merge's base."""


def merge(
    kind: Kind,
    applied: JsonObject | None,
    declared: JsonObject,
    observed: JsonObject,
    policy: Policy,
    created: Collection[str] = (),
) -> Merged:
    """Merge a whole spec. `created` is the last merge's, for the same object.

    Without `applied` nothing is removed and nothing is drift; under `Direction.BOTH` what differs is a conflict then.
    Under `ConflictPolicy.FAIL` a conflict leaves its own path as it is; that nothing else may be written either is the
    caller's to see to.
    """
    sides = _Sides(MISSING if applied is None else applied, declared, observed)
    return _Merger(policy, created).run(SPEC, rules_of(kind), sides)


def merge_metadata(
    at: str,
    applied: JsonObject | None,
    declared: JsonObject,
    observed: JsonObject,
    policy: Policy,
) -> Merged:
    """Merge a flat map of metadata, such as `LABELS`."""
    sides = _Sides(MISSING if applied is None else applied, declared, observed)
    return _Merger(policy, ()).run(at, ATOMIC, sides)


class _Merger:
    """Collects what a merge finds while it walks down."""

    def __init__(self, policy: Policy, created: Collection[str]) -> None:
        self.policy = policy
        self.created_before = frozenset(created)
        self.created: set[str] = set()
        self.changes: list[FieldChange] = []
        self.drift: list[Disagreement] = []
        self.conflicts: list[Disagreement] = []
        self.warnings: list[str] = []

    def run(self, root: str, rules: Rules, sides: _Sides) -> Merged:
        spec, applied = self.merge_children(root, rules, sides)
        return Merged(
            spec,
            applied,
            frozenset(self.created),
            tuple(self.changes),
            tuple(self.drift),
            tuple(self.conflicts),
            tuple(self.warnings),
        )

    def merge_path(self, at: str, rules: Rules, sides: _Sides) -> _Result:
        sides = _Sides(*opened(rules, sides.all))
        if sides.applied is MISSING and sides.declared is MISSING:
            return sides.observed, MISSING
        if are_maps(sides.all):
            return self.merge_map(at, rules, sides)
        if rules.items is not None and are_lists(sides.all):
            return self.merge_list(at, rules, rules.items, sides)
        return self.merge_atom(at, rules, sides)

    def merge_atom(self, at: str, rules: Rules, sides: _Sides) -> _Result:
        """Merge a value as a whole."""
        applied, declared, observed = sides.all
        if declared is MISSING:
            if observed is MISSING or applied is None:
                return observed, MISSING
            unchanged = equal(rules, applied, observed)
            return self.write(at, sides) if unchanged else self.settle_conflict(at, sides)
        if equal(rules, declared, observed):
            return observed, declared
        # Without a base nobody knows which side has moved, and in both directions either may be right.
        open_question = applied is MISSING and observed is not MISSING and self.policy.direction is Direction.BOTH
        if not open_question and (applied is MISSING or equal(rules, applied, observed)):
            return self.write(at, sides)
        if not open_question and equal(rules, applied, declared):
            return self.settle_drift(at, sides)
        return self.settle_conflict(at, sides)

    def write(self, at: str, sides: _Sides) -> _Result:
        old, declared = sides.observed, sides.declared
        new = MISSING if declared is MISSING else present(stored(declared))
        action = Action.DELETE if new is MISSING else Action.CREATE if old is MISSING else Action.UPDATE
        self.changes.append(FieldChange(at, action, shown(old), shown(new)))
        return new, declared

    def settle_drift(self, at: str, sides: _Sides) -> _Result:
        self.drift.append(Disagreement(at, shown(sides.declared), shown(sides.observed)))
        if self.policy.drift is DriftPolicy.CORRECT:
            return self.write(at, sides)
        return sides.observed, sides.declared

    def settle_conflict(self, at: str, sides: _Sides) -> _Result:
        if sides.declared is MISSING and self.policy.conflict is ConflictPolicy.PREFER_STORE:
            return sides.observed, MISSING  # the store has it now, and nobody declares it: nothing is left to be told
        self.conflicts.append(Disagreement(at, shown(sides.declared), shown(sides.observed)))
        if self.policy.conflict is ConflictPolicy.PREFER_SPEC:
            return self.write(at, sides)
        # The old base keeps it a conflict; a new one would turn it into drift. None is the base of what never had one:
        # it equals neither side.
        return sides.observed, None if sides.applied is MISSING else sides.applied

    def merge_map(self, at: str, rules: Rules, sides: _Sides) -> _Result:
        if sides.observed is MISSING and (sides.declared is MISSING or is_bare(sides.declared)):
            # Nothing to go down into: an empty map is declared, or the map is gone from both sides.
            return self.claim(at, rules, self.merge_atom(at, rules, sides), sides)
        value, base = self.merge_children(at, rules, sides)
        if sides.declared is MISSING:
            return self.leave_map(at, sides, value), MISSING
        if sides.observed is MISSING and not value:
            return MISSING, base
        if sides.observed is MISSING or at in self.created_before:
            self.created.add(at)
        return value, base

    def merge_children(self, at: str, rules: Rules, sides: _Sides) -> tuple[JsonObject, JsonObject]:
        value, base = dict(as_map(sides.observed)), JsonObject()
        for key in sorted({*as_map(sides.applied), *as_map(sides.declared)}):
            child, child_base = self.merge_path(join(at, key), rules.below(key), sides.below(key))
            if child is not MISSING:
                value[key] = child
            else:
                value.pop(key, None)
            if child_base is not MISSING:
                base[key] = child_base
        return value, base

    def leave_map(self, at: str, sides: _Sides, rest: JsonObject) -> Value:
        """Give what stays of a map that isn't declared any more."""
        if rest:
            return rest
        if is_bare(sides.applied):
            self.write(at, sides)
            return MISSING
        return MISSING if at in self.created_before else rest

    def merge_list(self, at: str, rules: Rules, how: Keyed | MergeSet, sides: _Sides) -> _Result:
        if isinstance(how, MergeSet):
            if all(are_strings(as_list(side)) for side in sides.all):
                return self.merge_set(at, sides)
            self.warnings.append(f"{at} holds more than strings: the list is taken as a whole.")
            return self.merge_whole_list(at, rules, sides)
        keyed = [index(how, as_list(side)) for side in sides.all]
        if any(items is None for items in keyed):
            self.warnings.append(f"{at} has items without a key or with the same one: the list is taken as a whole.")
            return self.merge_whole_list(at, rules, sides)
        applied, declared, observed = (items or {} for items in keyed)
        items, base = self.merge_items(at, rules, how, (applied, declared, observed))
        return _left(items, sides.observed), MISSING if sides.declared is MISSING else base

    def merge_whole_list(self, at: str, rules: Rules, sides: _Sides) -> _Result:
        """Merge as one value a list that else merges by item; items of others in it make it a conflict."""
        applied, declared, observed = (as_list(side) for side in sides.all)
        if not without(rules, observed, [*applied, *declared]):
            return self.merge_atom(at, rules, sides)
        if not declared:
            return self.leave_list(at, rules, sides)
        if self.policy.drift is DriftPolicy.REPORT and equal(rules, sides.applied, sides.declared):
            return self.settle_drift(at, sides)
        return self.settle_conflict(at, sides)

    def leave_list(self, at: str, rules: Rules, sides: _Sides) -> _Result:
        """Give up our items of a list that holds others' too: theirs stay, whoever is preferred."""
        observed = as_list(sides.observed)
        rest = without(rules, observed, as_list(sides.applied))
        if len(rest) == len(observed):
            return sides.observed, MISSING
        if self.policy.conflict is not ConflictPolicy.PREFER_SPEC:
            return self.settle_conflict(at, _Sides(sides.applied, MISSING, sides.observed))
        self.conflicts.append(Disagreement(at, None, observed))
        self.changes.append(FieldChange(at, Action.UPDATE, observed, rest))
        return rest, MISSING

    def merge_items(
        self, at: str, rules: Rules, how: Keyed, keyed: tuple[dict[str, JsonObject], ...]
    ) -> tuple[list[Json], list[Json]]:
        applied, declared, observed = keyed
        items: list[Json] = []
        bases: dict[str, Json] = {}
        for key in dict.fromkeys([*observed, *declared]):
            sides = _Sides(applied.get(key, MISSING), declared.get(key, MISSING), observed.get(key, MISSING))
            item, base = self.merge_item(join(at, key), rules.each, how, sides)
            if item is not MISSING:
                items.append(item)
            if base is not MISSING:
                bases[key] = base
        return items, [bases[key] for key in declared if key in bases]

    def merge_item(self, at: str, rules: Rules, how: Keyed, sides: _Sides) -> _Result:
        """Merge one item; it comes and goes as a whole, for half an item means nothing to kops."""
        applied, declared, observed = sides.all
        if applied is MISSING and declared is MISSING:
            return observed, MISSING
        if observed is MISSING:
            return self.claim(at, rules, self.merge_atom(at, rules, sides), sides)
        if declared is not MISSING:
            return self.merge_map(at, rules, sides)
        if at in self.created_before or equal(rules, applied, observed):
            return self.merge_atom(at, rules, sides)
        keys = how.fields_of(as_map(observed))
        foreign = {key: value for key, value in as_map(applied).items() if key not in keys}
        return self.merge_map(at, rules, _Sides(foreign, MISSING, observed))

    def claim(self, at: str, rules: Rules, result: _Result, sides: _Sides) -> _Result:
        """Remember every map and item below a value that came into being as a whole."""
        if sides.observed is MISSING and result[0] is not MISSING:
            self.created.update(_parents(at, rules, result[0]))
        return result

    def merge_set(self, at: str, sides: _Sides) -> _Result:
        applied, declared, observed = (as_list(side) for side in sides.all)
        items = list(observed)
        for member in dict.fromkeys(map(str, [*applied, *declared])):
            held = _Sides(*(member if member in side else MISSING for side in (applied, declared, observed)))
            value, _ = self.merge_atom(join(at, member), ATOMIC, held)
            if value is MISSING:
                items = [item for item in items if item != member]
            elif held.observed is MISSING:
                items.append(value)
        return _left(items, sides.observed), sides.declared


def _left(items: list[Json], observed: Value) -> Value:
    """Drop an empty list, as kops does, unless it was there before."""
    return items if items or observed == [] else MISSING


def _parents(at: str, rules: Rules, value: Value) -> set[str]:
    """Give the pointers of a value's maps and keyed items, itself first."""
    if isinstance(value, dict):
        below = (_parents(join(at, key), rules.below(key), child) for key, child in value.items())
        return {at}.union(*below)
    if isinstance(value, list) and isinstance(rules.items, Keyed):
        items = index(rules.items, value) or {}
        return set[str]().union(*(_parents(join(at, key), rules.each, item) for key, item in items.items()))
    return set()
