"""A store of kops's own objects: clusters of all namespaces, each with what it has."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.kubeconfig import CONTEXT
from tests.cli.look.conftest import Shown
from tests.support.cli import clusterstate
from tests.support.kopscrds import KopsObjects, install_kops_crds
from tests.support.stores import kops_files
from tests.support.world import MINIMAL

pytestmark = pytest.mark.apiserver


@pytest.fixture
def cluster(control_plane: ControlPlane, namespace: str) -> Iterator[str]:
    """A cluster with an instance group, in the namespace that kops derives from its name."""
    install_kops_crds(control_plane)
    name = f"{namespace}.example.com"
    files = kops_files("s3://unused", MINIMAL, as_name=name)
    objects, api = KopsObjects(control_plane, name.replace(".", "-")), control_plane.api()
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": objects.namespace}})
    for key, kind in (("config", "Cluster"), ("instancegroup/nodes-us-east-1a", "InstanceGroup")):
        body = yaml.safe_load(files[f"{name}/{key}"])
        body["spec"].pop("configBase", None)  # such a cluster has none to kops
        objects.create(kind, body["metadata"]["name"], body["spec"])
    yield name
    api.request("DELETE", f"/api/v1/namespaces/{objects.namespace}")


def test_clusters_of_all_namespaces_and_what_they_have(
    cluster: str, control_plane: ControlPlane, tmp_path: Path
) -> None:
    def run(*arguments: str) -> Shown:
        environ = {"KUBECONFIG": str(control_plane.kubeconfig), "KOPS_STATE_STORE": f"k8s://{CONTEXT}"}
        done = clusterstate(*arguments, home=tmp_path, **environ)
        return Shown(done.returncode, done.stdout, done.stderr.splitlines())

    assert cluster in run("get", "clusters", "-o", "name").lines
    assert run("get", "clusters", cluster).rows == [[cluster, "aws", "us-east-1a"]]
    assert [row[0] for row in run("get", "ig", "--name", cluster).rows] == ["nodes-us-east-1a"]
    assert run("get", "files", "--name", cluster, "-o", "name").lines == ["config", "instancegroup/nodes-us-east-1a"]
    assert [line for line in run("tree").lines if line.endswith(f" {cluster}/")]
    shown = yaml.safe_load(run("get", "clusters", cluster, "-o", "yaml").out)
    assert ("configBase" in shown["spec"], "managedFields" in shown["metadata"]) == (False, False)
    assert f"  store        k8s://{CONTEXT}/{cluster}" in run("show", cluster).lines
    missing = run("get", "clusters", "gone.example.com")
    assert (missing.code, missing.out) == (1, "")
    assert missing.said[0].startswith("clusterstate: There is no cluster gone.example.com in k8s://")


def test_objects_are_changed_and_compared_as_files_are(
    cluster: str, control_plane: ControlPlane, tmp_path: Path
) -> None:
    def run(*arguments: str) -> Shown:
        done = clusterstate(*arguments, home=tmp_path, KUBECONFIG=str(control_plane.kubeconfig))
        return Shown(done.returncode, done.stdout, done.stderr.splitlines())

    url, group = f"k8s://{CONTEXT}", "instancegroup/nodes-us-east-1a"
    files = kops_files("s3://unused", MINIMAL, as_name=cluster)
    for key in ("config", group):
        path = tmp_path / "state" / cluster / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(re.sub(rb"  configBase: .*\n", b"", files[f"{cluster}/{key}"]))  # those objects have none
    words = ("--name", cluster, "--ig", "nodes-us-east-1a", "--state", url, "--yes")
    assert run("set", "spec.maxSize=7", *words).code == 0
    shown = run("diff", str(tmp_path / "state"), url, "--name", cluster)
    assert shown.code == 1, shown.said
    assert {f"~ {group}", "    ~ /spec/maxSize: 1 -> 7"} <= {*shown.lines}
    assert shown.lines[-1] == "1 of 2 files differ: 1 changed."
    assert run("plan", url, str(tmp_path / "state"), "--name", cluster).code == 1
