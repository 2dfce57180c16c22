"""The control plane is a real one: it decides, counts, collects and cleans up as a cluster does."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterstate.sandbox.audit import WRITES
from clusterstate.sandbox.binaries import find
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.errors import RequestRefused

pytestmark = pytest.mark.apiserver
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def wait_for(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Give the condition's first true value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    pytest.fail("it never came true")


def make_config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, **metadata}, "data": {"a": "b"}}


@pytest.fixture
def config_maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


@pytest.fixture
def token(control_plane: ControlPlane, namespace: str) -> str:
    """A token of a service account without any rights."""
    return control_plane.service_account_token(namespace, "worker")


@pytest.mark.parametrize("wrong", ["", "unknown-token"])
def test_unknown_user_is_refused(control_plane: ControlPlane, config_maps: str, wrong: str) -> None:
    with pytest.raises(RequestRefused) as refused:
        control_plane.api(wrong).request("GET", config_maps)
    assert refused.value.status == (401 if wrong else 403)


def test_service_account_token_is_real(control_plane: ControlPlane, namespace: str, token: str) -> None:
    review = control_plane.api(token).request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert review["status"]["userInfo"]["username"] == f"system:serviceaccount:{namespace}:worker"


def test_roles_decide(control_plane: ControlPlane, namespace: str, config_maps: str, token: str) -> None:
    worker, admin = control_plane.api(token), control_plane.api()
    with pytest.raises(RequestRefused, match="cannot list resource") as refused:
        worker.request("GET", config_maps)
    assert refused.value.status == 403
    where = f"{RBAC}/namespaces/{namespace}"
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
    admin.request("POST", f"{where}/roles", {"metadata": {"name": "reader"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "worker", "namespace": namespace}],
    }
    admin.request("POST", f"{where}/rolebindings", binding)

    def listed() -> list[Any]:
        try:
            items: list[Any] = worker.request("GET", config_maps)["items"]
        except RequestRefused:
            return []
        return items

    assert [item["metadata"]["name"] for item in wait_for(listed)] == ["kube-root-ca.crt"]
    with pytest.raises(RequestRefused, match="cannot create resource"):
        worker.request("POST", config_maps, make_config_map("mine"))


def test_token_for_another_audience_is_no_key_to_the_api(control_plane: ControlPlane, namespace: str) -> None:
    foreign = control_plane.service_account_token(namespace, "worker", audiences=["sts.amazonaws.com"])
    with pytest.raises(RequestRefused) as refused:
        control_plane.api(foreign).request("GET", "/api")
    assert refused.value.status == 401


def test_children_go_with_their_owner(control_plane: ControlPlane, config_maps: str) -> None:
    api = control_plane.api()
    owner = api.request("POST", config_maps, make_config_map("owner"))["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"], "controller": True}
    api.request("POST", config_maps, make_config_map("child", ownerReferences=[reference]))
    api.request("POST", config_maps, make_config_map("other"))
    api.request("DELETE", f"{config_maps}/owner")
    wait_for(lambda: api.find(f"{config_maps}/child") is None)
    assert api.find(f"{config_maps}/other") is not None


def test_namespaces_are_emptied_and_deleted(control_plane: ControlPlane, namespace: str, config_maps: str) -> None:
    api = control_plane.api()
    api.request("POST", config_maps, make_config_map("some"))
    api.request("DELETE", f"/api/v1/namespaces/{namespace}")
    wait_for(lambda: api.find(f"/api/v1/namespaces/{namespace}") is None)


def test_every_namespace_has_its_default_account_and_the_authority(
    control_plane: ControlPlane, namespace: str, config_maps: str
) -> None:
    api = control_plane.api()
    wait_for(lambda: api.find(f"/api/v1/namespaces/{namespace}/serviceaccounts/default"))
    published = wait_for(lambda: api.find(f"{config_maps}/kube-root-ca.crt"))
    assert published["data"]["ca.crt"].strip() == control_plane.ca_file.read_text().strip()


def test_calls_are_counted_by_user_and_verb(
    control_plane: ControlPlane, namespace: str, config_maps: str, token: str
) -> None:
    worker, admin = control_plane.api(token), control_plane.api()
    user = f"system:serviceaccount:{namespace}:worker"
    before = control_plane.audit_mark()
    admin.request("POST", config_maps, make_config_map("counted"))
    admin.request("PATCH", f"{config_maps}/counted", {"data": {}}, content_type="application/merge-patch+json")
    with pytest.raises(RequestRefused):
        worker.request("DELETE", f"{config_maps}/counted")
    after = control_plane.audit_mark()
    admin.request("DELETE", f"{config_maps}/counted")

    calls = [call for call in control_plane.calls(before, verbs=WRITES) if call.namespace == namespace]
    assert [(c.user, c.verb, c.resource, c.name, c.status) for c in calls] == [
        ("admin", "create", "configmaps", "counted", 201),
        ("admin", "patch", "configmaps", "counted", 200),
        (user, "delete", "configmaps", "counted", 403),
        ("admin", "delete", "configmaps", "counted", 200),
    ]
    assert [call.verb for call in control_plane.calls(before, user=user)] == ["delete"]
    assert control_plane.calls(after, user=user) == []


def test_the_audit_log_holds_no_bodies(control_plane: ControlPlane, namespace: str) -> None:
    before = control_plane.audit_mark()
    secret = {"metadata": {"name": "canary"}, "stringData": {"key": "canary-7f3a"}}
    control_plane.api().request("POST", f"/api/v1/namespaces/{namespace}/secrets", secret)
    events = [event for event in control_plane.audit_events(before) if event["objectRef"]["namespace"] == namespace]
    assert "canary" in json.dumps(events)
    assert "canary-7f3a" not in json.dumps(events)


def test_kubectl_works_with_both_kubeconfigs(control_plane: ControlPlane, namespace: str, token: str) -> None:
    def kubectl(kubeconfig: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [find("kubectl"), "--namespace", namespace, "get", "serviceaccount", "worker", "-o", "name"],
            env={"PATH": os.environ["PATH"], "KUBECONFIG": str(kubeconfig), "HOME": "/nowhere"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert kubectl(control_plane.kubeconfig).stdout == "serviceaccount/worker\n"
    assert "cannot get resource" in kubectl(control_plane.kubeconfig_for(token, namespace=namespace)).stderr


@pytest.fixture
def own_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """A second control plane, beside the one that all tests share."""
    with ControlPlane.start(tmp_path / "plane") as plane:
        yield plane


def test_stop_leaves_no_process(own_plane: ControlPlane) -> None:
    pids = [child.pid for child in own_plane.children]
    assert len(pids) == 3
    assert own_plane.api().answers("/readyz")
    own_plane.stop()
    assert not own_plane.api().answers("/readyz")
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert own_plane.admin_token not in repr(own_plane)


def test_nobody_else_reads_its_keys_and_tokens(control_plane: ControlPlane, token: str) -> None:
    told = [control_plane.admin_token.encode(), token.encode(), b"PRIVATE KEY-----"]
    control_plane.kubeconfig_for(token)
    files = [each for each in control_plane.kubeconfig.parent.rglob("*") if each.is_file()]
    small = [each for each in files if each.stat().st_size < 1 << 20 and "etcd" not in each.parts]
    secret = [each for each in small if any(text in each.read_bytes() for text in told)]
    assert len(secret) > 3
    assert [each for each in secret if each.stat().st_mode & 0o077] == []
