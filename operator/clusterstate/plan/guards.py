"""What a plan must never do, however it was declared."""

from collections.abc import Iterator, Mapping
from typing import Final

from clusterstate.errors import SpecInvalid
from clusterstate.plan.naming import named
from clusterstate.plan.values import Value, as_list, as_map, join
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import JsonObject
from clusterstate.state.schema import Kind

REQUIRED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "Cluster": ("cloudProvider", "kubernetesVersion"),
    "InstanceGroup": ("role",),
}
"""What `kops replace` demands on every cloud. For a lost version the next update would take the channel's."""


def require_survivable(kind: Kind, key: str, before: JsonObject, after: JsonObject) -> None:
    """Raise `SpecInvalid` when a changed document loses what a running cluster can't lose.

    These are an etcd cluster, whose data kops would leave behind, its authorization, whose absence kops reads as
    alwaysAllow, and the fields without which kops refuses the document. All can be changed, but not undeclared away.
    """
    for name in REQUIRED[kind]:
        if before.get(name) and not after.get(name):
            raise SpecInvalid(
                f"{key}/spec/{name} would go, but kops refuses a file without it. Nothing was written. Keep it."
            )
    if kind == "Cluster":
        _require_same_etcd(before, after)
        _require_authorization(before, after)


def require_kept(kind: Kind, key: str, declared: JsonObject, merged: JsonObject) -> None:
    """Raise `SpecInvalid` for declared fields that kops leaves out of the merged spec because of its other fields.

    For example `project` where the cloud isn't gce: written, they would be gone, and be drift for ever.
    """
    eaten = list(_eaten(key, "/spec", declared, merged, canonical(kind, merged).spec))
    if eaten:
        raise SpecInvalid(
            f"{named(eaten)}: kops would drop that together with the other fields of {key}, such as "
            "its cloudProvider. Declare it no longer."
        )


def _eaten(key: str, at: str, declared: JsonObject, merged: JsonObject, kept: Value) -> Iterator[str]:
    for name, value in declared.items():
        there, left = merged.get(name), as_map(kept).get(name)
        if isinstance(value, dict) and isinstance(there, dict) and isinstance(left, dict):
            yield from _eaten(key, join(at, name), value, there, left)
        elif value and there and left is None:
            yield f"{key}{join(at, name)}"


def _require_same_etcd(before: JsonObject, after: JsonObject) -> None:
    lost = sorted(_etcd_names(before) - _etcd_names(after))
    if lost:
        raise SpecInvalid(
            f"config/spec/etcdClusters would lose {', '.join(lost)}, but a running cluster can't lose an etcd cluster. "
            "Nothing was written. Keep it."
        )


def _require_authorization(before: JsonObject, after: JsonObject) -> None:
    if as_map(before.get("authorization")) and not as_map(after.get("authorization")):
        raise SpecInvalid(
            "config/spec/authorization would go, and without it kops lets everybody do everything. Nothing was "
            "written. Keep it, for example as authorization: {rbac: {}}."
        )


def _etcd_names(spec: JsonObject) -> set[str]:
    return {str(as_map(each).get("name", "")) for each in as_list(spec.get("etcdClusters"))}
