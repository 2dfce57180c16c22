"""The documents that a plan writes: new ones as kops would have made them, changed ones with their metadata kept.

A document of an older apiVersion is upgraded when it is rewritten for another reason.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from clusterstate.errors import SpecInvalid
from clusterstate.plan.desired import Desired, DesiredGroup
from clusterstate.plan.values import equal_json
from clusterstate.state.canonical import canonical
from clusterstate.state.codec import API_VERSION, CLUSTER_LABEL
from clusterstate.state.complete import complete
from clusterstate.state.objects import Document, JsonObject
from clusterstate.state.schema import Kind


def new_cluster(desired: Desired, cluster: DesiredGroup, now: datetime) -> Document:
    """Give a cluster that wasn't there; its configBase is the state's own URL, if kops can use it, unless declared.

    Raises `SpecInvalid` without `spec.authorization`: kops would let everybody do everything.
    """
    if not cluster.spec.get("authorization"):
        raise SpecInvalid(
            f"Cluster {desired.cluster_name} is to be created without spec.cluster.authorization, which kops reads as "
            "alwaysAllow: everybody may do everything. Declare authorization: {rbac: {}}."
        )
    metadata: JsonObject = {"creationTimestamp": _timestamp(now), "name": desired.cluster_name}
    for name, part in (("labels", cluster.labels), ("annotations", cluster.annotations)):
        if part:
            metadata[name] = dict(part)
    place: JsonObject = {"configBase": desired.state_url} if desired.names_place else {}
    return _document("Cluster", metadata, {**place, **cluster.spec})


def new_group(desired: Desired, group: DesiredGroup, now: datetime) -> Document:
    """Give an instance group that wasn't there, labelled with its cluster."""
    labels: JsonObject = {CLUSTER_LABEL: desired.cluster_name, **group.labels}
    metadata: JsonObject = {"creationTimestamp": _timestamp(now), "labels": labels, "name": group.name}
    if group.annotations:
        metadata["annotations"] = dict(group.annotations)
    return _document("InstanceGroup", metadata, group.spec)


def changed(
    before: Document, observed: JsonObject, spec: JsonObject, parts: Mapping[str, JsonObject]
) -> Document | None:
    """Give the document with another spec and other parts of its metadata; None when kops would see no difference.

    `observed` is the canonical form of the spec before, its lists maybe complete. `generation` rises by one exactly
    when the canonical specs differ. `parts` are whole labels and annotations; the metadata that they don't name stays.
    """
    kind: Kind = "Cluster" if before.kind == "Cluster" else "InstanceGroup"
    after = canonical(kind, spec).spec
    metadata = dict(before.metadata)
    for name, part in parts.items():
        metadata.pop(name, None)
        if part:
            metadata[name] = part
    same_spec = equal_json(after, observed)
    if same_spec and all(equal_json(part, before.metadata.get(name) or {}) for name, part in parts.items()):
        return None
    if not same_spec:
        stored = before.metadata.get("generation")
        metadata["generation"] = (stored if isinstance(stored, int) else 0) + 1
    return Document(API_VERSION, kind, metadata, complete(kind, after))


def _document(kind: Kind, metadata: JsonObject, spec: JsonObject) -> Document:
    return Document(API_VERSION, kind, metadata, complete(kind, canonical(kind, spec).spec))


def _timestamp(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
