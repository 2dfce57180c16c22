import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import MalformedFile, MalformedKeyset
from clusterstate.state import codec, yaml
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import StoredSecret
from tests.state.files import FILES, read

KEYSET = "pki/private/kubernetes-ca/keyset.yaml"
CODECS: dict[FileKind, tuple[Callable[[bytes, str], Any], Callable[[Any], bytes]]] = {
    FileKind.CONFIG: (codec.decode_document, codec.encode_document),
    FileKind.COMPLETED: (codec.decode_document, codec.encode_document),
    FileKind.INSTANCE_GROUP: (codec.decode_document, codec.encode_document),
    FileKind.KEYSET: (codec.decode_keyset, codec.encode_keyset),
    FileKind.SECRET: (codec.decode_secret, codec.encode_secret),
    FileKind.SSH_PUBLIC_KEY: (codec.decode_ssh_public_key, lambda key: key.data),
}


@pytest.mark.parametrize(("state", "key"), [each for each in FILES if kind_of(each[1]).kind in CODECS])
def test_every_file_of_kops_is_written_back_byte_for_byte(state: Path, key: str) -> None:
    data = (state / key).read_bytes()
    decode, encode = CODECS[kind_of(key).kind]
    assert encode(decode(data, key)) == data


def test_every_kind_of_file_is_among_the_golden_ones() -> None:
    assert {kind_of(key).kind for _, key in FILES} >= CODECS.keys()


def test_a_document_keeps_what_has_no_name_here() -> None:
    data = read(1, "config").replace(b"spec:\n", b"spec:\n  aNewKopsKnowsThis:\n  - x: 1\n") + b"status:\n  x: 1\n"
    document = codec.decode_document(data, "config")
    assert document.name == "complex.example.com"
    assert document.metadata["generation"] == 1
    assert codec.encode_document(document) == data


def test_an_old_document_is_upgraded_only_when_it_is_written() -> None:
    new = read(1, "config")
    document = codec.decode_document(new.replace(b"kops.k8s.io/v1alpha2", b"kops/v1alpha2"), "config")
    assert document.api_version == "kops/v1alpha2"
    assert codec.encode_document(document) == new


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("config", (b"kops.k8s.io/v1alpha2", b"kops.k8s.io/v1alpha3")),
        ("config", (b"kind: Cluster", b"kind: InstanceGroup")),
        ("config", (b"kind: Cluster", b"kind: [Cluster]")),
        ("config", (b"metadata:\n", b"metadata: x\nother:\n")),
        ("instancegroup/nodes-us-east-1a", (b"kind: InstanceGroup", b"kind: Cluster")),
    ],
)
def test_a_document_of_another_kind_is_refused(key: str, change: tuple[bytes, bytes]) -> None:
    with pytest.raises(MalformedFile, match=key):
        codec.decode_document(read(1, key).replace(*change), key)


def test_a_keyset_is_read_whole() -> None:
    keyset = codec.decode_keyset(read(1, KEYSET), KEYSET)
    old, new = keyset.items
    assert keyset.name == "kubernetes-ca"
    assert keyset.primary_id == new.id == "7711257098943725394080052622"
    assert old.distrusted_at is not None
    assert old.distrusted_at.isoformat() == "2026-11-23T06:56:47+00:00"
    assert new.trusted
    assert (new.certificate or b"").startswith(b"-----BEGIN CERTIFICATE-----")
    assert (new.private_key or b"").startswith(b"-----BEGIN RSA PRIVATE KEY-----")


def test_a_keyset_keeps_what_has_no_name_here() -> None:
    content = yaml.load(read(0, KEYSET), KEYSET)
    content["metadata"] |= {"labels": {"a": "b"}}
    content["spec"] |= {"aNewKopsKnowsThis": True}
    content["spec"]["keys"][0] |= {"note": "x"}
    data = yaml.dump(content)
    assert codec.encode_keyset(codec.decode_keyset(data, KEYSET)) == data


@given(cut=st.data())
def test_a_keyset_that_is_cut_off_anywhere_is_refused(cut: st.DataObject) -> None:
    data = read(1, KEYSET)
    end = cut.draw(st.integers(0, len(data) - len("r\n")))
    with pytest.raises(MalformedKeyset, match=KEYSET) as caught:
        codec.decode_keyset(data[:end], KEYSET)
    assert "LS0t" not in caught.value.message


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((b"kind: Keyset", b"kind: Cluster"), "kind"),
        ((b"apiVersion: kops.k8s.io/v1alpha2", b"apiVersion: v1"), "apiVersion"),
        ((b"type: Keypair", b"type: Secret"), "spec.type"),
        ((b'id: "77', b"id: 77 #"), "id isn't a string"),
        ((b"publicMaterial: LS0t", b"publicMaterial: LS0"), "publicMaterial isn't base64"),
        ((b"publicMaterial: LS0t", b"publicMaterial: "), "publicMaterial holds no whole PEM block"),
        ((b'"2026-11-23T06:56:47Z"', b"yesterday"), "distrustTimestamp isn't a time"),
    ],
)
def test_a_keyset_that_kops_could_not_use_is_refused(change: tuple[bytes, bytes], problem: str) -> None:
    with pytest.raises(MalformedKeyset, match=problem):
        codec.decode_keyset(read(1, KEYSET).replace(*change), KEYSET)


def test_no_private_key_is_shown_by_a_keyset() -> None:
    keyset = codec.decode_keyset(read(1, KEYSET), KEYSET)
    assert "PRIVATE" not in repr(keyset)
    assert "LS0t" not in repr(keyset)


@given(data=st.binary())
def test_any_secret_survives(data: bytes) -> None:
    written = codec.encode_secret(StoredSecret("a", data))
    assert written == b'{"Data":"' + base64.b64encode(data) + b'"}'
    assert codec.decode_secret(written, "secrets/a") == StoredSecret("a", data)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"{}", b'{"Data":1}', b'{"Data":"canary!"}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_secret_is_refused_without_showing_it(data: bytes) -> None:
    with pytest.raises(MalformedFile, match="secrets/a") as caught:
        codec.decode_secret(data, "secrets/a")
    assert "canary" not in str(caught.value)


def test_an_ssh_key_has_the_fingerprint_that_kops_gives_it() -> None:
    [(state, key)] = [each for each in FILES[:] if kind_of(each[1]).kind is FileKind.SSH_PUBLIC_KEY][:1]
    data = (state / key).read_bytes()
    fingerprint = key.rpartition("/")[2]
    assert codec.ssh_fingerprint(data, "x") == fingerprint
    assert codec.ssh_fingerprint(b'# mine\n\nno-pty,command="a b" ' + data, "x") == fingerprint
    assert codec.decode_ssh_public_key(data, key).fingerprint == fingerprint


@pytest.mark.parametrize("data", [b"", b"canary", b"ssh-rsa canary", b"ssh-rsa AAAA", b"# ssh-rsa AAAA"])
def test_what_is_no_ssh_key_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedFile, match="no SSH public key") as caught:
        codec.ssh_fingerprint(data, "pki/ssh/public/admin/x")
    assert "canary" not in str(caught.value)
