"""`clusterstate keyset|secret|sshpublickey` leave the files that the real kops leaves, which goes on from ours."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.kubeconfig import CONTEXT
from clusterstate.sandbox.s3server import S3Server
from clusterstate.state import codec
from clusterstate.state.keypair import serial_at
from clusterstate.state.layout import keyset_key
from clusterstate.state.objects import Keyset
from tests.kops.asking import hand
from tests.kops.samples import CLUSTER, GROUPS, manifests
from tests.support.cli import clusterstate
from tests.support.keeper import Keeper, timeless
from tests.support.keypairs import DAY, NOW, certificate, pem, ssh_line
from tests.support.kops import Kops
from tests.support.kopscrds import KopsObjects, install_kops_crds
from tests.support.operating import kubectl
from tests.support.world import COMPLEX

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]
CA = "kubernetes-ca"


@dataclass
class Both:
    """The same command, by kops and by us, on the same files."""

    kops: Kops
    keeper: Keeper

    def same(self, theirs: tuple[str | Path, ...], ours: tuple[str | Path, ...]) -> None:
        """See that both leave the same bytes, times of distrust apart; what is left is ours."""
        before = self.keeper.files()
        self.kops.run(*theirs, "--name", COMPLEX)
        left = self.keeper.files()
        self.keeper.restore(before)
        self.keeper.done(*ours)
        assert timeless(self.keeper.files()) == timeless(left), ours
        assert timeless(left) != timeless(before), "something was done"

    def step(self, kind: str, *named: str) -> None:
        self.same((kind, "keypair", *named), ("keyset", kind, *named, "--yes"))

    def add(self, *named: str | Path) -> None:
        self.same(("create", "keypair", *named), ("keyset", "create", *named, "--yes"))

    def refused(self, theirs: tuple[str | Path, ...], ours: tuple[str | Path, ...]) -> None:
        """See that neither does it."""
        before = self.keeper.files()
        assert self.kops.run(*theirs, "--name", COMPLEX, check=False).returncode != 0
        assert self.keeper.run(*ours).returncode != 0
        assert self.keeper.files() == before

    def keyset(self, name: str) -> Keyset:
        key = keyset_key(name)
        return codec.decode_keyset(self.keeper.read(key), key)

    def told(self, name: str, *more: str) -> dict[str, dict[str, Any]]:
        """Give what kops tells of a keyset, by id."""
        told = yaml.safe_load(self.kops.run("get", "keypairs", name, "--name", COMPLEX, "-o", "yaml", *more).stdout)
        return {str(each["id"]): each for each in told}


@pytest.fixture
def both(kops: Kops, s3_server: S3Server, bucket: str, tmp_path: Path) -> Both:
    keeper = Keeper(s3_server, bucket, tmp_path)
    keeper.load()
    return Both(kops, keeper)


def write_pair(
    folder: Path, name: str, days: int, *, serial: int | None = None, curve: bool = False
) -> tuple[Path, Path]:
    """Write a certificate, as old as that by its serial, and its key."""
    key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048)
    cert, material = folder / f"{name}.crt", folder / f"{name}.key"
    cert.write_bytes(certificate(key, serial=serial or serial_at(NOW - days * DAY, 9)))
    material.write_bytes(pem(key, PrivateFormat.TraditionalOpenSSL if curve else PrivateFormat.PKCS8))
    return cert, material


def test_a_given_key_pair_comes_in_as_by_kops(both: Both, tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path, "one", 1)
    both.add(CA, "--cert", cert, "--key", key)
    old_cert, old_key = write_pair(tmp_path, "old", 4000, curve=True)
    both.add(CA, "--cert", old_cert, "--key", old_key)
    for serial in (serial_at(NOW - 4001 * DAY, 9), 1 << 150):  # below the primary, and of somebody else's making
        alone, _ = write_pair(tmp_path, "alone", 0, serial=serial)
        both.add(CA, "--cert", alone)
    first, first_key = write_pair(tmp_path, "first", 0, curve=True)
    both.add("other-ca", "--primary", "--cert", first, "--key", first_key)
    both.add(CA, "--primary", "--cert", first, "--key", first_key)
    assert all(each["isCA"] for each in both.told(CA).values())


def test_a_made_key_pair_is_one_that_kops_rotates(both: Both, tmp_path: Path) -> None:
    _, key = write_pair(tmp_path, "given", 1, curve=True)
    before = both.told(CA)
    both.keeper.done("keyset", "create", CA, "--key", key)
    both.keeper.done("keyset", "create", "all")
    given, made = sorted(both.told(CA).keys() - before.keys(), key=int)
    for each in (given, made):
        told = both.told(CA)[each]
        assert (told["isCA"], told["hasPrivateKey"], told.get("isPrimary", False)) == (True, True, False)
        assert told["subject"] == told["issuer"] == f"SERIALNUMBER={each},CN={CA}"
    assert both.told(CA)[made]["keyLength"] == 2048
    for name in ("service-account", "etcd-manager-ca-main", "apiserver-aggregator-ca"):
        assert len(both.keyset(name).items) == 2
    both.step("promote", CA, given)
    both.step("promote", "all")
    assert both.keyset(CA).primary_id == made
    both.step("distrust", CA, given)
    both.step("distrust", "all")
    both.step("trust", CA, given)
    trusted = [item.id for item in both.keyset(CA).items if item.trusted]
    assert trusted == [given, made]


def test_what_kops_refuses_is_refused(both: Both, tmp_path: Path) -> None:
    cert, _ = write_pair(tmp_path, "one", 1)
    primary = both.keyset(CA).primary_id or ""
    gone = next(item.id for item in both.keyset(CA).items if not item.trusted)
    for kind, *named in (
        ("create", "foo", "--primary"),
        ("create", "new-ca"),
        ("create", "all", "--primary"),
        ("create", CA, "--primary", "--cert", cert),
        ("promote", "foo"),
        ("promote", CA, gone),
        ("distrust", CA, primary),
        ("trust", CA, "5"),
    ):
        both.refused((kind, "keypair", *named), ("keyset", kind, *named, "--yes"))


def test_an_old_name_gives_way_to_the_current_one_as_by_kops(both: Both, tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path, "one", 1)
    files = both.keeper.files()
    old = codec.decode_keyset(files.pop(keyset_key(CA)), keyset_key(CA))
    files[keyset_key("ca")] = codec.encode_keyset(replace(old, name="ca", rest={}))
    both.keeper.restore(files)
    both.add(CA, "--cert", cert, "--key", key)
    assert both.keeper.files().keys() >= {keyset_key(CA), keyset_key("ca")}


def test_secrets_and_ssh_keys_are_written_as_by_kops(both: Both, tmp_path: Path) -> None:
    def run(verb: str, name: str, text: str, *more: str) -> tuple[tuple[str | Path, ...], tuple[str | Path, ...]]:
        (file := tmp_path / name).write_text(text)
        given = (name, "-f", file, *more)
        return (verb, "secret", *given), ("secret", verb, *given)

    both.same(*run("create", "ciliumpassword", "keys: 3 rfc4106(gcm(aes)) 00 128\n"))
    both.same(*run("create", "encryptionconfig", "kind: EncryptionConfiguration\n", "--force"))
    both.refused(*run("create", "dockerconfig", '{"auths": {}}'))
    both.refused(*run("create", "dockerconfig", "[1]", "--force"))
    both.same(*run("create", "dockerconfig", '{\n  "auths": {}}\n', "--force"))
    both.same(("delete", "secret", "dockerconfig"), ("secret", "delete", "dockerconfig", "--yes"))
    (key := tmp_path / "id.pub").write_text(f"{ssh_line()}\n")
    both.same(("create", "sshpublickey", "-i", key), ("sshpublickey", "create", "-i", key))
    both.same(("delete", "sshpublickey"), ("sshpublickey", "delete", "--yes"))
    both.same(("create", "sshpublickey", "-i", key), ("sshpublickey", "create", "-i", key))


@pytest.fixture
def objects(plane: ControlPlane, namespace: str) -> Iterator[KopsObjects]:
    """The namespace in which kops keeps the objects of a cluster."""
    install_kops_crds(plane)
    name = f"{namespace}-example-com"
    kubectl(plane, "create", "namespace", name)
    yield KopsObjects(plane, name)
    plane.api().request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.mark.apiserver
def test_kops_own_objects_are_changed_for_kops(
    objects: KopsObjects, kops: Kops, plane: ControlPlane, tmp_path: Path
) -> None:
    cluster = objects.namespace.replace("-example-com", ".example.com")
    config = str(plane.kubeconfig)
    there = replace(kops, scheme="k8s", bucket=CONTEXT, more={"KUBECONFIG": config})
    bodies = manifests(cluster, "s3://unused", CLUSTER, GROUPS)
    del bodies[0]["spec"]["configBase"]  # kops can't keep files in this store
    hand(there, "create", bodies)

    def ours(*arguments: str, piped: str | None = None) -> None:
        place = {"KUBECONFIG": config, "KOPS_STATE_STORE": there.store, "KOPS_CLUSTER_NAME": cluster}
        done = clusterstate(*arguments, home=tmp_path, piped=piped, **place)
        assert done.returncode == 0, done.stderr

    def told() -> dict[str, bool]:
        out = there.run("get", "keypairs", CA, "--name", cluster, "-o", "yaml").stdout
        return {str(each["id"]): each.get("isPrimary", False) for each in yaml.safe_load(out)}

    ours("keyset", "create", CA, "--primary")
    [old] = told()
    ours("keyset", "create", CA)
    [new] = told().keys() - {old}
    ours("keyset", "promote", CA, "--yes")
    assert told() == {old: False, new: True}
    ours("keyset", "distrust", CA, "--yes")
    assert told() == {new: True}
    ours("keyset", "trust", CA, old, "--yes")
    there.run("promote", "keypair", CA, old, "--name", cluster)
    assert told() == {old: True, new: False}
    ours("secret", "create", "dockerconfig", "-f", "-", piped='{"auths": {}}')
    assert "dockerconfig" in there.run("get", "secrets", "--name", cluster).stdout
    ours("secret", "delete", "dockerconfig", "--yes")
    for line in (ssh_line("one"), ssh_line("two")):
        ours("sshpublickey", "create", "-i", "-", "--yes", piped=f"{line}\n")
        [credential] = objects.list("sshcredentials")
        assert credential["spec"]["publicKey"] == line
    there.run("get", "sshpublickeys", "--name", cluster)
    ours("sshpublickey", "delete", "--yes")
    assert objects.list("sshcredentials") == []
