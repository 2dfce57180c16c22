"""What a service account may read, by RBAC."""

from typing import Any

from clusterstate.sandbox.controlplane import ControlPlane

GROUP = "rbac.authorization.k8s.io"


def allow_reading(control_plane: ControlPlane, namespace: str, account: str, resource: str, *names: str) -> None:
    """Let a service account list and watch one kind of objects, or only those of these names."""
    path = f"/apis/{GROUP}/v1/namespaces/{namespace}"
    role_name = "-".join((account, resource, *names))
    rule: dict[str, Any] = {"apiGroups": [""], "resources": [resource], "verbs": ["list", "watch"]}
    if names:
        rule["resourceNames"] = list(names)
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    role = {"apiGroup": GROUP, "kind": "Role", "name": role_name}
    control_plane.api().request("POST", f"{path}/roles", {"metadata": {"name": role_name}, "rules": [rule]})
    binding = {"metadata": {"name": role_name}, "roleRef": role, "subjects": [subject]}
    control_plane.api().request("POST", f"{path}/rolebindings", binding)
