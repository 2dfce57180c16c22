"""Key pairs that come from a renewed TLS Secret, or of the operator's own making, before the real kops."""

from datetime import timedelta
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, load_pem_private_key

from clusterstate.api.keysets import KeyAlgorithm
from clusterstate.apply.issuing import certify
from clusterstate.plan.desired import KeyRequest
from clusterstate.state import codec
from clusterstate.state.keypair import BACK_DATED, find_newest, make_key_pair
from clusterstate.state.layout import keyset_key
from clusterstate.state.objects import Keyset, KeysetItem
from tests.kops.asking import QUIET, look_again, request
from tests.support.keypairs import DAY, NOW, certificate, pem, tls_secret
from tests.support.kops import Kops
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

SERIALS = [0x5EC0DE << 136 | number for number in range(1, 3)]
"""Of 160 bits, as cert-manager's."""
MADE = "etcd-peers-ca-main"


def pairs(kops: Kops, keyset: str, *more: str) -> dict[str, dict[str, Any]]:
    """Give what kops tells of a keyset, by id."""
    told = yaml.safe_load(kops.run("get", "keypairs", keyset, "--name", COMPLEX, "-o", "yaml", *more).stdout)
    return {str(each["id"]): each for each in told}


def primary(kops: Kops, keyset: str) -> str:
    [found] = [key for key, each in pairs(kops, keyset).items() if each.get("isPrimary")]
    return found


def keyset(world: World, name: str) -> Keyset:
    key = keyset_key(name)
    return codec.decode_keyset(world.read(f"{COMPLEX}/{key}"), key)


def items(world: World, name: str) -> tuple[KeysetItem, ...]:
    return keyset(world, name).items


def rotate(world: World, kops: Kops, keyset: str, old: str, new: str) -> None:
    """Let kops promote the new key pair and distrust the old one; what it finds it would have written itself."""
    before = world.read(f"{COMPLEX}/{keyset_key(keyset)}")
    kops.run("promote", "keypair", keyset, new, "--name", COMPLEX)
    kops.run("promote", "keypair", keyset, old, "--name", COMPLEX)
    assert world.read(f"{COMPLEX}/{keyset_key(keyset)}") == before, "byte for byte as kops"
    kops.run("promote", "keypair", keyset, "--name", COMPLEX)
    assert primary(kops, keyset) == new, "without an id, kops promotes the newest"
    kops.run("distrust", "keypair", keyset, old, "--name", COMPLEX)
    assert pairs(kops, keyset).keys() == {new}
    assert "distrustTimestamp" in pairs(kops, keyset, "--distrusted")[old]


@pytest.mark.parametrize("name", ["kubernetes-ca", "service-account"])
def test_a_renewed_tls_secret_adds_a_key_pair_that_kops_rotates(world: World, kops: Kops, name: str) -> None:
    world.load_store()
    folder = f"{COMPLEX}/{keyset_key(name)}"
    world.s3.delete_object(Bucket=world.bucket, Key=folder)
    keys = [rsa.generate_private_key(65537, 2048) for _ in SERIALS]
    issued = [
        tls_secret("issued", certificate(key, serial=serial, begins=NOW - age * DAY), pem(key))
        for key, serial, age in zip(keys, SERIALS, (2, 1), strict=True)
    ]
    world.apply(issued[0])
    world.apply(manifest(url=world.url, keysets=[{"name": name, "tlsSecretRef": {"name": "issued"}}]))
    with world.running():
        world.settled()
        [old] = pairs(kops, name)
        world.apply(issued[1])
        world.until(lambda: len(items(world, name)) == 2)
        request(world)
        assert primary(kops, name) == old, "all that changes for nodes is what they trust"
        [new] = pairs(kops, name).keys() - {old}
        assert int(new) > int(old)
        rotate(world, kops, name, old, new)
        assert look_again(world) == QUIET
        assert len(items(world, name)) == 2


def test_a_generated_key_pair_is_one_of_kops_own(world: World, kops: Kops) -> None:
    world.load_store()
    declared: dict[str, Any] = {"name": MADE, "generate": {}}
    world.apply(manifest(url=world.url, keysets=[declared]))
    with world.running():
        world.settled()
        [old] = pairs(kops, MADE)
        told = pairs(kops, MADE)[old]
        assert (told["isPrimary"], told["isCA"], told["hasPrivateKey"], told["keyLength"]) == (True, True, True, 2048)
        assert told["subject"] == told["issuer"] == f"SERIALNUMBER={old},CN={MADE}"
        assert look_again(world) == QUIET
        made = find_newest(keyset(world, MADE))
        assert made is not None
        declared["generate"] = {"newerThan": f"{made.made:%Y-%m-%dT%H:%M:%SZ}"}
        world.apply(manifest(url=world.url, keysets=[declared]))
        world.settled()
        assert len(items(world, MADE)) == 1, "made within that second, but after its beginning"
        declared["generate"] = {"newerThan": f"{made.made + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"}
        world.apply(manifest(url=world.url, keysets=[declared]))
        world.settled()
        [new] = pairs(kops, MADE).keys() - {old}
        assert primary(kops, MADE) == old
        rotate(world, kops, MADE, old, new)
        assert look_again(world) == QUIET
        assert len(items(world, MADE)) == 2


def test_our_certificates_are_byte_for_byte_those_of_kops(world: World, kops: Kops) -> None:
    """Of the same key, serial and moment: RSA signs without chance, of ECDSA all but the signature is equal."""
    world.load_store()
    curves = {"a-ca": ec.SECP256R1(), "b-ca": ec.SECP384R1(), "c-ca": ec.SECP521R1()}
    for name, curve in curves.items():
        (kops.home / name).write_bytes(pem(ec.generate_private_key(curve), PrivateFormat.TraditionalOpenSSL))
        kops.run("create", "keypair", name, "--primary", "--key", kops.home / name, "--name", COMPLEX)
    for name in ("kubernetes-ca", "service-account", MADE):
        kops.run("create", "keypair", name, "--primary", "--name", COMPLEX)
    for name in ("kubernetes-ca", "service-account", MADE, *curves):
        theirs = items(world, name)[-1]
        found = x509.load_pem_x509_certificate(theirs.certificate or b"")
        key = load_pem_private_key(theirs.private_key or b"", None)
        assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        now = found.not_valid_before_utc + BACK_DATED
        algorithm = KeyAlgorithm.RSA if isinstance(key, rsa.RSAPrivateKey) else KeyAlgorithm.ECDSA
        wanted = KeyRequest(algorithm, key.key_size, name, found.not_valid_after_utc - now)
        assert abs(wanted.validity - 3650 * DAY) <= timedelta(seconds=1)
        ours = make_key_pair(certify(wanted, key, found.serial_number, now), key)
        assert ours.private_key == theirs.private_key
        assert x509.load_pem_x509_certificate(ours.certificate).tbs_certificate_bytes == found.tbs_certificate_bytes
        if name not in curves:
            assert ours.certificate == theirs.certificate
        assert str(found.serial_number) == theirs.id
