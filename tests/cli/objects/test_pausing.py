"""`suspend` and `resume` write where nobody writes back, and kubectl finds all of this as its plugin."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clusterstate.api.annotations import COMMAND_MANAGER
from clusterstate.sandbox.binaries import find
from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.operating import Operating, path_of
from tests.support.people import Person, states

pytestmark = pytest.mark.apiserver
SCRIPTS = Path(sys.executable).parent


def declared(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "clusterstate.dev/v1alpha1",
        "kind": "ClusterState",
        "metadata": {"name": "prod"},
        "spec": {"store": {"url": "memfs://store"}, **spec},
    }


@pytest.fixture
def place(plane: ControlPlane, namespace: str, tmp_path: Path) -> Operating:
    """A namespace without an operator."""
    return Operating(plane, namespace, tmp_path)


def test_what_somebody_applies_is_left_to_them(place: Operating) -> None:
    person = Person(place, states("get", "patch"))
    place.apply(declared(suspend=True))
    code, shown, said = person.run("resume", "prod")
    assert (code, shown) == (1, "")
    assert said == (
        "clusterstate: kubectl would undo it: /spec/suspend. Nothing was written. Say suspend: false in git.\n"
    )
    place.apply(declared())
    assert person.run("suspend", "prod")[0] == 0, "a manifest that says nothing of it is no obstacle"
    body = place.plane.api().request("GET", path_of(place.namespace, "clusterstate", "prod"))
    managers = {each["manager"]: each["operation"] for each in body["metadata"]["managedFields"]}
    assert (body["spec"]["suspend"], managers[COMMAND_MANAGER]) == (True, "Update")


def kubectl(place: Operating, *arguments: str, folders: str) -> subprocess.CompletedProcess[str]:
    """Run the real kubectl with our installed scripts where it looks for plugins."""
    environ = {
        "PATH": f"{folders}:{os.environ['PATH']}",
        "HOME": str(place.directory),
        "KUBECONFIG": str(place.plane.kubeconfig_for(place.plane.admin_token, namespace=place.namespace)),
    }
    command = [str(find("kubectl")), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_kubectl_has_it_as_a_plugin(place: Operating) -> None:
    place.apply(declared())
    done = kubectl(place, "clusterstate", "status", "-o", "name", folders=str(SCRIPTS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "clusterstate.clusterstate.dev/prod\n", "")
    done = kubectl(place, "clusterstate", "stats", folders=str(SCRIPTS))
    assert done.returncode == 2
    assert done.stderr.endswith("Did you mean 'status'? See kubectl clusterstate --help.\n")
    done = kubectl(place, "clusterstate", "status", "--help", folders=str(SCRIPTS))
    assert done.stdout.startswith("Usage: kubectl clusterstate status ")
    assert "  kubectl clusterstate status -A\n" in done.stdout


def test_kubectl_completes_it(place: Operating) -> None:
    done = kubectl(place, "__complete", "clusterstate", "resu", folders=str(SCRIPTS))
    assert done.stdout.splitlines() == ["resume\tHave the operator go on with a suspended ClusterState", ":4"]
    done = kubectl(place, "__complete", "clusterstate", "events", "prod", "-o", "", folders=str(SCRIPTS))
    assert done.stdout.splitlines() == ["table", "json", "yaml", ":4"]
    done = kubectl(place, "__complete", "clusterstate", "status", "--kubeconfig", "", folders=str(SCRIPTS))
    assert done.stdout.splitlines() == [":0"], "the shell completes files"
