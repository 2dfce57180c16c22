"""Whose the fields of a spec are: what people and their tools declare, and what only Pull has put there. Pure.

The API server keeps who wrote which field (`metadata.managedFields`, in the form FieldsV1). A path that only
`clusterstate-pull` owns is no declaration. A client-side `kubectl apply` owns what it last applied, by its annotation:
it doesn't write a field that has its value already, and replaces lists whole, so it would drop what Pull adds to one.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from msgspec.structs import replace

from clusterstate.api.annotations import PULL_MANAGER
from clusterstate.api.types import Metadata
from clusterstate.plan.values import MISSING, Missing, Value
from clusterstate.state.objects import Json, JsonObject

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
CLIENT_SIDE_APPLY: Final = "kubectl-client-side-apply"
"""What kubectl calls itself as a field manager then."""

Node: TypeAlias = Mapping[str, Any]
"""A set of fields in the form FieldsV1; an empty one is a value that is owned as a whole."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Who owns a path and what lies below it."""

    pull: Node | None = None
    """None: Pull owns nothing there."""
    others: tuple[tuple[str, Node], ...] = ()
    """Everybody else who owns something there, with the manager's name."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the others, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.others))

    @property
    def claims_whole(self) -> bool:
        """Whether somebody else owns the value as it stands and not only parts of it."""
        return any(not node for _, node in self.others)

    def below(self, name: str) -> "Owners":
        """Give the owners of one key of a map."""
        return self._child(f"f:{name}")

    def item(self, name: str) -> "Owners":
        """Give the owners of one item of a list that is keyed by name."""
        return self._child(_item_key(name))

    def _child(self, key: str) -> "Owners":
        pull = None if self.pull is None else self.pull.get(key)
        return Owners(pull, tuple((name, node[key]) for name, node in self.others if key in node))


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns the parts of one object's spec that Pull may write."""

    cluster: Owners = field(default_factory=Owners)
    groups: Owners = field(default_factory=Owners)
    keeps_groups: tuple[str, ...] = ()
    """Who replaces the list of instance groups whole and would drop those that it doesn't name."""


def ownership_of(metadata: Metadata) -> Ownership:
    """Read who owns what. What can't be read owns nothing, so that everything counts as declared."""
    spec = Owners(_pull_node(metadata), tuple(_other_nodes(metadata)))
    last = _last_applied(metadata)
    return Ownership(
        spec.below("cluster"),
        spec.below("instanceGroups"),
        (CLIENT_SIDE_APPLY,) if "instanceGroups" in last else (),
    )


def keepers_of(metadata: Metadata) -> Owners:
    """Give who puts back what somebody else changes in the spec: whoever applies a manifest of their own.

    `kubectl edit` and its like, which write once, aren't among them.
    """
    entries = (each for each in metadata.managed_fields if each.get("operation") == "Apply")
    return Owners(others=tuple(_other_nodes(replace(metadata, managed_fields=tuple(entries)))))


def declared_part(value: Json, owners: Owners) -> Value:
    """Give what of a value isn't there by Pull alone."""
    if owners.pull is None:
        return value
    if not isinstance(value, dict):
        return value if owners.others else MISSING
    parts = ((key, declared_part(each, owners.below(key))) for key, each in value.items())
    kept = {key: each for key, each in parts if not isinstance(each, Missing)}
    return kept if kept or owners.claims_whole else MISSING


def pulled_part(value: Json, owners: Owners) -> Value:
    """Give what of a value Pull owns, alone or with others."""
    if owners.pull is None:
        return MISSING
    if not isinstance(value, dict) or not owners.pull:
        return value
    parts = ((key, pulled_part(each, owners.below(key))) for key, each in value.items())
    return {key: each for key, each in parts if not isinstance(each, Missing)}


def _pull_node(metadata: Metadata) -> Node | None:
    nodes = [_spec_node(each) for each in metadata.managed_fields if _is_pull(each)]
    return nodes[0] if nodes else None


def _other_nodes(metadata: Metadata) -> Iterable[tuple[str, Node]]:
    for each in metadata.managed_fields:
        if not _is_pull(each) and not each.get("subresource") and (node := _spec_node(each)):
            yield str(each.get("manager", "")), node
    if last := _last_applied(metadata):
        yield CLIENT_SIDE_APPLY, _as_node(last)


def _is_pull(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == PULL_MANAGER and entry.get("operation") == "Apply"


def _spec_node(entry: Mapping[str, Any]) -> Node:
    fields = entry.get("fieldsV1")
    node = fields.get("f:spec", {}) if isinstance(fields, dict) else {}
    return node if isinstance(node, dict) else {}


def _last_applied(metadata: Metadata) -> JsonObject:
    """Give the spec that kubectl last applied on the client's side; anybody may write anything there."""
    try:
        spec = json.loads(metadata.annotations.get(LAST_APPLIED, "{}"))["spec"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return {}
    return spec if isinstance(spec, dict) else {}


def _item_key(name: Json) -> str:
    """Give the item of a list that is keyed by name, in the form FieldsV1."""
    return "k:" + json.dumps({"name": name}, separators=(",", ":"))


def _as_node(spec: JsonObject) -> Node:
    node = {f"f:{key}": _value_node(value) for key, value in spec.items() if key != "instanceGroups"}
    groups = spec.get("instanceGroups")
    items = [each for each in groups if isinstance(each, dict)] if isinstance(groups, list) else []
    keyed = {_item_key(each.get("name")): _value_node(each) for each in items}
    return {**node, "f:instanceGroups": keyed} if keyed else node


def _value_node(value: Json) -> Node:
    return {f"f:{key}": _value_node(each) for key, each in value.items()} if isinstance(value, dict) else {}
