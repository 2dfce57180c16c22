"""What a declaration refers to is read once from each object, and what is missing or too much is named."""

import asyncio
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.api.spec import Spec
from clusterstate.declared import Contents, declares_contents, digests_of, read_contents, wanted_for
from clusterstate.errors import KubeRefused, ReferenceNotFound, SpecInvalid, SpecTooLarge
from clusterstate.kube.client import Client
from clusterstate.kube.installation import NAME, installation_key, own_namespace
from clusterstate.kube.kinds import CONFIG_MAPS, SECRETS
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.state.digests import Digests
from clusterstate.state.layout import FileKind, ssh_public_key_key
from clusterstate.state.limits import MAX_BYTES
from clusterstate.state.objects import SshPublicKey, State, StoredSecret
from clusterstate.state.tree import Read, Wanted
from tests.kube.owners import client, plane
from tests.support.keypairs import certificate, pem, secret, ssh_line, tls_secret

__all__ = ["client", "plane"]
pytestmark = pytest.mark.apiserver
DIGESTS = Digests(b"k" * 32)


def spec(**more: Any) -> Spec:
    return msgspec.convert({"store": {"url": "s3://a"}, **more}, Spec)


def token(secret_name: str = "token", **ref: str) -> dict[str, Any]:
    return {"name": secret_name, "valueFrom": {"secretKeyRef": {"name": "values", "key": "value", **ref}}}


def content(kind: str, key: str, path: str = "addons/a.yaml", name: str = "values") -> dict[str, Any]:
    return {"path": path, "contentFrom": {kind: {"name": name, "key": key}}}


async def read(client: Client, namespace: str, **declared: Any) -> Contents:
    return await read_contents(client, namespace, spec(**declared), DIGESTS)


async def put(client: Client, namespace: str, data: Mapping[str, bytes]) -> None:
    body = secret("values", dict(data))
    body["metadata"]["namespace"] = namespace
    await client.create(SECRETS, body)


async def test_each_object_is_read_once(client: Client, plane: ControlPlane, namespace: str) -> None:
    line = ssh_line()
    await put(client, namespace, {"value": b"\x00one", "ssh": line.encode()})
    maps = {"data": {"a": "text"}, "binaryData": {"b": base64.b64encode(b"\xff").decode()}}
    await client.create(CONFIG_MAPS, {"metadata": {"name": "values", "namespace": namespace}, **maps})
    mark = plane.audit_mark()
    declared = spec(
        secrets=[token(), token("more")],
        sshPublicKeys=[{"valueFrom": {"secretKeyRef": {"name": "values", "key": "ssh"}}}, {"value": f"{line} again"}],
        files=[content("configMapKeyRef", "a"), content("configMapKeyRef", "b", "manifests/b")],
    )
    found = await read_contents(client, namespace, declared, DIGESTS)
    calls = [each for each in plane.calls(mark, verbs=("get",)) if f"/{namespace}/" in each.uri]
    assert len(calls) == 2
    (fingerprint,) = {key for key in found.bodies if key.startswith("pki/")}
    assert found.bodies == {
        "secrets/token": b'{"Data":"AG9uZQ=="}',
        "secrets/more": b'{"Data":"AG9uZQ=="}',
        fingerprint: f"{line} again".encode(),
        "addons/a.yaml": b"text",
        "manifests/b": b"\xff",
    }
    name = fingerprint.rpartition("/")[2]
    state = State(secrets={"token": StoredSecret("token", b"\x00one")}, ssh_public_keys={name: SshPublicKey(name, b"")})
    there = digests_of(Read(state, {}, {"addons/a.yaml": b"text"}), DIGESTS)
    assert there.items() <= found.digests.items()
    assert there[ssh_public_key_key(name)] == name
    assert "one" not in repr(found)
    for wanted in (wanted_for(declared, ()), wanted_for(spec(), found.digests.keys())):
        assert_wanted(wanted)


def assert_wanted(wanted: Wanted) -> None:
    assert (wanted.secrets("more"), wanted.secrets("others"), wanted.ssh_public_keys) == (True, False, True)
    assert wanted.files == {"addons/a.yaml", "manifests/b"}


@pytest.mark.parametrize(
    ("declared", "error", "words"),
    [
        ({"secrets": [token(name="nowhere")]}, ReferenceNotFound, "Secret .*/nowhere isn't there.*spec.secrets.token"),
        ({"secrets": [token(key="no")]}, ReferenceNotFound, "values has no no in its data.*spec.secrets.token"),
        ({"files": [content("configMapKeyRef", "a")]}, ReferenceNotFound, r"spec.files\[addons/a.yaml\].contentFrom"),
        ({"sshPublicKeys": [{"value": "nonsense"}]}, SpecInvalid, r"spec.sshPublicKeys\[0\] holds no SSH public key"),
        ({"keysets": [{"name": "a", "tlsSecretRef": {"name": "values"}}]}, SpecInvalid, "isn't of type kubernetes.io"),
        (
            {"sshPublicKeys": [{"valueFrom": {"secretKeyRef": {"name": "values", "key": "long"}}}]},
            SpecTooLarge,
            r"spec.sshPublicKeys\[0\] gives \d+ bytes for pki/ssh/public/admin/\w+, which may have 65536",
        ),
    ],
)
async def test_what_cannot_be_read_is_named(
    client: Client, namespace: str, declared: Any, error: type[Exception], words: str
) -> None:
    await put(client, namespace, {"value": b"one", "long": ssh_line("x" * MAX_BYTES[FileKind.SSH_PUBLIC_KEY]).encode()})
    assert declares_contents(spec(**declared))
    with pytest.raises(error, match=words):
        await read(client, namespace, **declared)


async def test_a_key_pair_comes_from_a_tls_secret(client: Client, namespace: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    body = tls_secret("pair", certificate(key, serial=7), pem(key))
    body["metadata"]["namespace"] = namespace
    await client.create(SECRETS, body)
    found = await read(client, namespace, keysets=[{"name": "a", "tlsSecretRef": {"name": "pair"}}])
    assert found.facts["a"].serial == 7
    assert not found.digests


async def test_replicas_share_one_key(client: Client, namespace: str, tmp_path: Path) -> None:
    keys = await asyncio.gather(*(installation_key(client, namespace) for _ in range(4)))
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    await client.delete(SECRETS, namespace, NAME)
    await client.create(SECRETS, {"metadata": {"name": NAME, "namespace": namespace}, "data": {"hmac": "c2hvcnQ="}})
    with pytest.raises(KubeRefused, match=f"{namespace}/{NAME} holds no hmac of 32 bytes"):
        await installation_key(client, namespace)
    (tmp_path / "namespace").write_text("clusterstate-system\n")
    assert own_namespace(tmp_path / "namespace") == "clusterstate-system"
    assert own_namespace(tmp_path / "nowhere") == ""
