"""Secrets, files, SSH keys and key pairs that are declared reach the store, and go with their declaration."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.state import codec, keyset
from tests.kops.asking import request
from tests.support.keypairs import certificate, pem, secret, ssh_line, tls_secret
from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

KEYSET = f"{COMPLEX}/pki/private/front-proxy/keyset.yaml"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "addons"}, "data": {"a.yaml": "kind: A\n"}}


def from_secret(name: str, key: str = "value") -> Body:
    return {"secretKeyRef": {"name": name, "key": key}}


def fingerprint(line: str) -> str:
    return codec.ssh_fingerprint(line.encode(), "line")


def ssh_keys(world: World) -> set[str]:
    folder = f"{COMPLEX}/pki/ssh/public/admin/"
    found = world.s3.list_objects_v2(Bucket=world.bucket, Prefix=folder).get("Contents", ())
    return {each["Key"].removeprefix(folder) for each in found}


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, bytes | None]:
    keys = {*before, *after}
    return {key: after.get(key) for key in sorted(keys) if before.get(key) != after.get(key)}


def test_everything_comes_changes_and_goes(world: World) -> None:
    world.load_store()
    before = world.files()
    (foreign,) = ssh_keys(world)
    world.s3.delete_object(Bucket=world.bucket, Key=f"{COMPLEX}/pki/ssh/public/admin/{foreign}")
    del before[f"{COMPLEX}/pki/ssh/public/admin/{foreign}"]
    key = ec.generate_private_key(ec.SECP256R1())
    line = ssh_line()
    world.apply(secret("values", {"value": b"one", "ssh": line.encode()}))
    world.apply(CONFIG_MAP)
    world.apply(tls_secret("proxy", certificate(key, serial=7), pem(key)))
    spec: dict[str, Any] = {
        "url": world.url,
        "secrets": [{"name": "token", "valueFrom": from_secret("values")}],
        "sshPublicKeys": [{"valueFrom": from_secret("values", "ssh")}],
        "files": [
            {"path": "addons/a/a.yaml", "contentFrom": {"configMapKeyRef": {"name": "addons", "key": "a.yaml"}}},
            {"path": "manifests/b.yaml", "content": "kind: B\n"},
        ],
        "keysets": [{"name": "front-proxy", "tlsSecretRef": {"name": "proxy"}}],
        "mirror": {"keysets": [{"include": ["front-proxy"]}], "secrets": {"include": ["token"]}},
    }
    world.apply(manifest(**spec))
    with world.running():
        body = world.settled()
        found = changed(before, world.files())
        pair = found.pop(KEYSET)
        assert found == {
            f"{COMPLEX}/addons/a/a.yaml": b"kind: A\n",
            f"{COMPLEX}/manifests/b.yaml": b"kind: B\n",
            f"{COMPLEX}/pki/ssh/public/admin/{fingerprint(line)}": line.encode(),
            f"{COMPLEX}/secrets/token": b'{"Data":"b25l"}',
        }
        assert pair is not None
        written = codec.decode_keyset(pair, "pki/private/front-proxy/keyset.yaml")
        assert [item.id for item in written.items] == ["7"]
        assert keyset.primary(written) == written.items[0]
        assert {mirror["from"] for mirror in body["status"]["mirrors"]} == {"keyset/front-proxy", "secret/token"}
        assert body["status"]["history"][0]["changes"] == 5

        seen, there = world.server.mark(), world.files()
        world.put(f"{COMPLEX}/secrets/token", b'{ "Data" : "b25l" }')
        assert conditions(request(world))["InSync"]["status"] == "True"
        writes = {each.operation for each in world.server.requests(seen, bucket=world.bucket)}
        assert changed(there, world.files()).keys() == {f"{COMPLEX}/secrets/token"}, "another spelling is no drift"
        assert writes >= {"PutObject"}, "the test's own"

        newer = ssh_line()
        world.apply(secret("values", {"value": b"two", "ssh": newer.encode()}))
        world.until(lambda: ssh_keys(world) == {fingerprint(newer)})
        world.put(f"{COMPLEX}/addons/a/a.yaml", b"kind: C\n")
        request(world)
        assert ssh_keys(world) == {fingerprint(newer)}
        assert world.read(f"{COMPLEX}/secrets/token") == b'{"Data":"dHdv"}'
        assert world.read(f"{COMPLEX}/addons/a/a.yaml") == b"kind: A\n"

        world.put(f"{COMPLEX}/manifests/b.yaml", b"kind: Theirs\n")
        world.apply(manifest(url=world.url, sync={"conflict": "PreferStore"}))
        world.settled()
    left = changed(before, world.files())
    assert left == {KEYSET: pair, f"{COMPLEX}/manifests/b.yaml": b"kind: Theirs\n"}, "a key pair is never removed"
    installation = world.get("secret", "clusterstate-installation")
    assert len(installation["data"]["hmac"]) == 44


def test_what_cannot_be_carried_out_writes_nothing(world: World) -> None:
    world.load_store()
    before = world.files()
    (foreign,) = ssh_keys(world)
    world.apply(manifest(url=world.url, cluster={"channel": "alpha"}, sshPublicKeys=[{"value": ssh_line()}]))
    with world.running():
        body = world.settled(status="False", reason="SpecInvalid")
        assert foreign in conditions(body)["Ready"]["message"]
        missing = [{"name": "token", "valueFrom": from_secret("nowhere")}]
        world.apply(manifest(url=world.url, cluster={"channel": "alpha"}, secrets=missing))
        body = world.settled(status="False", reason="ReferenceNotFound")
        assert "spec.secrets[token].valueFrom.secretKeyRef" in conditions(body)["Ready"]["message"]
        key = ec.generate_private_key(ec.SECP256R1())
        world.apply(tls_secret("leaf", certificate(key, authority=False), pem(key)))
        leaf = [{"name": "kubernetes-ca", "tlsSecretRef": {"name": "leaf"}}]
        world.apply(manifest(url=world.url, cluster={"channel": "alpha"}, keysets=leaf))
        body = world.settled(status="False", reason="SpecInvalid")
        assert "spec.keysets[kubernetes-ca]" in conditions(body)["Ready"]["message"]
    assert world.files() == before


def test_a_lost_key_of_the_installation_is_no_conflict_and_removes_nothing(world: World) -> None:
    world.load_store()
    world.apply(secret("values", {"value": b"one"}))
    token = [{"name": name, "valueFrom": from_secret("values")} for name in ("kept", "left")]
    world.apply(manifest(url=world.url, secrets=token))
    with world.running():
        world.settled()
    world.kubectl("delete", "secret", "clusterstate-installation")
    world.apply(secret("values", {"value": b"two"}))
    world.apply(manifest(url=world.url, secrets=token[:1]))
    with world.running():
        world.settled()
    assert json.loads(world.read(f"{COMPLEX}/secrets/kept")) == {"Data": "dHdv"}
    assert json.loads(world.read(f"{COMPLEX}/secrets/left")) == {"Data": "b25l"}


def test_contents_follow_a_store_that_the_same_push_moves(world: World) -> None:
    world.load_store()
    world.apply(secret("values", {"value": b"one"}))
    token = [{"name": "token", "valueFrom": from_secret("values")}]
    world.apply(manifest(url=world.url, cluster={"secretStore": f"{world.url}/elsewhere"}, secrets=token))
    with world.running():
        world.settled()
    files = world.files()
    assert files["elsewhere/token"] == b'{"Data":"b25l"}'
    assert f"{COMPLEX}/secrets/token" not in files
