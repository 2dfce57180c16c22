"""A cluster is reached by nothing but a kubeconfig."""

from pathlib import Path

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.clusters import reached

pytestmark = pytest.mark.apiserver


def test_its_api_is_that_of_the_kubeconfigs_user(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with reached(control_plane.kubeconfig, tmp_path) as cluster:
        seen = cluster.api().request("GET", f"/api/v1/namespaces/{namespace}")
    assert seen["metadata"]["name"] == namespace
