"""The other direction: what the store holds and the spec should show, as far as nobody else declares it. Pure.

Pull writes what it may by server-side apply without force. It leaves out every path that somebody else owns, and whole
lists of which somebody else owns a part, since the API server takes a list in a kops spec for one value.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from clusterstate.api.spec import InstanceGroup
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecTooLarge
from clusterstate.plan.desired import Desired, DesiredGroup
from clusterstate.plan.holdable import DEEPEST, holdable, holdable_labels, is_holdable_name
from clusterstate.plan.merge_table import ATOMIC, Rules, rules_of
from clusterstate.plan.observed import Applied
from clusterstate.plan.ownership import Owners, Ownership, declared_part, pulled_part
from clusterstate.plan.values import MISSING, Missing, Value, as_map, equal, join
from clusterstate.state.codec import CLUSTER_LABEL
from clusterstate.state.layout import CONFIG, instance_group_key
from clusterstate.state.objects import Json, JsonObject

MAX_PULLED = 300 * 1024
"""JSON bytes of a spec with what Pull adds: the API server keeps the names of all fields once more for each owner."""
UNHELD = "nobody: no spec can hold it"
"""Stands for the manager of what the API server or the operator would refuse in a spec."""
MAX_GROUPS = 1000
"""Instance groups that a spec takes."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A field that the store holds otherwise than the spec, where somebody else has the say."""

    key: str
    pointer: str
    manager: str
    """Whose it is."""


@dataclass(frozen=True, slots=True)
class Pull:
    """What should stand in the spec by Pull, and what may not."""

    content: JsonObject = field(default_factory=dict)
    """Parts of the spec, in full: whatever Pull owns beside them goes."""
    changes: tuple[str, ...] = ()
    """Pointers in the spec of what is new, different or gone; none: the spec holds it all."""
    blocked: tuple[Blocked, ...] = ()
    """Where somebody else has the say, so that the spec says otherwise than the store."""
    written: bool = False
    """Whether the changes are in the spec now."""

    @property
    def digest(self) -> str:
        """SHA-256 in hex over the content."""
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()

    def given_up(self) -> "Pull":
        """Give the same with all its changes blocked, since somebody undoes them again and again."""
        blocked = (Blocked("", pointer, "whoever replaces the whole spec") for pointer in self.changes)
        return replace(self, changes=(), blocked=(*self.blocked, *blocked))


def make_pull(state: ClusterState, ownership: Ownership, desired: Desired, specs: Applied) -> Pull:
    """Decide what Pull writes; `specs` is the store's side, canonical.

    Raises `SpecTooLarge` where the object would not hold it.
    """
    finder = _Finder()
    cluster = finder.cluster(specs, ownership, desired)
    groups = finder.groups(specs, ownership, desired)
    content: JsonObject = {}
    if cluster:
        content["cluster"] = cluster
    if groups:
        content["instanceGroups"] = [*groups.values()]
    changes = tuple(_changes(_by_name(_current(state, ownership)), _by_name(content), "/spec"))
    if changes:
        _check_size(state, ownership, content)
    return Pull(content, changes, tuple(finder.blocked))


class _Finder:
    """Walks down what the store holds, and notes where somebody else has the say."""

    def __init__(self) -> None:
        self.blocked: list[Blocked] = []

    def cluster(self, specs: Applied, ownership: Ownership, desired: Desired) -> JsonObject:
        if specs.cluster is None:
            return {}
        declared = MISSING if desired.cluster is None else desired.cluster
        place = _Place(CONFIG, "/spec", rules_of("Cluster"))
        return as_map(self.free(place, specs.cluster, declared, ownership.cluster))

    def groups(self, specs: Applied, ownership: Ownership, desired: Desired) -> dict[str, JsonObject]:
        found: dict[str, JsonObject] = {}
        for number, (name, group) in enumerate(specs.instance_groups.items()):
            if number >= MAX_GROUPS or not is_holdable_name(name):
                self.leave_out(instance_group_key(name), "")
            elif ownership.keeps_groups:
                self._keep_out(group, ownership.keeps_groups, desired.instance_groups.get(name))
            elif item := self._group(group, ownership.groups.item(name), desired.instance_groups.get(name)):
                found[name] = item
        return found

    def _group(self, group: DesiredGroup, owners: Owners, declared: DesiredGroup | None) -> JsonObject:
        key = instance_group_key(group.name)
        shown = {name: value for name, value in group.labels.items() if name != CLUSTER_LABEL}
        others = declared.labels if declared else ()
        labels = holdable_labels(shown, others, "/metadata/labels", partial(self.leave_out, key))
        parts = {
            "spec": self.free(
                _Place(key, "/spec", rules_of("InstanceGroup")),
                group.spec,
                declared.spec if declared else MISSING,
                owners.below("spec"),
            ),
            "labels": self.free(
                _Place(key, "/metadata/labels", ATOMIC),
                labels,
                JsonObject(declared.labels) if declared else MISSING,
                owners.below("labels"),
            ),
        }
        given = {name: value for name, value in parts.items() if not isinstance(value, Missing) and value}
        return {"name": group.name, **given} if given or not owners.others else {}

    def _keep_out(self, group: DesiredGroup, managers: tuple[str, ...], declared: DesiredGroup | None) -> None:
        same = declared is not None and equal(rules_of("InstanceGroup"), declared.spec, group.spec)
        if not same:
            self.blocked.append(Blocked(instance_group_key(group.name), "", ", ".join(managers)))

    def leave_out(self, key: str, pointer: str) -> None:
        """Note what no spec can hold."""
        self.blocked.append(Blocked(key, pointer, UNHELD))

    def free(self, place: "_Place", observed: Json, declared: Value, owners: Owners) -> Value:
        """Give what of an observed value Pull may write."""
        if not owners.others:
            return holdable(observed, place.pointer, partial(self.leave_out, place.key), place.depth)
        if isinstance(observed, dict) and not isinstance(declared, str | int | float | list):
            below = as_map(declared)
            parts = (
                (key, self.free(place.below(key), each, below.get(key, MISSING), owners.below(key)))
                for key, each in observed.items()
            )
            kept = {key: each for key, each in parts if not isinstance(each, Missing)}
            return kept or MISSING
        if not equal(place.rules, declared, observed):
            self.blocked.append(Blocked(place.key, place.pointer, ", ".join(owners.names)))
        return MISSING


@dataclass(frozen=True, slots=True)
class _Place:
    """A path in a document."""

    key: str
    pointer: str
    rules: Rules
    depth: int = DEEPEST
    """Levels that may follow."""

    def below(self, name: str) -> "_Place":
        return _Place(self.key, join(self.pointer, name), self.rules.below(name), self.depth - 1)


def _current(state: ClusterState, ownership: Ownership) -> JsonObject:
    """Give what Pull owns in the spec now."""
    cluster = pulled_part(state.spec.cluster, ownership.cluster)
    groups = [_current_group(each, ownership.groups.item(each.name)) for each in state.spec.instance_groups]
    kept: list[Json] = [each for each in groups if each]
    return ({} if isinstance(cluster, Missing) else {"cluster": cluster}) | ({"instanceGroups": kept} if kept else {})


def _current_group(group: InstanceGroup, owners: Owners) -> JsonObject:
    if owners.pull is None:
        return {}
    parts = {
        "spec": pulled_part(group.spec, owners.below("spec")),
        "labels": pulled_part(JsonObject(group.labels), owners.below("labels")),
    }
    return {"name": group.name} | {name: part for name, part in parts.items() if not isinstance(part, Missing)}


def _by_name(content: JsonObject) -> JsonObject:
    """Give the same with a map of instance groups in place of the list."""
    groups = content.get("instanceGroups")
    if not isinstance(groups, list):
        return content
    return {**content, "instanceGroups": {str(as_map(each).get("name")): each for each in groups}}


def _changes(before: Value, after: Value, at: str) -> Iterator[str]:
    """Give pointers of the highest values that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _changes(before.get(key, MISSING), after.get(key, MISSING), join(at, key))
    elif not equal(ATOMIC, before, after):
        yield at


def _check_size(state: ClusterState, ownership: Ownership, content: JsonObject) -> None:
    """Add up what others declare and what Pull writes: both share no field."""
    groups = ((each, ownership.groups.item(each.name)) for each in state.spec.instance_groups)
    declared = [
        declared_part(state.spec.cluster, ownership.cluster),
        *(declared_part(each.spec, owners.below("spec")) for each, owners in groups),
    ]
    size = sum(len(json.dumps(each)) for each in (content, *declared) if not isinstance(each, Missing))
    if size > MAX_PULLED:
        raise SpecTooLarge(
            f"Declaration and store together are {size} bytes of configuration, more than the {MAX_PULLED} that Pull "
            "can write into one ClusterState. Set spec.sync.direction to Push, or declare what you want to see."
        )
