"""A state as kops's own objects: the real kops reads and changes what the operator keeps, and the other way round."""

import base64
import json
import secrets
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterstate.sandbox.audit import WRITES
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.kubeconfig import CONTEXT
from tests.kops.asking import hand, rows
from tests.kops.samples import CLUSTER, GROUP, GROUPS, manifests
from tests.support.cli import clusterstate
from tests.support.kops import Kops
from tests.support.kopscrds import KopsObjects, install_kops_crds, open_namespace_for
from tests.support.operating import Body, Operating, conditions

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]
DECLARED = {"kubernetesVersion": "v1.32.10", "kubeControllerManager": {"nodeMonitorGracePeriod": "60s"}}
SECRET = '{"auths": {}}'
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfWRzPWcJv7VcPzgY8JkeaA+ZA9uPTQ4Dt3JyyNWy78 admin@example.com"


@pytest.fixture
def operating(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Operating]:
    install_kops_crds(plane)
    made = Operating(plane, namespace, tmp_path)
    yield made
    made.stop_operator()


@pytest.fixture
def cluster(namespace: str) -> str:
    return f"{namespace}.example.com"


@pytest.fixture
def objects(operating: Operating, cluster: str) -> Iterator[KopsObjects]:
    namespace = open_namespace_for(operating, cluster)
    yield KopsObjects(operating.plane, namespace)
    operating.plane.api().request("DELETE", f"/api/v1/namespaces/{namespace}")


@pytest.fixture
def kops_there(kops: Kops, plane: ControlPlane) -> Kops:
    """The real kops, with the cluster that the operator runs in as its state store."""
    return replace(kops, scheme="k8s", bucket=CONTEXT, more={"KUBECONFIG": str(plane.kubeconfig)})


def declaration(name: str, **spec: Any) -> Body:
    store = {"url": "k8s://", "k8s": {"layout": "KopsResources"}}
    head = {"apiVersion": "clusterstate.dev/v1alpha1", "kind": "ClusterState", "metadata": {"name": "state"}}
    return {**head, "spec": {"clusterName": name, "store": store, **spec}}


def without_place(bodies: list[Body]) -> list[Body]:
    """Take configBase out: kops can't keep files in this store."""
    bodies = deepcopy(bodies)
    del bodies[0]["spec"]["configBase"]
    return bodies


def create_all(kops: Kops, cluster: str) -> None:
    """Let kops create a cluster with all that it keeps."""
    hand(kops, "create", without_place(manifests(cluster, "s3://unused", CLUSTER, GROUPS)))
    create_keys(kops, cluster)


def create_keys(kops: Kops, cluster: str) -> None:
    kops.run("create", "keypair", "kubernetes-ca", "--primary", "--name", cluster)
    config, key = kops.home / "config.json", kops.home / "id.pub"
    config.write_text(SECRET)
    key.write_text(SSH_KEY)
    kops.run("create", "secret", "dockerconfig", "-f", config, "--name", cluster)
    kops.run("create", "sshpublickey", "--name", cluster, "-i", key)


def shown(kops: Kops, what: str, name: str, cluster: str) -> Body:
    """Give an object as kops shows it."""
    named = ["--name", cluster] if what == "cluster" else [name, "--name", cluster]
    body: Body = yaml.safe_load(kops.run("get", what, *named, "-o", "yaml").stdout)
    return body


def edit(kops: Kops, what: str, name: str, cluster: str, **fields: Any) -> None:
    """Change fields as a person does; kops refuses the namespace in a cluster that it has shown itself."""
    body = shown(kops, what, name, cluster)
    body["metadata"] = {
        key: value for key, value in body["metadata"].items() if key in {"name", "labels", "resourceVersion"}
    }
    body["spec"] |= fields
    hand(kops, "replace", [body])


def request(operating: Operating) -> Body:
    """Let the operator look again at once; give the object when it has."""
    token = secrets.token_hex(6)
    operating.kubectl("annotate", "--overwrite", "cst/state", f"clusterstate.dev/reconcile-requested-at={token}")
    operating.until(lambda: operating.state()["status"].get("lastHandledReconcileAt") == token)
    return operating.state()


def check_quiet(operating: Operating) -> None:
    """See a run that finds everything as declared: it tells that it ran, and writes nothing else."""
    mark = operating.plane.audit_mark()
    status = request(operating)["status"]
    writes = operating.plane.calls(mark, user=operating.user, verbs=WRITES)
    assert {call.resource for call in writes} == {"clusterstates/status"}, writes
    assert (status.get("drift", []), status.get("plan", {})) == ([], {})
    found = conditions({"status": status})
    assert (found["InSync"]["status"], found["Ready"]["status"]) == ("True", "True")


def test_what_kops_made_is_adopted_changed_and_mirrored(
    operating: Operating, kops_there: Kops, objects: KopsObjects, cluster: str
) -> None:
    create_all(kops_there, cluster)
    before = {plural: objects.list(plural) for plural in ("keysets", "sshcredentials")}
    mirror = {"keysets": [{"include": ["*"]}], "secrets": {"include": ["*"]}, "sshPublicKeys": {"include": ["*"]}}
    operating.apply(declaration(cluster, cluster=DECLARED, instanceGroups=[GROUP], mirror=mirror))
    with operating.running():
        operating.settled()
        config = shown(kops_there, "cluster", cluster, cluster)
        assert config["spec"]["kubernetesVersion"] == "v1.32.10"
        assert config["spec"]["kubeControllerManager"]["nodeMonitorGracePeriod"] == "1m0s"
        assert config["spec"] == {**CLUSTER, **config["spec"]}, "all else is as it was"
        assert {row[0] for row in rows(kops_there, "ig", cluster=cluster)} == {
            "batch", "control-plane-us-east-1a", "nodes"}  # fmt: skip
        assert before == {plural: objects.list(plural) for plural in before}, "not even touched"
        check_mirrors(operating, objects)
        check_quiet(operating)


def check_mirrors(operating: Operating, objects: KopsObjects) -> None:
    keyset = objects.find("keysets", "kubernetes-ca")
    mirrored = operating.find("secret", "state-keyset-kubernetes-ca")
    assert keyset is not None
    assert mirrored is not None
    assert mirrored["data"] == {"ca.crt": keyset["spec"]["keys"][0]["publicMaterial"]}
    config = operating.find("secret", "state-secret-dockerconfig")
    assert config is not None
    assert base64.b64decode(config["data"][".dockerconfigjson"]).decode() == SECRET
    names = [each["secret"] for each in operating.state()["status"]["mirrors"]]
    assert len([name for name in names if name.startswith("state-ssh-")]) == 1


def test_what_kops_changes_is_seen(operating: Operating, kops_there: Kops, objects: KopsObjects, cluster: str) -> None:
    """A declared field comes back, another stays; a promotion and a new key pair reach the mirror."""
    create_all(kops_there, cluster)
    mirror = {"keysets": [{"include": ["*"]}]}
    operating.apply(declaration(cluster, cluster=DECLARED, instanceGroups=[GROUP], mirror=mirror))
    with operating.running():
        operating.settled()
        edit(kops_there, "cluster", cluster, cluster, kubernetesVersion="v1.31.0", channel="alpha")
        edit(kops_there, "ig", "batch", cluster, maxSize=20, nodeLabels={"theirs": "yes"})
        kops_there.run("create", "keypair", "kubernetes-ca", "--name", cluster)
        kops_there.run("promote", "keypair", "kubernetes-ca", "--name", cluster)
        status = request(operating)["status"]
        assert conditions({"status": status})["Ready"]["status"] == "True"
        config, batch = shown(kops_there, "cluster", cluster, cluster), shown(kops_there, "ig", "batch", cluster)
        assert (config["spec"]["kubernetesVersion"], config["spec"]["channel"]) == ("v1.32.10", "alpha")
        assert (batch["spec"]["maxSize"], batch["spec"]["nodeLabels"]) == (10, {"theirs": "yes"})
        keyset = objects.find("keysets", "kubernetes-ca")
        assert keyset is not None
        (mirrored,) = [each for each in status["mirrors"] if each["from"].endswith("kubernetes-ca")]
        assert mirrored["primaryId"] == keyset["spec"]["primaryId"]
        bundle = operating.get("secret", "state-keyset-kubernetes-ca")["data"]["ca.crt"]
        assert base64.b64decode(bundle).count(b"BEGIN CERTIFICATE") == 2
        check_quiet(operating)


def test_what_the_operator_creates_is_what_kops_creates(
    operating: Operating, kops_there: Kops, objects: KopsObjects, cluster: str
) -> None:
    """Spec by spec, and kops goes on with it: keys, secrets, a rewrite of what it shows."""
    twin = f"twin-{cluster}"
    namespace = twin.replace(".", "-")
    operating.plane.api().request("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    hand(kops_there, "create", without_place(manifests(twin, "s3://unused", CLUSTER, GROUPS)))
    theirs = KopsObjects(operating.plane, namespace)
    operating.apply(declaration(cluster, cluster=CLUSTER, instanceGroups=GROUPS))
    with operating.running():
        operating.settled()
        for plural in ("clusters", "instancegroups"):
            assert specs(objects, plural, cluster) == specs(theirs, plural, twin)
        assert "configBase" not in objects.list("clusters")[0]["spec"]
        assert cluster in [row[0] for row in rows(kops_there, "clusters")]
        check_quiet(operating)
        create_keys(kops_there, cluster)
        assert [row[0] for row in rows(kops_there, "keypairs", cluster=cluster)] == ["kubernetes-ca"]
        assert [row[0] for row in rows(kops_there, "secrets", cluster=cluster)] == ["dockerconfig"]
        assert len(rows(kops_there, "sshpublickeys", cluster=cluster)) == 1
        versions = versions_of(objects)
        edit(kops_there, "cluster", cluster, cluster)
        edit(kops_there, "ig", "nodes", cluster)
        assert versions_of(objects) == versions, "kops finds nothing to spell differently"
        check_quiet(operating)
    operating.plane.api().request("DELETE", f"/api/v1/namespaces/{namespace}")


def specs(objects: KopsObjects, plural: str, cluster: str) -> str:
    found = {each["metadata"]["name"]: [each["spec"], each["metadata"].get("labels")] for each in objects.list(plural)}
    return json.dumps(found, sort_keys=True).replace(cluster, "CLUSTER")


def versions_of(objects: KopsObjects) -> dict[str, str]:
    """Give the generation of each document: it counts changes of the spec."""
    bodies = [*objects.list("clusters"), *objects.list("instancegroups")]
    return {each["metadata"]["name"]: each["metadata"]["generation"] for each in bodies}


def test_what_nobody_declared_is_kops_s_own(
    operating: Operating, kops_there: Kops, objects: KopsObjects, cluster: str
) -> None:
    create_all(kops_there, cluster)
    operating.apply(declaration(cluster, cluster=DECLARED))
    with operating.running():
        operating.settled()
        kops_there.run("create", "keypair", "kubernetes-ca", "--name", cluster)
        new = rows(kops_there, "keypairs", cluster=cluster)[-1][1]
        kops_there.run("distrust", "keypair", "kubernetes-ca", new, "--name", cluster)
        group = without_place(manifests(cluster, "s3://unused", {}, [GROUP]))[1]
        hand(kops_there, "create", [group])
        theirs = {plural: objects.list(plural) for plural in ("instancegroups", "keysets")}
        check_quiet(operating)
        assert theirs == {plural: objects.list(plural) for plural in theirs}
        assert operating.state()["status"]["store"]["files"] == 1 + 3 + 1 + 1 + 1


def test_a_namespace_that_is_not_allowed_is_told(operating: Operating, objects: KopsObjects, cluster: str) -> None:
    del operating.environ["CLUSTERSTATE_POLICY"]
    operating.apply(declaration(cluster, cluster=CLUSTER))
    with operating.running():
        body = operating.settled("state", "Stalled", status="True", reason="StoreNotAllowed")
    assert objects.namespace in conditions(body)["Stalled"]["message"]


def test_a_person_applies_manifests_to_kops_s_own_objects(
    plane: ControlPlane, objects: KopsObjects, cluster: str, kops_there: Kops, tmp_path: Path
) -> None:
    assert objects.find("clusters", cluster) is None
    bodies = without_place(manifests(cluster, "s3://unused", CLUSTER, GROUPS))
    credential = {"name": "admin", "labels": {"kops.k8s.io/cluster": cluster}}
    bodies.append({**bodies[0], "kind": "SSHCredential", "metadata": credential, "spec": {"publicKey": SSH_KEY}})
    path = tmp_path / "handed.yaml"
    arguments = ("apply", "-f", str(path), "--state", f"k8s://{CONTEXT}", "--yes")
    for body in ([*bodies], [bodies[1] | {"spec": {"maxSize": 1, "machineType": "m5.large"}}]):
        path.write_text("\n---\n".join(map(json.dumps, body)))
        done = clusterstate(*arguments, home=tmp_path, KUBECONFIG=str(plane.kubeconfig))
        assert done.returncode == 0, done.stdout + done.stderr
    assert [row[0] for row in rows(kops_there, "ig", cluster=cluster)] == [each["name"] for each in GROUPS]
    changed = shown(kops_there, "ig", GROUPS[0]["name"], cluster)
    assert (changed["spec"]["machineType"], changed["spec"]["role"]) == ("m5.large", "Master")
    assert len(rows(kops_there, "sshpublickeys", cluster=cluster)) == 1
    path.write_text(kops_there.run("get", "ig", "--name", cluster, "-o", "yaml").stdout)
    done = clusterstate(*arguments, "--replace", home=tmp_path, KUBECONFIG=str(plane.kubeconfig))
    assert (done.returncode, done.stdout[:12]) == (0, "In sync with"), done.stdout + done.stderr
