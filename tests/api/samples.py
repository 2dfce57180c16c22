"""A small valid ClusterState, and ways to change it."""

from copy import deepcopy
from typing import Any

SPEC: dict[str, Any] = {
    "store": {"url": "s3://acme-state-store"},
    "cluster": {"kubernetesVersion": "1.35.0"},
    "instanceGroups": [{"name": "nodes-1a", "spec": {"minSize": 1}, "labels": {"team": "a"}}],
    "mirror": {"keysets": [{"include": ["*"]}], "secrets": {"include": ["dockerconfig"]}},
}


def make_body(path: str = "", value: Any = None, *, name: str = "prod", namespace: str = "clusters") -> dict[str, Any]:
    """Give the object, with the field at a dotted path set."""
    body = {
        "apiVersion": "clusterstate.dev/v1alpha1",
        "kind": "ClusterState",
        "metadata": {"name": name, "namespace": namespace},
        "spec": deepcopy(SPEC),
    }
    if path:
        *parents, last = path.split(".")
        place: Any = body
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place.setdefault(parent, {})
        place[int(last) if isinstance(place, list) else last] = value
    return body


def as_read(body: dict[str, Any]) -> dict[str, Any]:
    """Give the object with what the API server adds to its metadata."""
    return {**body, "metadata": {"uid": "u", "generation": 1, "resourceVersion": "1", **body["metadata"]}}
