"""What kops does to keysets, secrets and SSH keys reaches the mirrors, by kops's own rules."""

import base64
from typing import NamedTuple

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from clusterstate.state.layout import keyset_key
from tests.kops.asking import request, rows
from tests.support.kops import Kops
from tests.support.operating import Body
from tests.support.world import COMPLEX, MINIMAL, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

MIRROR = {
    "keysets": [{"include": ["*"]}, {"include": ["kubernetes-ca", "service-account"], "parts": "KeyPair"}],
    "secrets": {"include": ["*"]},
    "sshPublicKeys": {"include": ["*"]},
}
SSH = (Encoding.OpenSSH, PublicFormat.OpenSSH)
PEM = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def mirrored(world: World, kind: str, name: str) -> dict[str, bytes]:
    data = world.get("secret", f"state-{kind}-{name}")["data"]
    return {key: base64.b64decode(value) for key, value in data.items()}


class Trust(NamedTuple):
    """What a keyset's consumers trust and use, by ids; kops gives a certificate its key pair's id as serial number."""

    trusted: list[str]
    """Oldest first."""
    primary: str


def by_kops(kops: Kops, keyset: str) -> Trust:
    pairs = yaml.safe_load(kops.run("get", "keypairs", keyset, "--name", COMPLEX, "-o", "yaml").stdout)
    [primary] = [pair["id"] for pair in pairs if pair.get("isPrimary")]
    return Trust(sorted((pair["id"] for pair in pairs), key=int), primary)


def by_mirror(world: World, keyset: str) -> Trust:
    data = mirrored(world, "keyset", keyset)
    primary = x509.load_pem_x509_certificate(data["tls.crt"])
    key = load_pem_private_key(data["tls.key"], None)
    assert key.public_key().public_bytes(*PEM) == primary.public_key().public_bytes(*PEM)
    bundle = x509.load_pem_x509_certificates(data["ca.crt"])
    return Trust([str(each.serial_number) for each in bundle], str(primary.serial_number))


def told(body: Body, keyset: str) -> str:
    """Give the id of the primary that the status tells."""
    [told] = [row["primaryId"] for row in body["status"]["mirrors"] if row["secret"] == f"state-keyset-{keyset}"]
    return str(told)


@pytest.mark.parametrize("keyset", ["kubernetes-ca", "service-account"])
def test_a_rotation_is_followed_step_by_step(world: World, kops: Kops, keyset: str) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, mirror=MIRROR))
    with world.running():
        world.settled(condition="Mirrored", reason="Mirrored")
        seen = [by_mirror(world, keyset)]
        old = seen[0].primary
        for step in (["create"], ["promote"], ["distrust", old], ["trust", old]):
            kops.run(step[0], "keypair", keyset, *step[1:], "--name", COMPLEX)
            body = request(world)
            seen.append(by_mirror(world, keyset))
            assert seen[-1] == by_kops(kops, keyset), step
            assert told(body, keyset) == seen[-1].primary
        data = mirrored(world, "keyset", keyset)
    new = seen[2].primary
    both = [old, new]
    assert seen == [([old], old), (both, old), (both, new), ([new], new), (both, new)]
    if keyset == "service-account":
        certificates = x509.load_pem_x509_certificates(data["ca.crt"])
        assert data["service-account.pub"] == b"".join(each.public_key().public_bytes(*PEM) for each in certificates)


def test_old_names_are_mirrored_beside_current_ones(world: World, kops: Kops) -> None:
    """kops falls back to `ca` and `master` where it has nothing under the current names, and renames nothing."""
    old_names = {"kubernetes-ca": "ca", "service-account": "master"}
    world.load_store()
    for current, old in old_names.items():
        data = world.read(f"{COMPLEX}/{keyset_key(current)}")
        world.put(f"{COMPLEX}/{keyset_key(old)}", data)
        world.s3.delete_object(Bucket=world.bucket, Key=f"{COMPLEX}/{keyset_key(current)}")
    rule = {"include": ["ca", "kubernetes-ca", "master", "service-account"], "parts": "KeyPair"}
    world.apply(manifest(url=world.url, mirror={"keysets": [rule]}))
    with world.running():
        world.settled(condition="Mirrored", reason="Mirrored")
        for name in old_names.values():
            assert by_mirror(world, name) == by_kops(kops, name)
        assert "service-account.pub" in mirrored(world, "keyset", "master")
        for name in old_names:
            kops.run("create", "keypair", name, "--primary", "--name", COMPLEX)
        request(world)
        for name in (*old_names, *old_names.values()):
            assert by_mirror(world, name) == by_kops(kops, name)
    for current, old in old_names.items():
        (before,) = by_kops(kops, old).trusted
        assert by_kops(kops, current).trusted[0] == before, "kops has taken over what it found under the old name"


def test_a_new_keyset_gets_a_mirror(world: World, kops: Kops) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, mirror=MIRROR))
    with world.running():
        world.settled(condition="Mirrored", reason="Mirrored")
        kops.run("create", "keypair", "etcd-manager-ca-events", "--primary", "--name", COMPLEX)
        request(world)
        data = mirrored(world, "keyset", "etcd-manager-ca-events")
    new = by_kops(kops, "etcd-manager-ca-events").primary
    assert data.keys() == {"ca.crt"}
    assert str(x509.load_pem_x509_certificate(data["ca.crt"]).serial_number) == new


def test_secrets_and_ssh_keys_that_kops_creates_are_mirrored(world: World, kops: Kops) -> None:
    docker = b'{"auths":{"registry.example.com":{"auth":"Y2FuYXJ5"}}}'
    encryption = b"kind: EncryptionConfig\napiVersion: v1\nresources: []\n"
    public = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(*SSH) + b" somebody@example.com\n"
    files = {"docker.json": docker, "encryption.yaml": encryption, "id.pub": public}
    for name, content in files.items():
        (kops.home / name).write_bytes(content)
    world.load_store(MINIMAL)
    world.apply(manifest(url=world.url, clusterName=MINIMAL, mirror=MIRROR))
    with world.running():
        world.settled(condition="Mirrored", reason="Mirrored")
        kops.run("create", "secret", "dockerconfig", "--force", "-f", kops.home / "docker.json", "--name", MINIMAL)
        kops.run("create", "secret", "encryptionconfig", "-f", kops.home / "encryption.yaml", "--name", MINIMAL)
        [before] = rows(kops, "sshpublickeys", cluster=MINIMAL)
        kops.run("create", "sshpublickey", "-i", kops.home / "id.pub", "--name", MINIMAL)
        request(world)
        assert rows(kops, "secrets", cluster=MINIMAL) == [["dockerconfig"], ["encryptionconfig"]]
        assert mirrored(world, "secret", "dockerconfig") == {".dockerconfigjson": docker}
        assert mirrored(world, "secret", "encryptionconfig") == {"encryptionconfig": encryption}
        [created] = [row for row in rows(kops, "sshpublickeys", cluster=MINIMAL) if row != before]
        assert mirrored(world, "ssh", created[0].replace(":", "")) == {"ssh-publickey": public}
