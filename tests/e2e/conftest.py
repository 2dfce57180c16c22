"""The cluster of an end-to-end run, and a release of the chart in it.

`make e2e` names the cluster by KUBECONFIG and says by E2E_OPERATOR how the operator runs there; without that, as in
`make test`, it is the sandbox's, where no kubelet starts Pods, and the operator is a process of this machine.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.clusters import Cluster, reached
from tests.support.operating import install_crd, kubectl
from tests.support.release import Deployed, Release
from tests.support.valuesets import IMAGE

OPERATORS = {"deployment": Deployed, "process": Release}


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster | ControlPlane]:
    if "E2E_OPERATOR" in os.environ:
        with reached(Path(os.environ["KUBECONFIG"]), tmp_path_factory.mktemp("cluster")) as found:
            yield found
    else:
        shared: ControlPlane = request.getfixturevalue("control_plane")
        install_crd(shared)
        yield shared


@pytest.fixture(scope="module")
def release(cluster: Cluster | ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Release]:
    """A release whose operator watches its own namespace, which is also where states are kept."""
    namespace = f"clusterstate-e2e-{secrets.token_hex(4)}"
    kind = OPERATORS[os.environ.get("E2E_OPERATOR", "process")]
    made = kind(cluster, namespace, tmp_path_factory.mktemp("release"))
    kubectl(cluster, "create", "namespace", namespace)
    made.install(values())
    made.start_operator()
    yield made
    made.stop_operator()
    made.uninstall()
    kubectl(cluster, "delete", "namespace", namespace, "--wait=false")


def values() -> dict[str, Any]:
    """Give what the chart is told: the image of E2E_IMAGE; where tests share a cluster, nothing that all of it has."""
    repository, _, tag = os.environ.get("E2E_IMAGE", "").rpartition(":")
    image = {"repository": repository, "tag": tag} if repository else IMAGE
    own = "E2E_OPERATOR" in os.environ
    return {"image": image, "userRoles": {"create": own}, "deletionProtection": {"enabled": own}}
