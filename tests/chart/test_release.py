"""A release of the chart on a real API server: it comes, changes and goes, and leaves the resource alone behind."""

import json
import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest

from clusterstate.api.annotations import GROUP
from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.helm import CHART, run_helm
from tests.support.operating import kubectl
from tests.support.valuesets import IMAGE

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(900)]  # the first test that asks for helm has it built

OFF = {"enabled": False}
KINDS = "deployments,services,serviceaccounts,roles,rolebindings"
DEFINITION = Path("files") / "clusterstate.dev_clusterstates.yaml"


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A copy of the chart whose resource is of a group of its own, since other tests have the real one.

    It comes after that in the alphabet: of two groups kubectl takes the first for `clusterstate` alone.
    """
    made = tmp_path / "chart"
    shutil.copytree(CHART, made)
    edit(made, GROUP, f"z{secrets.token_hex(5)}.example.com")
    return made


def edit(chart: Path, old: str, new: str) -> None:
    """Change the definition of the resource in a copy of the chart."""
    path = chart / DEFINITION
    path.write_text(path.read_text().replace(old, new))


def test_it_comes_changes_and_goes(control_plane: ControlPlane, namespace: str, tmp_path: Path, chart: Path) -> None:
    """In one namespace, and without the roles that all of the cluster shares."""
    values = {"image": IMAGE, "userRoles": {"create": False}, "deletionProtection": OFF}
    where = ("--namespace", namespace, "--kubeconfig", str(control_plane.kubeconfig))

    def run(*arguments: str, given: dict[str, Any] | None = None) -> None:
        done = run_helm(*arguments, *where, values=given, home=tmp_path / "home")
        assert done.returncode == 0, done.stderr

    def found(kinds: str = KINDS) -> dict[str, Any]:
        text = kubectl(control_plane, "-n", namespace, "get", kinds, "-o", "json")
        mine = (each for each in json.loads(text)["items"] if is_of_release(each, namespace))
        return {f"{each['kind']}/{each['metadata']['name']}": each for each in mine}

    run("install", "prod", str(chart), given={**values, "operator": {"namespaces": [namespace]}})
    assert found().keys() == {
        *(f"{kind}/prod-operator" for kind in ("Deployment", "Service", "ServiceAccount", "Role", "RoleBinding")),
        *(f"{kind}/prod-operator-installation" for kind in ("Role", "RoleBinding")),
    }
    assert columns(found("crd"))[0]["name"] == "Store"

    edit(chart, "name: Store", "name: Bucket")
    run("upgrade", "prod", str(chart), given={**values, "operator": {"namespaces": [namespace], "workers": 3}})
    (container,) = found()["Deployment/prod-operator"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "CLUSTERSTATE_WORKERS", "value": "3"} in container["env"]
    assert columns(found("crd"))[0]["name"] == "Bucket", "an upgrade of the release upgrades the resource"

    run("uninstall", "prod")
    assert found() == {}
    (name,) = found("crd")
    assert name.endswith(".example.com"), "crds.keep"
    assert columns(found("crd"))[0]["name"] == "Bucket"

    off = {**values, "operator": {"namespaces": [namespace]}, "crds": {"keep": False}}
    run("install", "prod", str(chart), given=off)
    run("uninstall", "prod")
    assert all("deletionTimestamp" in each["metadata"] for each in found("crd").values())


def is_of_release(body: dict[str, Any], namespace: str) -> bool:
    told = {"meta.helm.sh/release-name": "prod", "meta.helm.sh/release-namespace": namespace}
    return told.items() <= body["metadata"].get("annotations", {}).items()


def columns(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the columns that `kubectl get` shows of the one resource there is."""
    (definition,) = found.values()
    (version,) = definition["spec"]["versions"]
    made: list[dict[str, Any]] = version["additionalPrinterColumns"]
    return made
