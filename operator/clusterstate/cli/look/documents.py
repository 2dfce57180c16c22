"""Clusters and instance groups as `kops get` shows them (cmd/kops/get_{cluster,instancegroups}.go, 1.35.2). Pure."""

from collections.abc import Iterable
from typing import Final

from clusterstate.cli.look.sheet import Item
from clusterstate.state.canonical import canonical
from clusterstate.state.codec import API_VERSION, CLUSTER_LABEL
from clusterstate.state.complete import complete
from clusterstate.state.objects import Document, Json, JsonObject
from clusterstate.state.schema import Kind

CLUSTERS: Final = ("NAME", "CLOUD", "ZONES")
GROUPS: Final = ("NAME", "ROLE", "MACHINETYPE", "MIN", "MAX", "ZONES")
MORE_OF_GROUPS: Final = ("SUBNETS", "IMAGE")
_ROLES: Final = {"Master": "ControlPlane"}
"""Files still have the old name, tables the new one."""


def cluster_cells(cluster: Document, name: str) -> tuple[str, ...]:
    """Give name, cloud and zones."""
    zones = {text(subnet, "zone") for subnet in objects(cluster.spec.get("subnets"))}
    return name, cloud_of(cluster), ",".join(sorted(zones - {""}))


def cloud_of(cluster: Document) -> str:
    """Give the cloud, empty where none is named."""
    return text(cluster.spec, "cloudProvider")


def cluster_as_shown(cluster: Document, name: str, url: str) -> JsonObject:
    """Give a Cluster as kops shows it: in canonical form, with its defaults; `url` is its folder, if it is in one."""
    base = cluster.spec.get("configBase") or url
    spec = {**cluster.spec, **({"configBase": base} if base else {})}
    return _document(cluster, {**cluster.metadata, "name": cluster.name or name}, complete_spec(cluster.kind, spec))


def group_as_shown(group: Document, cluster: str) -> JsonObject:
    """Give an InstanceGroup as kops shows it, with its cluster's label."""
    there = group.metadata.get("labels")
    labels: JsonObject = {**(there if isinstance(there, dict) else {}), CLUSTER_LABEL: cluster}
    return _document(group, {**group.metadata, "labels": labels}, complete_spec(group.kind, group.spec))


def complete_spec(kind: str, spec: JsonObject) -> JsonObject:
    """Give a spec as kops writes it after reading it; fields that our schema doesn't know stay."""
    known: Kind = "Cluster" if kind == "Cluster" else "InstanceGroup"
    return complete(known, canonical(known, spec).spec)


def _document(document: Document, metadata: JsonObject, spec: JsonObject) -> JsonObject:
    """Give the object, without what the API server keeps in one for itself."""
    shown = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**document.rest, "apiVersion": API_VERSION, "kind": document.kind, "metadata": shown, "spec": spec}


def group_item(name: str, group: Document, cluster: Document | None, cluster_name: str) -> Item:
    """Give an instance group's row, and the object."""
    spec = group.spec
    role = text(spec, "role")
    sizes = (_number(spec.get("minSize")), _number(spec.get("maxSize")))
    cells = (group.name or name, _ROLES.get(role, role), text(spec, "machineType"), *sizes, _zones(group, cluster))
    more = (",".join(texts(spec.get("subnets"))), text(spec, "image"))
    return Item(name, cells, more, group_as_shown(group, cluster_name))


def _number(value: Json) -> str:
    return "-" if value is None else str(value)


def _zones(group: Document, cluster: Document | None) -> str:
    """Give a group's own zones and those of its subnets; like kops none where a subnet isn't the cluster's."""
    known = {text(each, "name"): text(each, "zone") for each in objects(cluster.spec.get("subnets") if cluster else [])}
    subnets = texts(group.spec.get("subnets"))
    if not known.keys() >= {*subnets}:
        return ""
    zones = {*texts(group.spec.get("zones")), *(known[each] for each in subnets)}
    return ",".join(sorted(zones - {""}))


def text(parent: JsonObject, name: str) -> str:
    """Give a field that is text; empty where it isn't there or something else."""
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def texts(value: Json) -> list[str]:
    """Give the items of a list that are text."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def objects(value: Json) -> Iterable[JsonObject]:
    """Give the items of a list that are maps."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def part(parent: JsonObject, name: str) -> JsonObject:
    """Give a field that is a map; an empty one where it isn't there or something else."""
    value = parent.get(name)
    return value if isinstance(value, dict) else {}
