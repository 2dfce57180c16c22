"""The base of a merge when runs before it were killed between intent and completion.

Such a run had written some files of its intent and not others. Path by path, what the intent says holds where the
store says the same; elsewhere the run had not come that far, and what was applied before still holds.
"""

from collections.abc import Mapping, Sequence

from clusterstate.plan.desired import DesiredGroup, Metadata
from clusterstate.plan.generation import is_met
from clusterstate.plan.merge_table import ATOMIC, Keyed, Rules, rules_of
from clusterstate.plan.observed import Applied
from clusterstate.plan.pointers import find, path_of, put
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
    opened,
    present,
    without,
)
from clusterstate.state.complete import DEFAULTS
from clusterstate.state.objects import Json, JsonObject, stored
from clusterstate.state.schema import Kind


def settle(applied: Applied | None, intents: Sequence[Applied], observed: Applied) -> Applied | None:
    """Give the base of the next merge; intents come oldest first.

    `observed` is the store's side, canonical. Without intents this is `applied` itself.
    """
    for intent in intents:
        applied = _settle_one(applied or Applied(), intent, observed)
    return applied


def settle_spec(
    kind: Kind, applied: JsonObject | None, intent: JsonObject | None, observed: JsonObject | None
) -> JsonObject | None:
    """Settle one object's spec; None is an absent object."""
    rules, seen = rules_of(kind), present(observed)
    if kind == "Cluster":
        seen = _without_defaults(rules, present(intent), seen)
    settled = _settle_path(rules, present(applied), present(intent), seen)
    return settled if isinstance(settled, dict) else None


def _without_defaults(rules: Rules, intent: Value, observed: Value) -> Value:
    """Leave out what kops puts in the place of what the intent doesn't have: such a write leaves that behind."""
    for path, default in DEFAULTS.items():
        if find(rules, intent, path) is MISSING and find(rules, observed, path) == default:
            observed = put(rules, observed, path, MISSING)
    return observed


def _settle_one(applied: Applied, intent: Applied, observed: Applied) -> Applied:
    sides = (applied, intent, observed)
    names = sorted({*applied.instance_groups, *intent.instance_groups})
    groups = (
        _settle_group(
            name,
            applied.instance_groups.get(name),
            intent.instance_groups.get(name),
            observed.instance_groups.get(name),
        )
        for name in names
    )
    return Applied(
        settle_spec("Cluster", applied.cluster, intent.cluster, observed.cluster),
        {group.name: group for group in groups if group is not None},
        _join_created(applied.created, intent.created),
        shown=applied.shown,
        contents=_settle_contents(applied.contents, intent.contents, observed.contents),
        key_pairs=_settle_key_pairs(applied.key_pairs, intent.key_pairs, observed.key_pairs),
        generated=_settle_generated(applied.generated, intent.generated, observed.generated),
        cluster_metadata=Metadata(
            _settle_texts(*(side.cluster_metadata.labels for side in sides)),
            _settle_texts(*(side.cluster_metadata.annotations for side in sides)),
        ),
        absent=_settle_absent(applied.absent, intent.absent, observed.cluster),
    )


def _settle_contents(
    applied: Mapping[str, str], intent: Mapping[str, str], observed: Mapping[str, str]
) -> dict[str, str]:
    keys = sorted({*applied, *intent})
    settled = {key: (intent if intent.get(key) == observed.get(key) else applied).get(key) for key in keys}
    return {key: digest for key, digest in settled.items() if digest is not None}


def _settle_key_pairs(
    applied: Mapping[str, frozenset[str]], intent: Mapping[str, frozenset[str]], observed: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    none = frozenset[str]()
    names = sorted({*applied, *intent})
    return {name: applied.get(name, none) | (intent.get(name, none) & observed.get(name, none)) for name in names}


def _settle_generated(
    applied: Mapping[str, str], intent: Mapping[str, str], observed: Mapping[str, str]
) -> dict[str, str]:
    return {**applied, **{name: asked for name, asked in intent.items() if is_met(asked, observed.get(name))}}


def _settle_absent(applied: frozenset[str], intent: frozenset[str], observed: JsonObject | None) -> frozenset[str]:
    """Give the pointers that were enforced: what the intent added holds where the store has nothing there."""
    rules, store = rules_of("Cluster"), present(observed)
    gone = (pointer for pointer in intent if find(rules, store, path_of(pointer)[1:]) is MISSING)
    return (applied & intent).union(gone)


def _settle_texts(applied: Mapping[str, str], intent: Mapping[str, str], observed: Mapping[str, str]) -> dict[str, str]:
    settled = _settle_map(ATOMIC, *(JsonObject(side) for side in (applied, intent, observed)))
    return {key: str(value) for key, value in as_map(settled).items()}


def _settle_group(
    name: str, applied: DesiredGroup | None, intent: DesiredGroup | None, observed: DesiredGroup | None
) -> DesiredGroup | None:
    sides = (applied, intent, observed)
    spec = settle_spec("InstanceGroup", *(side.spec if side else None for side in sides))
    if spec is None:
        return None
    return DesiredGroup(name, spec, _settle_texts(*(side.labels if side else {} for side in sides)))


def _join_created(
    applied: Mapping[str, frozenset[str]], intent: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Join both: a pointer to what the store doesn't hold does no harm, for the next merge drops it."""
    none = frozenset[str]()
    return {key: applied.get(key, none) | intent.get(key, none) for key in sorted({*applied, *intent})}


def _settle_path(rules: Rules, applied: Value, intent: Value, observed: Value) -> Value:
    if equal(rules, intent, observed):
        return intent
    sides = opened(rules, (applied, intent, observed))
    observed = sides[2]
    if are_maps(sides) and observed is not MISSING:
        return _settle_map(rules, *sides)
    if rules.items is not None and are_lists(sides):
        settled = _settle_list(rules, *(as_list(side) for side in sides))
        if settled is None:
            return _settle_whole_list(rules, *sides)
        return settled if settled or applied == [] else MISSING
    return applied


def _settle_whole_list(rules: Rules, applied: Value, intent: Value, observed: Value) -> Value:
    """Settle a list that is one value: one that the intent gives up is gone with the last of our items."""
    ours, theirs = as_list(applied), as_list(observed)
    given_up = intent is MISSING and len(without(rules, ours, theirs)) == len(ours)
    return MISSING if given_up else applied


def _settle_map(rules: Rules, applied: Value, intent: Value, observed: Value) -> Value:
    sides = tuple(as_map(side) for side in (applied, intent, observed))
    settled: JsonObject = {}
    for key in sorted({*sides[0], *sides[1]}):
        value = _settle_path(rules.below(key), *(side.get(key, MISSING) for side in sides))
        if value is not MISSING:
            settled[key] = value
    # An empty map is a declaration of its own; one that only ran empty isn't.
    return settled if settled or is_bare(applied) or is_bare(intent) else MISSING


def _settle_list(rules: Rules, applied: list[Json], intent: list[Json], observed: list[Json]) -> list[Json] | None:
    """Settle by item or member; None when the list is atomic after all."""
    if not isinstance(rules.items, Keyed):
        if not are_strings([*applied, *intent, *observed]):
            return None
        members = dict.fromkeys(map(str, [*applied, *intent]))
        return [each for each in members if each in (intent if (each in intent) == (each in observed) else applied)]
    keyed = [index(rules.items, side) for side in (applied, intent, observed)]
    if any(items is None for items in keyed):
        return None
    return _settle_items(rules, rules.items, *(items or {} for items in keyed))


def _settle_items(
    rules: Rules,
    how: Keyed,
    applied: Mapping[str, JsonObject],
    intent: Mapping[str, JsonObject],
    observed: Mapping[str, JsonObject],
) -> list[Json]:
    settled: list[Json] = []
    for key in dict.fromkeys([*intent, *applied]):
        if key not in intent and key in observed:
            item = _settle_given_up(rules.each, how, applied[key], observed[key])
        else:
            item = as_map(_settle_path(rules.each, *(side.get(key, MISSING) for side in (applied, intent, observed))))
        if item:
            settled.append(item)
    return settled


def _settle_given_up(rules: Rules, how: Keyed, applied: JsonObject, observed: JsonObject) -> JsonObject:
    """Settle an item that the intent gives up and the store still has: whole, unless all that was ours of it is gone.

    Another item of that name may have stood beside it, and is somebody else's.
    """
    keys = how.fields_of(applied)
    ours = {name: value for name, value in as_map(stored(applied)).items() if name not in keys}
    return applied if not ours or _holds(rules, ours, observed) else {}


def _holds(rules: Rules, ours: Json, observed: Value) -> bool:
    """Whether the store still has a value of ours, or a part of it."""
    if ours and isinstance(ours, dict) and isinstance(observed, dict):
        return any(_holds(rules.below(name), each, observed.get(name, MISSING)) for name, each in ours.items())
    if ours and isinstance(ours, list) and isinstance(observed, list):
        return any(_holds(rules.each, mine, theirs) for mine in ours for theirs in observed)
    return equal(rules, ours, observed)
