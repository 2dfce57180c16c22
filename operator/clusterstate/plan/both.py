"""The base of a merge in both directions: what was applied, and for what is newly declared, what Pull had shown. Pure.

A field that people take over from Pull has no applied value. Which side has moved since is told by what the store held
when both were last equal.
"""

from clusterstate.plan.desired import DesiredGroup
from clusterstate.plan.merge_table import Keyed, MergeSet, Rules, rules_of
from clusterstate.plan.values import MISSING, Missing, Value, as_list, as_map, index, without
from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.schema import Kind


def base_of(
    kind: Kind, applied: DesiredGroup | None, shown: DesiredGroup | None, declared: DesiredGroup
) -> DesiredGroup | None:
    """Give what was applied, filled up by what was shown where that is declared now and wasn't before."""
    if shown is None:
        return applied
    before = applied or DesiredGroup(declared.name, {})
    spec = as_map(_filled(rules_of(kind), before.spec, shown.spec, declared.spec))
    labels = {name: value for name, value in shown.labels.items() if name in declared.labels}
    annotations = {name: value for name, value in shown.annotations.items() if name in declared.annotations}
    return DesiredGroup(declared.name, spec, {**labels, **before.labels}, {**annotations, **before.annotations})


def _filled(rules: Rules, applied: Value, shown: Value, declared: Value) -> Value:
    if isinstance(shown, Missing) or isinstance(declared, Missing):
        return applied
    if isinstance(shown, dict) and isinstance(declared, dict) and not isinstance(applied, str | int | float | list):
        return _filled_map(rules, as_map(applied), shown, declared)
    lists = isinstance(shown, list) and isinstance(declared, list) and isinstance(applied, list | Missing)
    if lists and isinstance(rules.items, Keyed | MergeSet):
        return _filled_list(rules, as_list(applied), as_list(shown), as_list(declared))
    return shown if isinstance(applied, Missing) else applied


def _filled_map(rules: Rules, applied: JsonObject, shown: JsonObject, declared: JsonObject) -> JsonObject:
    result = dict(applied)
    for key, value in declared.items():
        below = _filled(rules.below(key), applied.get(key, MISSING), shown.get(key, MISSING), value)
        if not isinstance(below, Missing):
            result[key] = below
    return result


def _filled_list(rules: Rules, applied: list[Json], shown: list[Json], declared: list[Json]) -> list[Json]:
    if not isinstance(rules.items, Keyed):
        return [*applied, *(each for each in declared if each in shown and each not in applied)]
    sides = [index(rules.items, side) for side in (applied, shown, declared)]
    if any(side is None for side in sides):
        return [*applied, *without(rules, shown, [*applied, *without(rules, shown, declared)])]
    before, there, wanted = (side or {} for side in sides)
    items: dict[str, Value] = dict(before)
    for key in wanted:
        keys = rules.items.fields_of(wanted[key])
        item = _filled(rules.each, before.get(key, MISSING), there.get(key, MISSING), wanted[key])
        if isinstance(item, dict) and item:
            items[key] = {**{name: wanted[key][name] for name in keys}, **item}
    return [each for each in items.values() if not isinstance(each, Missing)]
