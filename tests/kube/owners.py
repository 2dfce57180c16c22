"""ClusterStates on the real API server: what owns revisions and Events, and carries a status."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from clusterstate.api.types import API_VERSION, KIND
from clusterstate.kube.client import Client, connect
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.kube.owner import Owner
from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.operating import install_crd

Body = dict[str, Any]


@pytest.fixture(scope="session")
def plane(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with the resource installed."""
    install_crd(control_plane)
    return control_plane


@pytest.fixture
async def client(plane: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(plane.kubeconfig) as client:
        yield client


async def create(client: Client, namespace: str, name: str = "prod", **spec: Any) -> Body:
    metadata = {"name": name, "namespace": namespace}
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata}
    return await client.create(CLUSTER_STATES, body | {"spec": {"store": {"url": "memfs://store"}, **spec}})


async def get(client: Client, body: Body) -> Body:
    return await client.get(CLUSTER_STATES, body["metadata"]["namespace"], body["metadata"]["name"])


def owner_of(body: Body) -> Owner:
    metadata = body["metadata"]
    return Owner(metadata["namespace"], metadata["name"], metadata["uid"])
