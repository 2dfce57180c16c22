"""What kops's own objects keep of a file is the same for whatever they give back for it."""

import re

import pytest

from clusterstate.state.kops_resources.meaning import as_kept
from tests.state.files import FILES

CLUSTER = "prod.example.com"
GROUP = "instancegroup/nodes"
DOCUMENT = b"apiVersion: kops.k8s.io/v1alpha2\nkind: InstanceGroup\nmetadata: {name: nodes%s}\nspec: {role: Node}\n"


def kept(key: str, data: bytes) -> bytes:
    return as_kept(key, data, CLUSTER)


@pytest.mark.parametrize("own", [b", generation: 3", b", creationTimestamp: '2026-01-01T00:00:00Z'", b", labels: {}"])
def test_what_the_api_server_adds_is_not_meant(own: bytes) -> None:
    assert kept(GROUP, DOCUMENT % own) == kept(GROUP, DOCUMENT % b"")


def test_a_field_without_a_value_means_nothing() -> None:
    with_null = DOCUMENT.replace(b"{role: Node}", b"{role: Node, nodeLabels: , taints: [{a: }]}")
    assert kept(GROUP, with_null % b"") == kept(GROUP, with_null.replace(b"nodeLabels: , ", b"") % b"")
    assert kept(GROUP, with_null % b"") != kept(GROUP, DOCUMENT % b"")


@pytest.mark.parametrize("more", [b", labels: {a: b}", b", annotations: {a: b}"])
def test_what_a_person_adds_is(more: bytes) -> None:
    assert kept(GROUP, DOCUMENT % more) != kept(GROUP, DOCUMENT % b"")
    assert kept(GROUP, DOCUMENT.replace(b"role: Node", b"role: Master") % b"") != kept(GROUP, DOCUMENT % b"")


def test_of_a_secret_its_bytes_are_meant() -> None:
    assert kept("secrets/token", b'{"Data": "eA=="}\n') == kept("secrets/token", b'{"Data":"eA=="}')
    assert kept("secrets/token", b'{"Data":"eQ=="}') != kept("secrets/token", b'{"Data":"eA=="}')


@pytest.mark.parametrize("key", ["addons/mine/v1.yaml", "secrets/system:scheduler", "pki/private/ca/keyset.yaml"])
def test_files_that_are_no_objects_and_broken_ones_are_kept_as_they_are(key: str) -> None:
    assert kept(key, b"any \xff bytes") == b"any \xff bytes"


def test_a_byte_that_counts_in_a_file_of_kops_is_seen() -> None:
    keysets = [(folder, key) for folder, key in FILES if key.endswith("keyset.yaml")]
    assert keysets
    for folder, key in keysets:
        data = (folder / key).read_bytes()
        changed = re.sub(rb"privateMaterial: L", b"privateMaterial: M", data, count=1)
        assert changed != data
        assert kept(key, changed) != kept(key, data)
        assert kept(key, data + b"\n") == kept(key, data)
