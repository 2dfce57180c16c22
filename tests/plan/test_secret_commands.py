"""Which secrets and SSH keys a command takes: what kops takes, and no message tells what was in them."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import CommandInvalid
from clusterstate.plan.secret_commands import (
    find_fingerprint,
    find_ssh_warnings,
    require_secret,
    require_secret_name,
    ssh_algorithm,
)
from clusterstate.state.objects import Document
from tests.support.keypairs import ssh_line

CANARY = "CANARY"


def on(cloud: str) -> Document:
    return Document("kops.k8s.io/v1alpha2", "Cluster", {}, {"cloudProvider": cloud})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dockerconfig", '{"auths": {}}'),
        ("encryptionconfig", "kind: EncryptionConfiguration"),
        ("encryptionconfig", '{"kind": "EncryptionConfiguration"}'),
        ("ciliumpassword", "keys: 3 rfc4106(gcm(aes)) 00 128"),
        ("weavepassword", "any: [bytes"),
    ],
)
def test_what_kops_takes_is_taken(name: str, content: str) -> None:
    require_secret(name, content.encode(), "file")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dockerconfig", f"[1, {CANARY}]"),
        ("dockerconfig", f'["{CANARY}"]'),
        ("dockerconfig", f'{{"{CANARY}": NaN}}'),
        ("dockerconfig", f'{{"{CANARY}": 1}} {CANARY}'),
        ("encryptionconfig", f"- {CANARY}"),
        ("encryptionconfig", f"{CANARY}: [{CANARY}"),
        ("ciliumpassword", CANARY),
        ("anything", ""),
    ],
)
def test_what_kops_couldnt_use_is_refused(name: str, content: str) -> None:
    with pytest.raises(CommandInvalid) as refused:
        require_secret(name, content.encode(), "file")
    assert refused.value.message.startswith("file is")
    assert CANARY not in refused.value.message


@given(st.sampled_from(["dockerconfig", "encryptionconfig", "other"]), st.binary(max_size=50))
def test_any_bytes_are_taken_or_refused_in_words(name: str, data: bytes) -> None:
    try:
        require_secret(name, data, "file")
    except CommandInvalid as error:
        assert error.message.startswith("file ")  # noqa: PT017 - most are refused, and some aren't


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\n"])
def test_no_name_leads_elsewhere(name: str) -> None:
    with pytest.raises(CommandInvalid, match="no name for a secret"):
        require_secret_name(name)


def test_ssh_keys_are_those_that_kops_parses() -> None:
    line = ssh_line()
    fingerprint = find_fingerprint(line.encode(), "file")
    assert re.fullmatch("[0-9a-f]{32}", fingerprint)
    with_options = f'# admins\nfrom="10.0.0.1" {line} ssh-rsa\n'.encode()
    assert find_fingerprint(with_options, "file") == fingerprint
    assert ssh_algorithm(with_options) == "ssh-ed25519"
    odd = b"ssh-odd " + base64.b64encode(len(b"ssh-odd").to_bytes(4) + b"ssh-odd" + b"x") + b" ssh-rsa"
    for data, why in (
        (odd, "doesn't know"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY", "is a private key"),
        (b"CANARY", "holds no SSH public key"),
    ):
        with pytest.raises(CommandInvalid, match=why) as refused:
            find_fingerprint(data, "file")
        assert CANARY not in refused.value.message


def test_what_stops_kops_update_is_warned_of() -> None:
    key, curve = ssh_line().encode(), b"ecdsa-sha2-nistp256 AAAA"
    assert find_ssh_warnings(key, on("aws"), []) == []
    assert find_ssh_warnings(key, None, ["1"]) == []
    assert find_ssh_warnings(curve, on("gce"), ["1"]) == []
    [second] = find_ssh_warnings(key, on("azure"), ["1"])
    assert "a second SSH key on azure" in second
    [other] = find_ssh_warnings(curve, on("aws"), [])
    assert "RSA and ed25519" in other
