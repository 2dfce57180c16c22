"""Shapes: what each kind of source becomes, and what is said where it can't be mirrored."""

import base64
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from clusterstate.api.spec import MirrorSpec, NameRule
from clusterstate.mirror.objects import Mirrors, SecretType
from clusterstate.mirror.shapes import MAX_SECRET, make_mirrors
from clusterstate.reasons import Nature, Reason
from clusterstate.state.objects import Keyset, KeysetItem, SshPublicKey, StoredSecret
from tests.mirror.making import (
    ENDS,
    EVERYTHING,
    NO_JSON_OBJECTS,
    OWNER,
    item,
    key_pair,
    keyset,
    mirror_of,
    pair,
    problem_of,
    state,
    trust,
)

KOPS_STORE = Path(__file__).parents[1] / "data" / "kops-store" / "complex.example.com"
KEY_PAIRS = MirrorSpec(keysets=(pair("*", "kubernetes-ca", "service-account"),))


def test_trust_is_every_trusted_certificate_and_no_key() -> None:
    rotated = keyset("kubernetes-ca", item(1, trusted=False), item(2), item(3))
    mirror = mirror_of(rotated)
    assert mirror.type is SecretType.OPAQUE
    assert mirror.data.keys() == {"ca.crt"}
    assert certificates(mirror.data["ca.crt"]) == certificates(*(key_pair(n, ca=False)[0] for n in (2, 3)))
    assert (mirror.name, mirror.source) == ("prod-keyset-kubernetes-ca", "keyset/kubernetes-ca")
    assert (mirror.primary_id, mirror.not_after) == ("3", ENDS)


def test_a_key_pair_is_the_primary_with_the_trusted_certificates() -> None:
    rotated = Keyset("kubelet-api", "2", (item(1, trusted=False), item(2), item(3)))
    mirror = mirror_of(rotated, KEY_PAIRS)
    assert mirror.type is SecretType.TLS
    assert mirror.data.keys() == {"ca.crt", "tls.crt", "tls.key"}
    assert (mirror.data["tls.crt"], mirror.data["tls.key"]) == key_pair(2, ca=False)
    assert certificates(mirror.data["ca.crt"]) == certificates(*(key_pair(n, ca=False)[0] for n in (2, 3)))
    assert mirror.primary_id == "2"


@pytest.mark.parametrize("name", ["service-account", "master"])
def test_service_account_adds_the_public_keys_of_all_that_is_trusted(name: str) -> None:
    mirror = mirror_of(keyset(name, item(1, trusted=False), item(2), item(3)))
    assert mirror.data.keys() == {"ca.crt", "service-account.pub"}
    published = mirror.data["service-account.pub"].split(b"-----END PUBLIC KEY-----\n")[:-1]
    assert [load_pem_public_key(text + b"-----END PUBLIC KEY-----\n") for text in published] == [
        x509.load_pem_x509_certificate(key_pair(n, ca=False)[0]).public_key() for n in (2, 3)
    ]


def test_a_ca_by_a_glob_gives_its_certificates_only() -> None:
    mirror = mirror_of(keyset("etcd-manager-ca-main", item(1, ca=True)), MirrorSpec(keysets=(pair("*"),)))
    assert mirror.type is SecretType.OPAQUE
    assert mirror.data.keys() == {"ca.crt"}


def test_a_key_pair_without_its_private_key_is_refused() -> None:
    problem = problem_of(keyset("kubelet-api", item(1, private=False)), KEY_PAIRS)
    assert problem.secret == "prod-keyset-kubelet-api"
    assert problem.source == "keyset/kubelet-api"
    assert problem.nature is Nature.STALLED
    assert "private key" in problem.message


@pytest.mark.parametrize(
    "items",
    [(), (item(1, trusted=False),), (KeysetItem("not-a-number", *key_pair(1, ca=False)),)],
    ids=["no keys", "all distrusted", "no integer id"],
)
def test_a_keyset_without_usable_primary_is_refused(items: tuple[KeysetItem, ...]) -> None:
    problem = problem_of(Keyset("kubelet-api", None, items))
    assert problem.reason is Reason.UNUSABLE_KEYSET
    assert "kubelet-api" in problem.message


def test_a_secret_has_one_key_named_as_itself() -> None:
    mirror = mirror_of(StoredSecret("encryptionconfig", b"\x00kind: x"))
    assert mirror.type is SecretType.OPAQUE
    assert mirror.data == {"encryptionconfig": b"\x00kind: x"}
    assert (mirror.name, mirror.source) == ("prod-secret-encryptionconfig", "secret/encryptionconfig")


@pytest.mark.parametrize("text", [b'{"auths":{}}', b"{}", b' {"a": 1e308}\n', b'{"a": {"b": [1, null, "\xc3\xa9"]}}'])
def test_a_docker_configuration_that_is_an_object_gets_its_type(text: bytes) -> None:
    mirror = mirror_of(StoredSecret("dockerconfig", text))
    assert mirror.type is SecretType.DOCKER_CONFIG
    assert mirror.data == {".dockerconfigjson": text}


@pytest.mark.parametrize("text", NO_JSON_OBJECTS)
def test_another_docker_configuration_is_any_secret(text: bytes) -> None:
    mirror = mirror_of(StoredSecret("dockerconfig", text))
    assert mirror.type is SecretType.OPAQUE
    assert mirror.data == {"dockerconfig": text}


def test_an_ssh_key_is_the_line_as_given() -> None:
    mirror = mirror_of(SshPublicKey("26c35a2e82774d916cf238dc728e7413", b"ssh-rsa AAAA me\n"))
    assert mirror.type is SecretType.OPAQUE
    assert mirror.data == {"ssh-publickey": b"ssh-rsa AAAA me\n"}
    assert (mirror.name, mirror.source) == (
        "prod-ssh-26c35a2e82774d916cf238dc728e7413",
        "ssh/26c35a2e82774d916cf238dc728e7413",
    )


def test_a_megabyte_is_mirrored_and_one_byte_more_is_refused() -> None:
    assert mirror_of(StoredSecret("big", b"x" * MAX_SECRET)).data
    problem = problem_of(StoredSecret("big", b"x" * (MAX_SECRET + 1)))
    assert problem.reason is Reason.MIRROR_REFUSED
    assert "secret/big has 1048577 bytes" in problem.message


def test_mirrors_of_one_name_are_all_refused_and_others_go_on() -> None:
    things = state(keyset("same"), StoredSecret("same", b"x"), StoredSecret("other", b"y"))
    spec = MirrorSpec(keysets=(trust("*"),), secrets=NameRule(include=("*",)), name_template="{clusterState}-{name}")
    mirrors = make_mirrors(spec, things, OWNER)
    assert [mirror.source for mirror in mirrors.wanted] == ["secret/other"]
    assert [(p.source, p.secret, p.reason) for p in mirrors.problems] == [
        ("keyset/same", "prod-same", Reason.MIRROR_CONFLICT),
        ("secret/same", "prod-same", Reason.MIRROR_CONFLICT),
    ]


def test_nothing_is_mirrored_unless_it_is_asked_for() -> None:
    things = state(keyset("kubelet"), StoredSecret("s", b"x"), SshPublicKey("f", b"x"))
    assert make_mirrors(None, things, OWNER) == Mirrors(OWNER, ())
    assert make_mirrors(MirrorSpec(), things, OWNER) == Mirrors(OWNER, ())


def test_real_keysets_of_kops_become_pairs_that_fit() -> None:
    found = [real_keyset(path) for path in sorted(KOPS_STORE.glob("pki/private/*/keyset.yaml"))]
    names = tuple(each.name for each in found)
    mirrors = make_mirrors(MirrorSpec(keysets=(pair(*names),)), state(*found), OWNER)
    assert mirrors.problems == ()
    assert len(mirrors.wanted) == 4
    for mirror in mirrors.wanted:
        certificate = x509.load_pem_x509_certificate(mirror.data["tls.crt"])
        assert certificate.public_key() == load_pem_private_key(mirror.data["tls.key"], None).public_key()
        assert certificate in certificates(mirror.data["ca.crt"])
        assert mirror.not_after == certificate.not_valid_after_utc
        assert str(certificate.serial_number) == mirror.primary_id


def test_no_distrusted_certificate_of_kops_is_mirrored() -> None:
    rotated = real_keyset(KOPS_STORE / "pki/private/kubernetes-ca/keyset.yaml")
    assert [each.trusted for each in rotated.items] == [False, True]
    mirror = mirror_of(rotated)
    assert certificates(mirror.data["ca.crt"]) == certificates(rotated.items[1].certificate or b"")


def real_keyset(path: Path) -> Keyset:
    document = yaml.safe_load(path.read_text())
    items = tuple(
        KeysetItem(
            each["id"],
            base64.b64decode(each["publicMaterial"]),
            base64.b64decode(each["privateMaterial"]),
            each.get("distrustTimestamp"),
        )
        for each in document["spec"]["keys"]
    )
    return Keyset(document["metadata"]["name"], document["spec"]["primaryId"], items)


def certificates(*texts: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(b"".join(texts))


def test_a_service_account_without_certificate_is_mirrored_by_its_key() -> None:
    _, key = key_pair(1, ca=False)
    only_key = keyset("service-account", KeysetItem("1", None, key))
    mirror = mirror_of(only_key, KEY_PAIRS)
    assert mirror.type is SecretType.OPAQUE
    assert mirror.data["tls.key"] == key


def test_the_declared_metadata_comes_along() -> None:
    spec = MirrorSpec(keysets=EVERYTHING.keysets, labels={"team": "a"}, annotations={"note": "b"})
    mirror = mirror_of(keyset("kubelet"), spec)
    assert (mirror.labels, mirror.annotations) == ({"team": "a"}, {"note": "b"})
