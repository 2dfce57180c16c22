"""A real ClusterState as the owner of mirrors, and the operator's client."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from clusterstate.kube.client import Client, connect
from clusterstate.sandbox.controlplane import ControlPlane
from tests.mirror.scene import Scene

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def cluster_states(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with our CRD: without it the garbage collector can't tell whether an owner lives."""
    for path in CRDS.glob("*.yaml"):
        crd = yaml.safe_load(path.read_text())
        url = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
        query = "?fieldManager=tests&force=true"
        control_plane.api().request("PATCH", url + query, crd, content_type="application/apply-patch+yaml")
    return control_plane


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(control_plane.kubeconfig) as client:
        yield client


@pytest.fixture
def scene(cluster_states: ControlPlane, namespace: str, client: Client) -> Scene:
    return Scene(cluster_states, client, namespace)
