"""`spec.absent`: what must not be in a Cluster's spec, whoever puts it there.

A pointer is a declaration of its own: what is there goes, and what others put back is drift.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from clusterstate.errors import SpecInvalid
from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.desired import DriftPolicy
from clusterstate.plan.merge import Disagreement, Merged
from clusterstate.plan.merge_table import Keyed, Rules, rules_of
from clusterstate.plan.pointers import SPEC, find, path_of, pointer_to, put
from clusterstate.plan.values import MISSING, Value, as_map, shown
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.objects import JsonObject
from clusterstate.state.schema import List, Map, Object, Type, load_schema

_RULES = rules_of("Cluster")


def enforce(merged: Merged, absent: Collection[str], before: Collection[str], drift: DriftPolicy) -> Merged:
    """Remove from a merged spec of a Cluster what must not be there; `before` was enforced already.

    Raises `SpecInvalid` for what kops would add again by itself.
    """
    spec: Value = merged.spec
    changes, drifted = list(merged.changes), list(merged.drift)
    removed = []
    for pointer in sorted(absent):
        path = path_of(pointer)[1:]
        value = find(_RULES, spec, path)
        if value is MISSING:
            continue
        if pointer in before:
            drifted.append(Disagreement(pointer, None, shown(value)))
            if drift is DriftPolicy.REPORT:
                continue
        changes.append(FieldChange(pointer, Action.DELETE, shown(value)))
        spec = _without(spec, path, merged.created)
        removed.append(pointer)
    if removed:
        require_gone(complete("Cluster", canonical("Cluster", as_map(spec)).spec), removed)
    return replace(merged, spec=as_map(spec), changes=tuple(changes), drift=tuple(drifted))


def require_gone(spec: JsonObject, absent: Collection[str]) -> None:
    """Raise `SpecInvalid` for a pointer to something that a whole spec has, since kops writes it by itself."""
    for pointer in sorted(absent):
        if find(_RULES, spec, path_of(pointer)[1:]) is not MISSING:
            raise SpecInvalid(
                f"spec.absent: kops writes {pointer} by itself, so that it can't be absent. Take it out, and declare "
                "in spec.cluster which value it is to have."
            )


def find_problems(absent: Collection[str], declared: JsonObject) -> Iterator[str]:
    """Tell what is wrong with the pointers, for `SpecInvalid`."""
    for pointer in absent:
        path = path_of(pointer)
        if path[:1] != path_of(SPEC) or len(path) == 1:
            yield f"{pointer}: only what is below {SPEC} can be absent"
        elif found := _find_misplaced(path[1:]):
            yield f"{pointer}: {found}"
        elif _is_declared(_RULES, declared, path[1:]):
            yield f"{pointer}: spec.cluster declares it, or a part of it, at the same time"


def _without(spec: Value, path: Sequence[str], created: Collection[str]) -> Value:
    """Remove a value, the list that it leaves empty, and the empty maps that exist only because a push made them."""
    spec = put(_RULES, spec, path, MISSING)
    for parent in (path[:end] for end in range(len(path) - 1, 0, -1)):
        left = find(_RULES, spec, parent)
        if left == [] or (left == {} and pointer_to(parent) in created):
            spec = put(_RULES, spec, parent, MISSING)
    return spec


def _find_misplaced(path: Sequence[str]) -> str:
    """Tell why a path leads to nothing that can be removed; empty where it does, or where kops knows no such field."""
    schema = load_schema()
    kind: Type = Object(schema.specs["Cluster"])
    rules = _RULES
    for place, step in enumerate(path):
        match kind, rules.items:
            case Object(name), _:
                field = schema.types[name].get(step)
                if field is None:
                    return ""
                kind, rules = field.type, rules.below(step)
            case Map(inner), _:
                kind, rules = inner, rules.below(step)
            case List(inner), Keyed() as how:
                if problem := _misnamed(how, path[place:]):
                    return problem
                kind, rules = inner, rules.each
            case List(), None:
                return "it lies in a list that is one value: name the whole list"
            case _:
                return ""
    return ""


def _misnamed(how: Keyed, path: Sequence[str]) -> str:
    """Tell what is wrong with the key of an item, and with the field of it that is named."""
    names = next((fields for fields in how.alternatives if path[0].startswith(f"{fields[0]}=")), None)
    if names is None:
        wanted = ",".join(f"{name}=…" for name in how.alternatives[0])
        return f"items of this list are named as {wanted}"
    if path[1:2] and path[1] in names:
        return f"{path[1]} is the item's key: name the whole item"
    return ""


def _is_declared(rules: Rules, declared: Value, path: Sequence[str]) -> bool:
    """Whether a path, a part of it, or a value that it would be a part of is declared."""
    for place in range(len(path)):
        parent = find(rules, declared, path[:place])
        if parent is MISSING:
            return False
        if not isinstance(parent, dict | list) and parent is not None:
            return True
    return find(rules, declared, path) is not MISSING
