"""A canary in every secret of the store and of the credentials appears nowhere but in the mirrors."""

import base64
import json
import os
import re
import signal
import urllib.request
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.kube.contents import unpack
from clusterstate.state import codec
from tests.support.collector import collecting
from tests.support.keypairs import certificate, pem, secret, tls_secret
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

CANARY = "CANARY-b7d1c0ffee"
GENERATED = "pki/private/etcd-peers-ca-main/keyset.yaml"
PEM = "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n"


def shapes(text: str) -> set[str]:
    """Give what a leak could look like: the text, and its middle in base64 at every alignment, once and twice."""
    once = encodings(text)
    return {text, *once, *(twice for each in once for twice in encodings(each))}


def encodings(text: str) -> set[str]:
    return {base64.b64encode(b"x" * shift + text.encode())[4:-4].decode() for shift in range(3)}


def plant(world: World) -> None:
    """Put the canary into every secret and private key, some of them broken by it."""
    world.put(f"{COMPLEX}/secrets/dockerconfig", json.dumps({"Data": b64(f'{{"auths":{{"{CANARY}":{{}}}}}}')}).encode())
    world.put(f"{COMPLEX}/secrets/huge", json.dumps({"Data": b64(CANARY + "x" * 1_100_000)}).encode())
    world.put(f"{COMPLEX}/secrets/token", json.dumps({"Data": b64(CANARY)}).encode())
    keyset = yaml.safe_load(world.read(f"{COMPLEX}/pki/private/etcd-manager-ca-main/keyset.yaml"))
    for key in keyset["spec"]["keys"]:
        key["privateMaterial"] = b64(PEM.format(b64(CANARY)))
    world.put(f"{COMPLEX}/pki/private/etcd-manager-ca-main/keyset.yaml", yaml.safe_dump(keyset).encode())


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_no_secret_byte_is_told(world: World) -> None:
    world.load_store()
    plant(world)
    world.environ |= {"CLUSTERSTATE_LOG_LEVEL": "DEBUG", "CLUSTERSTATE_LOG_FORMAT": "json"}
    mirror = {
        "keysets": [{"include": ["etcd-manager-ca-main"], "parts": "KeyPair"}],
        "secrets": {"include": ["*"]},
        "sshPublicKeys": {"include": ["*"]},
    }
    world.apply(
        manifest(url=world.url, cluster={"kubernetesVersion": "v1.40.0"}, mirror=mirror, sync={"interval": "10s"})
    )
    world.set_credentials(CANARY * 2, name="wrong")
    world.apply(
        manifest(
            "denied",
            url=world.url,
            clusterName="denied.example.com",
            store={"credentialsSecretRef": {"name": "wrong"}},
        )
    )
    with collecting(world.environ) as collector, world.running():
        world.settled(condition="Mirrored", status="False")
        world.settled("denied", status="False", reason="AuthenticationFailed")
        broken = world.read(f"{COMPLEX}/secrets/token").replace(b'"Data"', b'"Data')
        world.put(f"{COMPLEX}/secrets/token", broken)
        world.put(f"{COMPLEX}/pki/private/etcd-manager-ca-main/keyset.yaml", f"kind: [{CANARY}".encode())
        world.until(lambda: any(event["reason"] == "MalformedKeyset" for event in world.events()))
    assert_untold(world, CANARY)
    assert collector.spans
    assert not [shape for shape in shapes(CANARY) for body in collector.bodies if shape.encode() in body]
    assert (
        CANARY
        in base64.b64decode(world.get("secret", "state-secret-dockerconfig")["data"][".dockerconfigjson"]).decode()
    )


CRASHING = """
import os, resource, sys
os.chdir(os.environ["HOME"])
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
from clusterstate.cli.main import main
sys.exit(main())
"""
"""An operator that could write a core into the folder that it works in, as far as whoever starts it has a say."""


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_no_secret_byte_is_left_on_a_disk_by_a_crash(world: World, number: signal.Signals) -> None:
    """Neither as a core nor as a temporary file; and Prometheus is told none while it lives."""
    world.load_store()
    plant(world)
    home = world.directory / "home"
    home.mkdir()
    world.program = ("-c", CRASHING)
    world.environ |= {"HOME": str(home), "TMPDIR": str(home), "CLUSTERSTATE_METRICS_ADDRESS": "127.0.0.1:0"}
    world.apply(manifest(url=world.url, mirror={"secrets": {"include": ["*"]}}))
    world.start_operator("--kubeconfig", str(inline_kubeconfig(world)))
    world.settled(condition="Mirrored", status="False")
    (address,) = re.findall(r"metrics are at (\S+)", world.log.read_text())
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
        metrics = answer.read().decode()
    operator = world.operator
    assert operator is not None
    world.operator = None
    assert "Max core file size        0                    0 " in Path(f"/proc/{operator.pid}/limits").read_text()
    os.kill(operator.pid, number)
    assert operator.wait(timeout=60) == -number
    assert list(home.iterdir()) == []
    assert not [shape for shape in shapes(CANARY) if shape in metrics]


def inline_kubeconfig(world: World) -> Path:
    """Give a kubeconfig that has certificates and a private key in it, which the API server asks nobody for."""
    token = world.plane.service_account_token(world.namespace, "operator")
    config = yaml.safe_load(world.plane.kubeconfig_for(token, namespace=world.namespace).read_text())
    authority = Path(config["clusters"][0]["cluster"].pop("certificate-authority")).read_text()
    config["clusters"][0]["cluster"]["certificate-authority-data"] = b64(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    config["users"][0]["user"] |= {
        "client-certificate-data": b64(certificate(key).decode()),
        "client-key-data": b64(pem(key).decode()),
    }
    path = world.directory / "inline.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def test_no_byte_of_a_declared_content_is_told(world: World) -> None:
    """Not while it is written, changed, refused or removed; the audit log has no bodies of Secrets."""
    world.load_store()
    world.environ["CLUSTERSTATE_LOG_LEVEL"] = "DEBUG"
    key = ec.generate_private_key(ec.SECP256R1())
    private = "".join(pem(key).decode().splitlines()[1:-1])
    world.apply(secret("values", {"value": CANARY.encode(), "file": f"kind: {CANARY}\n".encode()}))
    world.apply(tls_secret("pair", certificate(key), pem(key)))
    declared = {
        "secrets": [{"name": "token", "valueFrom": {"secretKeyRef": {"name": "values", "key": "value"}}}],
        "files": [{"path": "addons/a", "contentFrom": {"secretKeyRef": {"name": "values", "key": "file"}}}],
        "keysets": [
            {"name": "kubernetes-ca", "tlsSecretRef": {"name": "pair"}},
            {"name": "etcd-peers-ca-main", "generate": {}},
        ],
    }
    world.apply(manifest(url=world.url, sync={"dryRun": True}, **declared))
    with world.running():
        world.settled()
        assert {row["path"] for row in world.state()["status"]["plan"]["changes"]} == {
            "secrets/token",
            "addons/a",
            "pki/private/kubernetes-ca/keyset.yaml",
            GENERATED,
        }
        world.apply(manifest(url=world.url, **declared))
        world.settled()
        [made] = codec.decode_keyset(world.read(f"{COMPLEX}/{GENERATED}"), GENERATED).items
        assert CANARY in base64.b64decode(json.loads(world.read(f"{COMPLEX}/secrets/token"))["Data"]).decode()
        world.put(f"{COMPLEX}/addons/a", b"theirs")
        declared["sshPublicKeys"] = [{"valueFrom": {"secretKeyRef": {"name": "values", "key": "value"}}}]
        world.apply(manifest(url=world.url, **declared))
        world.settled(status="False", reason="SpecInvalid")
        world.apply(manifest(url=world.url, sync={"conflict": "Fail"}))
        world.settled(status="False", reason="Conflict")
    generated = "".join((made.private_key or b"").decode().splitlines()[1:-1])
    for hidden in (CANARY, private[40:100], generated[40:100], generated[800:860]):
        assert_untold(world, hidden)


def assert_untold(world: World, hidden: str) -> None:
    revisions = json.loads(world.kubectl("get", "controllerrevisions", "-o", "json"))
    told = {
        "log": world.log.read_text(),
        "objects": world.kubectl("get", "clusterstates", "-o", "yaml"),
        "events": world.kubectl("get", "events", "-o", "yaml"),
        "revisions": world.kubectl("get", "controllerrevisions", "-o", "yaml"),
        "unpacked": json.dumps([unpack(each["data"]["gzip"]) for each in revisions["items"]]),
        "audit": world.plane.audit_log.read_text(),
    }
    for place, text in told.items():
        for shape in shapes(hidden):
            assert shape not in text, f"{shape} in {place}"
