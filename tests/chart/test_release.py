"""A release of the chart on a real API server: it comes, changes and goes, and leaves nothing behind."""

import json
from pathlib import Path
from typing import Any

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.helm import CHART, run_helm
from tests.support.operating import kubectl
from tests.support.valuesets import IMAGE

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(900)]  # the first test that asks for helm has it built

OFF = {"enabled": False}
KINDS = "deployments,services,serviceaccounts,roles,rolebindings"


def test_it_comes_changes_and_goes(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    """In one namespace, and without what all of the cluster shares: other tests have that."""
    values = {"image": IMAGE, "crds": {"install": False}, "userRoles": {"create": False}, "deletionProtection": OFF}
    where = ("--namespace", namespace, "--kubeconfig", str(control_plane.kubeconfig))

    def run(*arguments: str, given: dict[str, Any] | None = None) -> None:
        done = run_helm(*arguments, *where, values=given, home=tmp_path / "home")
        assert done.returncode == 0, done.stderr

    def found() -> dict[str, Any]:
        text = kubectl(
            control_plane, "-n", namespace, "get", KINDS, "-l", "app.kubernetes.io/instance=prod", "-o", "json"
        )
        return {f"{each['kind']}/{each['metadata']['name']}": each for each in json.loads(text)["items"]}

    run("install", "prod", str(CHART), given={**values, "operator": {"namespaces": [namespace]}})
    made = found()
    assert made.keys() == {
        *(f"{kind}/prod-operator" for kind in ("Deployment", "Service", "ServiceAccount", "Role", "RoleBinding")),
        *(f"{kind}/prod-operator-installation" for kind in ("Role", "RoleBinding")),
    }
    run("upgrade", "prod", str(CHART), given={**values, "operator": {"namespaces": [namespace], "workers": 3}})
    (container,) = found()["Deployment/prod-operator"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "CLUSTERSTATE_WORKERS", "value": "3"} in container["env"]
    run("uninstall", "prod")
    assert found() == {}
