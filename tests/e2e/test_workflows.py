"""What people do with a release, from an empty namespace on: the chart, a new state, drift, mirrors, a look, an end.

States are kept in the cluster itself (`k8s://`), so that nothing else is needed. Their files are read and written with
nothing of the operator's.
"""

import json
import os
import secrets
from typing import Any

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.backings.k8s import SecretsBacking
from tests.support.clusters import Cluster
from tests.support.operating import Body, kubectl
from tests.support.release import CRD, Release

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(900)]  # the first test that asks for helm has it built

CLUSTER = {
    "authorization": {"rbac": {}},
    "channel": "stable",
    "cloudProvider": "aws",
    "kubernetesVersion": "v1.32.10",
    "subnets": [{"name": "us-east-1a", "zone": "us-east-1a", "type": "Public", "cidr": "172.20.0.0/16"}],
}
NODES = {"name": "nodes", "spec": {"role": "Node", "minSize": 1, "maxSize": 3, "subnets": ["us-east-1a"]}}
DECLARED, THEIRS = b"kubernetesVersion: v1.32.10", b"kubernetesVersion: v1.32.11"


@pytest.fixture
def store(release: Release) -> SecretsBacking:
    return SecretsBacking(release.plane.api(), release.namespace)


def declaration(name: str, **sync: Any) -> Body:
    """Give a ClusterState that makes a cluster of its name in the store of its namespace, with one key pair of ours."""
    spec = {
        "clusterName": f"{name}.example.com",
        "store": {"url": "k8s://"},
        "sync": sync,
        "cluster": CLUSTER,
        "instanceGroups": [NODES],
        "keysets": [{"name": "kubernetes-ca", "generate": {}}],
        "mirror": {"keysets": [{"include": ["*"]}]},
    }
    head = {"apiVersion": "clusterstate.dev/v1alpha1", "kind": "ClusterState", "metadata": {"name": name}}
    return {**head, "spec": spec}


def made(release: Release, name: str, **sync: Any) -> str:
    """Have a state made; give the key of its configuration."""
    release.apply(declaration(name, **sync))
    release.settled(name)
    return f"{name}.example.com/config"


def spoil(store: SecretsBacking, config: str) -> None:
    """Change what is declared, as a person with another tool does."""
    before = store.read(config)
    store.put(config, before.replace(DECLARED, THEIRS))
    assert store.read(config) != before


def ask(release: Release, name: str) -> None:
    """Have a run now, where else the next one is minutes away, and wait for its end."""
    token = secrets.token_hex(4)
    release.kubectl("annotate", f"cst/{name}", f"clusterstate.dev/reconcile-requested-at={token}")
    release.until(lambda: release.state(name)["status"].get("lastHandledReconcileAt") == token)


def test_a_state_is_pushed_mended_mirrored_and_deleted(release: Release, store: SecretsBacking) -> None:
    config = made(release, "mended", deletionPolicy="Delete")
    assert DECLARED in store.read(config)
    assert store.read("mended.example.com/instancegroup/nodes")
    authority = release.get("secret", "mended-keyset-kubernetes-ca")
    assert authority["data"].keys() == {"ca.crt"}
    assert authority["metadata"]["ownerReferences"][0]["name"] == "mended"
    spoil(store, config)
    ask(release, "mended")
    assert DECLARED in store.read(config)
    release.kubectl("delete", "secret", "mended-keyset-kubernetes-ca")
    mirror = release.until(lambda: release.find("secret", "mended-keyset-kubernetes-ca"))
    assert mirror["data"] == authority["data"]
    release.kubectl("delete", "clusterstate", "mended", "--timeout=60s")
    assert [key for key in store.files() if key.startswith("mended.")] == []


def test_what_others_write_is_shown_and_stays(release: Release, store: SecretsBacking) -> None:
    config = made(release, "shown")
    release.kubectl("patch", "cst/shown", "--type=merge", "-p", json.dumps({"spec": {"sync": {"direction": "Pull"}}}))
    release.settled("shown")
    spoil(store, config)
    ask(release, "shown")
    release.settled("shown", "InSync", status="False")
    assert THEIRS in store.read(config)


def test_it_goes_on_after_a_restart(release: Release, store: SecretsBacking) -> None:
    config = made(release, "kept")
    authority = store.read("kept.example.com/pki/private/kubernetes-ca/keyset.yaml")
    release.stop_operator()
    spoil(store, config)
    release.kubectl("delete", "secret", "kept-keyset-kubernetes-ca")
    release.start_operator()
    release.until(lambda: DECLARED in store.read(config))
    release.until(lambda: release.find("secret", "kept-keyset-kubernetes-ca"))
    assert store.read("kept.example.com/pki/private/kubernetes-ca/keyset.yaml") == authority


def test_helm_finds_it_ready(release: Release, cluster: Cluster | ControlPlane) -> None:
    kubectl(cluster, "get", CRD)
    if os.environ.get("E2E_OPERATOR") == "deployment":
        assert "ready" in release.helm("test", release.name, "--logs")
    else:
        assert release.deployment["spec"]["replicas"] >= 1
