"""kops's objects on the suite's API server, by the least of definitions, and a namespace for one cluster's."""

from pathlib import Path
from typing import Any

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.operating import Operating, kubectl

CRDS = Path(__file__).parents[1] / "data" / "kops-crds.yaml"
PLURALS = ("clusters", "instancegroups", "keysets", "sshcredentials")
RULES = [
    {"apiGroups": ["kops.k8s.io"], "resources": list(PLURALS), "verbs": ["get", "list", "create", "update", "delete"]}
]
"""What the operator needs there beside the right to Secrets."""


def install_kops_crds(plane: ControlPlane) -> None:
    """Make sure that the API server knows kops's objects."""
    kubectl(plane, "apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    for plural in PLURALS:
        name = f"crd/{plural}.kops.k8s.io"
        kubectl(plane, "wait", "--for=jsonpath={.status.conditions}", name)
        # Only now: before it has any condition at all, waiting for one is an error.
        kubectl(plane, "wait", "--for=condition=Established", name)


def open_namespace_for(operating: Operating, cluster: str) -> str:
    """Make the namespace where kops keeps a cluster's objects, and let the operator keep states there."""
    namespace = cluster.replace(".", "-")
    if kubectl(operating.plane, "get", "namespace", namespace, "--ignore-not-found") == "":
        kubectl(operating.plane, "create", "namespace", namespace)
    operating.grant(namespace, *RULES)
    operating.set_policy({"namespaces": [operating.namespace], "stores": ["*", f"k8s:///{namespace}"]})
    return namespace


class KopsObjects:
    """kops's objects of a namespace, as an administrator sees them."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._api = plane.api()
        self.namespace = namespace

    def path(self, plural: str, name: str = "") -> str:
        root = f"/apis/kops.k8s.io/v1alpha2/namespaces/{self.namespace}/{plural}"
        return f"{root}/{name}" if name else root

    def find(self, plural: str, name: str) -> dict[str, Any] | None:
        return self._api.find(self.path(plural, name))

    def list(self, plural: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._api.request("GET", self.path(plural))["items"]
        return items

    def create(self, kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
        body = {"apiVersion": "kops.k8s.io/v1alpha2", "kind": kind, "spec": spec}
        return self._api.request(
            "POST", self.path(f"{kind.lower()}s"), {**body, "metadata": {"name": name, **metadata}}
        )

    def replace(self, plural: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._api.request("PUT", self.path(plural, body["metadata"]["name"]), body)

    def delete(self, plural: str, name: str) -> None:
        self._api.request("DELETE", self.path(plural, name))
