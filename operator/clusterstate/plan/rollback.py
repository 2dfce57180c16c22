"""The way back: what of a spec must change so that it declares again what was applied once. Pure.

A revision keeps what is declared of documents in canonical form; contents of secrets, keysets, SSH keys and files it
knows by digest alone, so that these stay as they are declared now. What only Pull has put into the spec is no
declaration, and stays too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from clusterstate.api.types import Metadata
from clusterstate.plan.merge_table import ATOMIC, Rules, rules_of
from clusterstate.plan.ownership import Owners, declared_part, keepers_of, ownership_of
from clusterstate.plan.values import MISSING, Missing, Value, as_list, as_map, equal, join
from clusterstate.state.canonical import canonical
from clusterstate.state.declarable import declarable
from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.schema import Kind

PARTS: Final = ("cluster", "instanceGroups", "clusterMetadata", "absent")
"""Fields of the spec that a revision can restore."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One value of the spec that changes."""

    pointer: str
    """JSON pointer in the object; items of `instanceGroups` by name."""
    keepers: tuple[str, ...] = ()
    """Field managers that would put the old value back."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a spec says now, what it is to say, and where that isn't the same."""

    before: JsonObject = field(repr=False)
    after: JsonObject = field(repr=False)
    """Of both only `PARTS`, as they are spelt in the spec."""
    edits: tuple[Edit, ...]

    @property
    def keepers(self) -> tuple[str, ...]:
        """Everybody who would undo a part of it."""
        return tuple(sorted({name for edit in self.edits for name in edit.keepers}))


def restorable(content: Mapping[str, Any]) -> JsonObject:
    """Give what a revision says of a spec: `PARTS`, canonical, what is empty left out."""
    gone, said = content.get("undeclared", ()), content.get("declared") or content
    groups = {name: group for name, group in said.get("instanceGroups", {}).items() if name not in gone}
    parts: JsonObject = {
        "cluster": said.get("cluster"),
        "instanceGroups": [{"name": name, **_filled(group)} for name, group in sorted(groups.items())],
        "clusterMetadata": _filled(said.get("clusterMetadata") or {}),
        "absent": content.get("absent"),
    }
    return _filled(parts)


def roll_back(spec: JsonObject, metadata: Metadata, content: Mapping[str, Any]) -> Rollback:
    """Find the way from a spec to what a revision says."""
    wanted, owners = restorable(content), ownership_of(metadata)
    before = {name: spec[name] for name in PARTS if spec.get(name)}
    after: JsonObject = {
        "cluster": _spec("Cluster", as_map(spec.get("cluster", {})), as_map(wanted.get("cluster", {})), owners.cluster),
        "instanceGroups": _groups(spec, wanted, owners.groups),
        "clusterMetadata": wanted.get("clusterMetadata"),
        "absent": _same_order(as_list(spec.get("absent", [])), as_list(wanted.get("absent", []))),
    }
    after = _filled(after)
    return Rollback(before, after, tuple(_find_edits(before, after, metadata)))


def _filled(parts: Mapping[str, Any]) -> JsonObject:
    return {name: value for name, value in parts.items() if value}


def _same_order(before: list[Json], after: list[Json]) -> list[Json]:
    return before if sorted(map(str, before)) == sorted(map(str, after)) else after


def _groups(spec: JsonObject, wanted: JsonObject, owners: Owners) -> list[Json]:
    items, groups = _named(spec.get("instanceGroups")), _named(wanted.get("instanceGroups"))
    restored = [_group(item, groups.get(name), owners.item(name)) for name, item in items.items()]
    new: list[Json] = [
        {**group, "spec": declarable("InstanceGroup", as_map(group.get("spec", {})))}
        for name, group in groups.items()
        if name not in items
    ]
    return [*(each for each in restored if each), *new]


def _group(item: JsonObject, wanted: JsonObject | None, owners: Owners) -> JsonObject:
    spec, labels = as_map(item.get("spec", {})), as_map(item.get("labels", {}))
    then = {name: as_map((wanted or {}).get(name, {})) for name in ("spec", "labels")}
    parts = {
        "spec": _spec("InstanceGroup", spec, then["spec"], owners.below("spec")),
        "labels": _restored(_Sides(labels, labels, then["labels"], owners.below("labels")), ATOMIC),
    }
    filled = {name: part for name, part in parts.items() if part or name in item}
    stays = wanted is not None or owners.pull is not None
    return {"name": item["name"], **filled} if stays else {}


def _spec(kind: Kind, now: JsonObject, then: JsonObject, owners: Owners) -> JsonObject:
    known = canonical(kind, now, partial=True).spec
    return declarable(kind, _restored(_Sides(now, known, then, owners), rules_of(kind)))


@dataclass(frozen=True, slots=True)
class _Sides:
    """One map: as it is declared now, the same canonical, as it was applied once, and who owns it now."""

    now: JsonObject
    known: JsonObject
    then: JsonObject
    owners: Owners

    def below(self, key: str) -> "_Sides":
        now, known, then = (as_map(side.get(key, MISSING)) for side in (self.now, self.known, self.then))
        return _Sides(now, known, then, self.owners.below(key))


def _restored(sides: _Sides, rules: Rules) -> JsonObject:
    """Give the map as it was, spelt as it is now wherever that means the same."""
    parts = ((key, _value(sides, key, rules)) for key in {**sides.now, **sides.then})
    return {key: value for key, value in parts if not isinstance(value, Missing)}


def _value(sides: _Sides, key: str, rules: Rules) -> Value:
    now, known, then = (side.get(key, MISSING) for side in (sides.now, sides.known, sides.then))
    if isinstance(then, Missing):
        return _undeclared(sides, key, rules)
    if not isinstance(now, Missing) and equal(rules.below(key), known, then, exact=True):
        return now
    if isinstance(now, dict) and isinstance(then, dict):
        return _restored(sides.below(key), rules.below(key))
    return then


def _undeclared(sides: _Sides, key: str, rules: Rules) -> Value:
    """Give what Pull alone has put there."""
    now = sides.now[key]
    if isinstance(declared_part(now, sides.owners.below(key)), Missing):
        return now
    kept = _restored(sides.below(key), rules.below(key)) if isinstance(now, dict) else {}
    return kept or MISSING


def _named(items: Value) -> dict[str, JsonObject]:
    return {str(as_map(each).get("name")): as_map(each) for each in as_list(items)}


def _find_edits(before: JsonObject, after: JsonObject, metadata: Metadata) -> Iterator[Edit]:
    keepers, whole = keepers_of(metadata), ownership_of(metadata).keeps_groups
    for part in PARTS:
        keyed = part == "instanceGroups"
        one, other = (_side(parts, part, keyed=keyed) for parts in (before, after))
        for edit in _edits((one, other), f"/spec/{part}", keepers.below(part), keyed=keyed):
            yield Edit(edit.pointer, tuple(dict.fromkeys((*edit.keepers, *whole)))) if keyed else edit


def _side(parts: JsonObject, part: str, *, keyed: bool) -> Value:
    value = parts.get(part, MISSING)
    return {**_named(value)} if keyed else value


def _edits(sides: tuple[Value, Value], pointer: str, owners: Owners, *, keyed: bool = False) -> Iterator[Edit]:
    """Give every value, not a map, that is on one side only or different; `keyed` maps stand for lists."""
    there = [side for side in sides if not isinstance(side, Missing)]
    if any(there) and all(isinstance(side, dict) for side in there):
        one, other = map(as_map, sides)
        for key in {**one, **other}:
            below = owners.item(key) if keyed else owners.below(key)
            yield from _edits((one.get(key, MISSING), other.get(key, MISSING)), join(pointer, key), below)
    elif not equal(ATOMIC, *sides):
        yield Edit(pointer, owners.names)
