"""Mirrors follow the store: at once or within an interval, one by one, and whatever else is broken or gone."""

import base64
import re
import secrets as chance
import time
from functools import cache
from typing import Any

import pytest
import yaml
from cryptography import x509

from tests.mirror.breaks import BREAKS
from tests.support.granted import operator_rules
from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, DATA, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

CA = "kubernetes-ca"
PAIRS = {"keysets": [{"include": ["*"]}, {"include": [CA, "no-private-key"], "parts": "KeyPair"}]}
NOTE = "clusterstate.dev/mirrors"
MANY = 1000


def keyset_of(name: str) -> str:
    return f"{COMPLEX}/pki/private/{name}/keyset.yaml"


def request(world: World) -> Body:
    """Let the operator look again at once; give the object when it has."""
    token = chance.token_hex(6)
    world.kubectl("annotate", "--overwrite", "clusterstate/state", f"clusterstate.dev/reconcile-requested-at={token}")
    world.until(lambda: world.state()["status"].get("lastHandledReconcileAt") == token, lambda: world.state()["status"])
    return world.state()


def data_of(world: World, name: str) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in world.get("secret", name)["data"].items()}


def serial_of(world: World, name: str = f"state-keyset-{CA}") -> str:
    return str(x509.load_pem_x509_certificate(data_of(world, name)["tls.crt"]).serial_number)


def promote_other(document: Body) -> None:
    """Make the other key pair the primary, as `kops trust` and `promote keypair` do."""
    spec = document["spec"]
    for key in spec["keys"]:
        key.pop("distrustTimestamp", None)
    (spec["primaryId"],) = (key["id"] for key in spec["keys"] if key["id"] != spec["primaryId"])


def promote(world: World) -> str:
    """Promote the other key pair of the CA; give its id."""
    world.edit(keyset_of(CA), promote_other)
    return str(yaml.safe_load(world.read(keyset_of(CA)))["spec"]["primaryId"])


def test_a_broken_keyset_keeps_its_last_mirror_and_holds_up_no_other(world: World) -> None:
    world.load_store()
    names = tuple(BREAKS)
    for name in names:
        world.put(keyset_of(name), world.read(keyset_of(CA)))
    world.apply(manifest(url=world.url, mirror=PAIRS))
    with world.running():
        world.settled()
        before = {name: data_of(world, f"state-keyset-{name}") for name in names}
        assert before["no-private-key"].keys() == {"ca.crt", "tls.crt", "tls.key"}

        world.put(keyset_of("no-private-key"), broken("no-private-key"))
        body = request(world)
        assert conditions(body)["Mirrored"]["reason"] == "MirrorRefused"
        assert "no-private-key" in conditions(body)["Ready"]["message"]

        for name in names:
            world.put(keyset_of(name), broken(name))
        promoted, files = promote(world), world.files()
        world.apply(manifest(url=world.url, mirror=PAIRS, cluster={"kubernetesVersion": "v1.40.0"}))
        body = world.settled(condition="Ready", status="False", reason="UnusableKeyset")
        found = conditions(body)
        assert "pki/private/all-distrusted/keyset.yaml" in found["Ready"]["message"]
        assert (found["Mirrored"]["status"], found["CertificatesValid"]["status"]) == ("False", "Unknown")
        first, *others = (f"keyset/{name} ({each.reason})" for name, each in BREAKS.items())
        assert BREAKS["all-distrusted"].says in found["Mirrored"]["message"]
        assert [each for each in (first, *others) if each in found["Mirrored"]["message"]] == others
        assert {row["from"] for row in body["status"]["mirrors"]}.isdisjoint(f"keyset/{name}" for name in names)
        assert serial_of(world) == promoted
        assert {name: data_of(world, f"state-keyset-{name}") for name in names} == before
        assert world.files() == files

        for name in names:
            world.put(keyset_of(name), world.read(keyset_of(CA)))
        request(world)
        body = world.settled()
    assert conditions(body)["Mirrored"]["status"] == "True"
    assert b"v1.40.0" in world.read(f"{COMPLEX}/config")


@cache
def broken(name: str) -> bytes:
    """A keyset that is unusable in that way."""
    return BREAKS[name].broken((DATA / "kops-store" / keyset_of(CA)).read_bytes())


def test_what_no_secret_can_hold_is_told_and_what_vanished_stays_as_asked(world: World) -> None:
    world.load_store()
    mirror = {**PAIRS, "secrets": {"include": ["*"]}}
    world.apply(manifest(url=world.url, mirror=mirror))
    with world.running():
        world.settled()
        assert world.get("secret", "state-secret-dockerconfig")["type"] == "kubernetes.io/dockerconfigjson"
        for name, data in {"dockerconfig": b"no JSON", "big": b"x" * (1024 * 1024 + 1)}.items():
            stored = base64.b64encode(data).decode()
            world.put(f"{COMPLEX}/secrets/{name}", f'{{"Data":"{stored}"}}\n'.encode())
        found = conditions(request(world))
        assert found["Mirrored"]["reason"] == found["Ready"]["reason"] == "MirrorRefused"
        assert "secret/big has 1048577 bytes" in found["Mirrored"]["message"]
        assert world.get("secret", "state-secret-dockerconfig")["type"] == "Opaque"
        assert data_of(world, "state-secret-dockerconfig") == {"dockerconfig": b"no JSON"}

        giants = {"secrets/giant": 2 * 1024**2, "pki/private/giant/keyset.yaml": 1024**2}
        for key, size in giants.items():
            world.put(f"{COMPLEX}/{key}", b"#" * (size + 1))
        promoted = promote(world)
        found = conditions(request(world))
        assert "pki/private/giant/keyset.yaml has 1048577 bytes" in found["Mirrored"]["message"]
        assert "secret/big (MirrorRefused), secret/giant (MalformedFile)" in found["Mirrored"]["message"]
        assert found["Ready"]["reason"] == "MalformedFile"
        assert serial_of(world) == promoted
        assert [world.find("secret", f"state-{each}-giant") for each in ("keyset", "secret")] == [None, None]

        for key in (*giants, "secrets/big", "secrets/dockerconfig", "pki/private/apiserver-aggregator-ca/keyset.yaml"):
            world.s3.delete_object(Bucket=world.bucket, Key=f"{COMPLEX}/{key}")
        found = conditions(request(world))
        assert (found["Mirrored"]["status"], found["Mirrored"]["reason"]) == ("False", "SourceMissing")
        assert (found["Ready"]["status"], "Stalled" in found) == ("True", False)
        assert "keyset/apiserver-aggregator-ca, secret/dockerconfig" in found["Mirrored"]["message"]
        assert "secret/dockerconfig" in told(world, "SourceMissing")
        world.kubectl("delete", "secret", "state-secret-dockerconfig")
        world.until(lambda: "dockerconfig" not in conditions(world.state())["Mirrored"]["message"])
        assert world.find("secret", "state-secret-dockerconfig") is None
        assert data_of(world, "state-keyset-apiserver-aggregator-ca").keys() == {"ca.crt"}

        state, secrets = world.files(), world.kubectl("get", "secrets", "-o", "name")
        for key in state:
            world.s3.delete_object(Bucket=world.bucket, Key=key)
        world.apply(manifest(url=world.url, mirror={**mirror, "onMissing": "Delete"}))
        body = world.settled(condition="Mirrored", status="False", reason="SourceMissing")
        assert "while config isn't in the store" in conditions(body)["Mirrored"]["message"]
        assert world.kubectl("get", "secrets", "-o", "name") == secrets
        for key, data in state.items():
            world.put(key, data)
        request(world)
        world.settled(condition="Mirrored", status="True")
        assert world.find("secret", "state-keyset-apiserver-aggregator-ca") is None
        assert world.find("secret", f"state-keyset-{CA}") is not None


def deployment(secret: str) -> Body:
    container = {"name": "main", "image": "example.com/main", "volumeMounts": [{"name": "pair", "mountPath": "/pair"}]}
    pod = {"containers": [container], "volumes": [{"name": "pair", "secret": {"secretName": secret}}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def test_a_promotion_is_followed_and_whoever_uses_the_mirror_is_rolled(world: World) -> None:
    world.load_store()
    mirror = {**PAIRS, "restart": [{"kind": "Deployment", "name": "web"}]}
    world.apply(deployment(f"state-keyset-{CA}"))
    world.apply(manifest(url=world.url, mirror=mirror, sync={"interval": "10s"}))
    world.rules = [rule for rule in operator_rules() if "deployments" not in rule["resources"]]
    with world.running():
        found = conditions(world.settled(condition="Mirrored", status="False", reason="RestartFailed"))
        assert 'cannot get resource "deployments" in API group "apps"' in found["Mirrored"]["message"]
        assert data_of(world, f"state-keyset-{CA}").keys() == {"ca.crt", "tls.crt", "tls.key"}
    world.rules = operator_rules()
    with world.running():
        world.settled()
        assert "Deployment web (keyset/kubernetes-ca)" in told(world, "Restarted")
        template = world.get("deployment", "web")["spec"]["template"]

        requested = promote(world)
        request(world)
        assert serial_of(world) == requested
        rolled = world.get("deployment", "web")["spec"]["template"]
        assert rolled["metadata"]["annotations"][NOTE] != template["metadata"]["annotations"][NOTE]

        awaited, began = promote(world), time.monotonic()
        world.until(lambda: serial_of(world) == awaited)
        assert time.monotonic() - began < 10 * 1.1 + 5  # seconds: the interval with its jitter, and a run
        world.until(lambda: world.get("deployment", "web")["spec"]["template"] != rolled)

        world.apply(manifest(url=world.url, mirror={**mirror, "immutable": True}, sync={"interval": "10s"}))
        body = world.settled()
        (name,) = (row["secret"] for row in body["status"]["mirrors"] if row["from"] == f"keyset/{CA}")
        assert re.fullmatch(f"state-keyset-{CA}-[0-9a-f]{{16}}", name)
        assert uses(world) == name
        assert world.find("secret", f"state-keyset-{CA}") is not None
        assert f"needs them: Secrets state-keyset-{CA}." in conditions(body)["Mirrored"]["message"]
        roll_out(world)
        world.until(lambda: world.find("secret", f"state-keyset-{CA}") is None)
        world.until(lambda: "needs them" not in conditions(world.state())["Mirrored"]["message"])
        world.kubectl("replace", "-f", "-", stdin=str(deployment(f"state-keyset-{CA}")).replace("'", '"'))
        world.until(lambda: uses(world) == name)
        roll_out(world)
        mark = world.plane.audit_mark()
        request(world)
        assert [(call.verb, call.resource) for call in world.writes(mark)] == [("patch", "clusterstates/status")]


def roll_out(world: World) -> None:
    """Tell what the controller, which doesn't run here, tells of the Deployment once its Pods are replaced."""
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    seen = {"observedGeneration": world.get("deployment", "web")["metadata"]["generation"]}
    status = str({"status": {**counts, **seen}}).replace("'", '"')
    world.kubectl("patch", "deployment", "web", "--subresource=status", "--type=merge", "-p", status)


def uses(world: World) -> Any:
    (volume,) = world.get("deployment", "web")["spec"]["template"]["spec"]["volumes"]
    return volume["secret"]["secretName"]


def told(world: World, reason: str) -> str:
    return " ".join(event["message"] for event in world.events() if event["reason"] == reason)


def test_of_a_thousand_mirrors_one_change_writes_one(world: World) -> None:
    """The store is a folder: three thousand requests to a server on the way tell nothing more."""
    world.environ["CLUSTERSTATE_FILE_ROOTS"] = str(world.directory)
    keyset = (DATA / "kops-store" / keyset_of(CA)).read_bytes()
    document = yaml.safe_load(keyset)
    promote_other(document)
    for number in range(MANY):
        path = world.directory / "store" / keyset_of(f"many-{number}")
        path.parent.mkdir(parents=True)
        path.write_bytes(keyset)
    spec = {"clusterName": COMPLEX, "store": {"url": f"file://{world.directory}/store"}}
    body = {**manifest(url=""), "spec": {**spec, "mirror": {"keysets": [{"include": ["many-*"]}]}}}
    world.apply(body)
    with world.running():
        found = conditions(world.settled())
        assert f"{MANY} Secrets" in found["Mirrored"]["message"]
        path = world.directory / "store" / keyset_of("many-500")
        path.write_text(yaml.safe_dump(document))
        mark = world.plane.audit_mark()
        request(world)
        calls = [(call.verb, call.name) for call in world.writes(mark) if call.resource == "secrets"]
    assert calls == [("update", "state-keyset-many-500")]
