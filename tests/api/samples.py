"""A small valid ClusterState, ways to change it, and an API server that has the resource."""

import secrets
import time
from copy import deepcopy
from types import TracebackType
from typing import Any, Self

from clusterstate.api.crd import make_crd
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.errors import RequestRefused

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

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


PLURAL = "trials"
"""Not the resource's own: kubectl of other tests must find one resource of that name, not two."""


class ResourceServer:
    """The API server with the resource under a group of its own, so that tests in parallel may install it."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.group = f"{secrets.token_hex(4)}.test"
        self.api = control_plane.api()

    @property
    def path(self) -> str:
        return f"/apis/{self.group}/v1alpha1/namespaces/default/{PLURAL}"

    def __enter__(self) -> Self:
        crd = make_crd()
        crd["metadata"]["name"] = f"{PLURAL}.{self.group}"
        crd["spec"]["group"] = self.group
        crd["spec"]["names"] = {"kind": crd["spec"]["names"]["kind"], "plural": PLURAL, "singular": "trial"}
        self.api.request("POST", CRDS, crd)
        deadline = time.monotonic() + 30
        while not self._serves():
            assert time.monotonic() < deadline, "the API server doesn't serve the resource"
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.request("DELETE", f"{CRDS}/{PLURAL}.{self.group}")

    def send(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.api.request(method, path, {**body, "apiVersion": f"{self.group}/v1alpha1"})

    def _serves(self) -> bool:
        try:
            return self.api.find(self.path) is not None
        except RequestRefused as error:
            if error.status != 429:  # the storage of a new resource takes a moment
                raise
            return False
