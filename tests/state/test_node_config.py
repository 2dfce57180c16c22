"""What kops update publishes to nodes, as the files say that kops's own update wrote."""

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clusterstate.state import yaml
from clusterstate.state.layout import FileKind, is_node_config
from clusterstate.state.limits import MAX_BYTES
from clusterstate.state.node_config import NodeConfig, fingerprint, read_node_config, too_large
from clusterstate.state.objects import KeysetItem
from tests.state.files import STATES
from tests.support.keypairs import certificate

UPDATED = STATES[2]
CONTROL_PLANE = "igconfig/control-plane/master-us-test-1a/nodeupconfig.yaml"
WORKER = "igconfig/node/nodes/nodeupconfig.yaml"


def read(key: str) -> NodeConfig:
    return read_node_config((UPDATED / key).read_bytes(), key)


def written(**fields: Any) -> NodeConfig:
    return read_node_config(yaml.dump(fields), WORKER)


def test_control_planes_are_told_everything() -> None:
    found = read(CONTROL_PLANE)
    assert not found.problem
    assert {name: len(prints) for name, prints in found.trusted.items()} == dict.fromkeys(found.primaries, 2)
    assert found.primaries["service-account"] == "2"
    assert len(found.primaries) == 8


def test_workers_are_told_only_what_they_use() -> None:
    assert read(WORKER) == NodeConfig({}, {"kubernetes-ca": "6982820025135291416230495506"})


def test_a_key_pair_is_recognised_in_what_is_published() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    item = KeysetItem("7", certificate(key), None)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    kops = public.replace("PUBLIC KEY", "RSA PUBLIC KEY")  # whatever the key is
    assert item.certificate
    found = written(CAs={"x-ca": item.certificate.decode()}, APIServerConfig={"ServiceAccountPublicKeys": kops})
    assert found.trusted == {name: {fingerprint(name, item)} for name in ("x-ca", "service-account")}
    assert fingerprint("x-ca", item) != fingerprint("service-account", item)
    assert fingerprint("x-ca", replace(item, certificate=None)) == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"CAs": []},
        {"CAs": {"x-ca": None}},
        {"CAs": {"x-ca": ""}},
        {"CAs": {"x-ca": "-----BEGIN CERTIFICATE-----\nAAA\n"}},
        {"CAs": {"x-ca": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN CERT"}},
        {"CAs": {"x-ca": "-----BEGIN CERTIFICATE-----\nAA=A\n-----END CERTIFICATE-----\n"}},
        {"KeypairIDs": "7"},
        {"KeypairIDs": {"x-ca": 7}},
        {"APIServerConfig": {"ServiceAccountPublicKeys": ["key"]}},
    ],
)
def test_what_kops_never_writes_is_told_and_tells_nothing(fields: dict[str, Any]) -> None:
    found = written(**fields)
    assert WORKER in found.problem
    assert found == NodeConfig(problem=found.problem)


def test_broken_and_large_files_are_told_and_tell_nothing() -> None:
    assert WORKER in read_node_config(b"CAs: {", WORKER).problem
    longest = MAX_BYTES[FileKind.IG_CONFIG]
    assert too_large(WORKER, longest) is None
    large = too_large(WORKER, longest + 1)
    assert large
    assert WORKER in large.problem


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("node/nodes/nodeupconfig.yaml", True),
        ("node/nodes/other.yaml", False),
        ("nodes/nodeupconfig.yaml", False),
        ("node/nodes/more/nodeupconfig.yaml", False),
        ("node/nodes/xnodeupconfig.yaml", False),
    ],
)
def test_which_files_are_read(name: str, *, is_one: bool) -> None:
    assert is_node_config(name) is is_one
