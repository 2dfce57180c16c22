"""States in other clusters and namespaces, through the operator."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.backings import load_store
from tests.support.backings.k8s import SecretsBacking
from tests.support.operating import Body, Operating, conditions, kubectl

pytestmark = pytest.mark.apiserver
PAGE = Path(__file__).parents[2] / "docs" / "stores" / "k8s.md"
NAME = "prod.example.com"


@pytest.fixture
def operating(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Operating]:
    made = Operating(plane, namespace, tmp_path)
    yield made
    made.stop_operator()


@pytest.fixture
def states(plane: ControlPlane, namespace: str) -> Iterator[SecretsBacking]:
    """A namespace in what plays another cluster, with a state in it."""
    api, name = plane.api(), f"{namespace}-states"
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    backing = SecretsBacking(api, name)
    load_store(backing, NAME)
    yield backing
    api.request("DELETE", f"/api/v1/namespaces/{name}")


def documented_role(namespace: str) -> str:
    """Give the Role of the page, for this namespace."""
    text = next(block for block in PAGE.read_text().split("```") if "kind: Role\n" in block)
    return text.removeprefix("yaml\n").replace("namespace: states", f"namespace: {namespace}").replace(
        "[states]", f"[{namespace}]"
    )  # fmt: skip


def someone_there(plane: ControlPlane, namespace: str) -> str:
    """Give the token of an account that may do what the page says."""
    token = plane.service_account_token(namespace, "tenant")
    kubectl(plane, "apply", "--server-side", "-f", "-", stdin=documented_role(namespace))
    role = ("--role", "clusterstate-store", "--serviceaccount", f"{namespace}:tenant")
    kubectl(plane, "-n", namespace, "create", "rolebinding", "tenant", *role)
    return token


def kubeconfig(plane: ControlPlane, token: str) -> str:
    authority = base64.b64encode(plane.ca_file.read_bytes()).decode()
    cluster = {"server": plane.url, "certificate-authority-data": authority}
    content = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": cluster}],
        "users": [{"name": "a", "user": {"token": token}}],
    }
    return yaml.safe_dump(content)


def write_kubeconfig(operating: Operating, text: str, key: str = "kubeconfig") -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "there"}, "stringData": {key: text}}
    operating.apply(body)


def declaration(backing: SecretsBacking, **more: Any) -> Body:
    store = {"url": backing.url, "k8s": {"kubeconfigSecretRef": {"name": "there"}}}
    spec = {"clusterName": NAME, "store": store, "cluster": {"kubernetesVersion": "v1.32.10"}, **more}
    head = {"apiVersion": "clusterstate.dev/v1alpha1", "kind": "ClusterState", "metadata": {"name": "state"}}
    return {**head, "spec": spec}


@pytest.mark.parametrize("key", ["kubeconfig", "value"])
def test_another_cluster_with_the_documented_rights(operating: Operating, states: SecretsBacking, key: str) -> None:
    write_kubeconfig(operating, kubeconfig(operating.plane, someone_there(operating.plane, states.namespace)), key)
    operating.apply(declaration(states, mirror={"secrets": {"include": ["dockerconfig"]}}))
    with operating.running():
        body = operating.settled()
        assert "v1.32.10" in states.read(f"{NAME}/config").decode()
        assert body["status"]["store"]["url"] == f"{states.url}/{NAME}"
        assert body["status"]["store"].get("unproven", []) == []
        assert operating.find("secret", "state-secret-dockerconfig") is not None


def test_another_kubeconfig_is_used_by_the_next_run(operating: Operating, states: SecretsBacking) -> None:
    write_kubeconfig(operating, kubeconfig(operating.plane, "canary-wrong"))
    operating.apply(declaration(states))
    with operating.running():
        body = operating.settled("state", "Ready", status="False", reason="AuthenticationFailed")
        assert "canary" not in json.dumps(body["status"])
        write_kubeconfig(operating, kubeconfig(operating.plane, someone_there(operating.plane, states.namespace)))
        operating.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=now")
        operating.settled()
    assert "canary" not in operating.log.read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda user: user.update({"exec": {"command": "canary"}}), "exec of user is refused"),
        (lambda user: user.update({"tokenFile": "/canary"}), "tokenFile of user is refused"),
    ],
    ids=["exec", "tokenFile"],
)
def test_programs_and_files_of_a_kubeconfig_are_refused(operating: Operating, change: Any, words: str) -> None:
    content = yaml.safe_load(kubeconfig(operating.plane, "token"))
    change(content["users"][0]["user"])
    write_kubeconfig(operating, yaml.safe_dump(content))
    operating.apply(declaration(SecretsBacking(operating.plane.api(), operating.namespace)))
    with operating.running():
        body = operating.settled("state", "Stalled", status="True", reason="CredentialsInvalid")
    assert words in conditions(body)["Stalled"]["message"]
    assert "canary" not in json.dumps(body["status"])


def test_another_namespace_of_this_cluster_must_be_allowed(operating: Operating, states: SecretsBacking) -> None:
    body = declaration(states)
    del body["spec"]["store"]["k8s"]
    operating.grant(states.namespace)
    operating.apply(body)
    with operating.running():
        stalled = operating.settled("state", "Stalled", status="True", reason="StoreNotAllowed")
        assert "the operator's policy" in conditions(stalled)["Stalled"]["message"]
    operating.set_policy({"namespaces": [operating.namespace], "stores": [f"k8s:///{states.namespace}"]})
    with operating.running():
        operating.settled()
    assert "v1.32.10" in states.read(f"{NAME}/config").decode()


def test_files_are_no_mirrors(operating: Operating, plane: ControlPlane) -> None:
    """Of a state in the object's own namespace no file is taken for a mirror that nobody wants any more."""
    backing = SecretsBacking(plane.api(), operating.namespace)
    load_store(backing, NAME)
    body = declaration(backing, mirror={"keysets": [{"include": ["*"]}]})
    body["spec"]["store"] = {"url": "k8s://"}
    operating.apply(body)
    with operating.running():
        operating.settled()
        assert operating.find("secret", "state-keyset-kubernetes-ca") is not None
        files = backing.files()
        body["spec"]["mirror"] = {"keysets": [{"include": ["no-such"]}]}
        operating.apply(body)
        operating.until(lambda: operating.find("secret", "state-keyset-kubernetes-ca") is None)
    assert backing.files() == files
