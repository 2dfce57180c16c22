"""Rows, sizes and trees, made of inert data."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.cli.look.addons import decode_channel, decode_objects
from clusterstate.cli.look.branches import grow, lines_of
from clusterstate.cli.look.certificates import KeyPair, key_pair_content, key_pairs_of, read_certificate
from clusterstate.cli.look.documents import cluster_cells, group_item
from clusterstate.cli.look.screen import RED, YELLOW
from clusterstate.cli.look.screen import lines_of as screen_of
from clusterstate.cli.look.view import View, content_of
from clusterstate.cli.sizes import UNITS, age_of, days_left, size_of
from clusterstate.errors import MalformedFile
from clusterstate.state.objects import Document, JsonObject, Keyset, KeysetItem
from clusterstate.state.tree import Listing
from clusterstate.store.base import Entry, Version
from tests.support.keypairs import certificate

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SUBNETS: JsonObject = {"subnets": [{"name": "a", "zone": "z2"}, {"name": "b", "zone": "z1"}, {"name": "utility-a"}]}


def document(kind: str, name: str, spec: JsonObject) -> Document:
    return Document("kops.k8s.io/v1alpha2", kind, {"name": name}, spec)


@pytest.mark.parametrize(
    ("spec", "cells"),
    [
        ({"cloudProvider": "gce", **SUBNETS}, ("c", "gce", "z1,z2")),
        ({}, ("c", "", "")),
        ({"cloudProvider": {"aws": {}}, "subnets": "none"}, ("c", "", "")),
    ],
)
def test_a_cluster_has_a_cloud_and_zones_as_far_as_it_says(spec: JsonObject, cells: tuple[str, ...]) -> None:
    assert cluster_cells(document("Cluster", "c", spec), "c") == cells


@pytest.mark.parametrize(
    ("spec", "cells"),
    [
        ({"role": "Master", "subnets": ["a"], "minSize": 0}, ("ControlPlane", "", "0", "-", "z2")),
        ({"role": "Node", "subnets": ["b", "utility-a"], "zones": ["z3"]}, ("Node", "", "-", "-", "z1,z3")),
        ({"role": "Node", "subnets": ["gone"], "zones": ["z3"]}, ("Node", "", "-", "-", "")),
    ],
)
def test_a_group_has_the_zones_of_its_subnets_as_kops_tells_them(spec: JsonObject, cells: tuple[str, ...]) -> None:
    cluster = document("Cluster", "c", SUBNETS)
    assert group_item("g", document("InstanceGroup", "g", spec), cluster, "c").cells == ("g", *cells)


@given(st.integers(min_value=0, max_value=1 << 60))
def test_a_size_is_short_and_near(size: int) -> None:
    number, unit = size_of(size).split()
    assert len(number) <= 4 or unit == UNITS[-1]
    told = float(number) * 1024 ** UNITS.index(unit)
    assert abs(told - size) <= size * 0.06


@pytest.mark.parametrize(
    ("size", "told"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (10230, "10 KiB"), (1 << 20, "1.0 MiB")]
)
def test_sizes_turn_at_1024(size: int, told: str) -> None:
    assert size_of(size) == told


def test_ages_and_days_are_whole() -> None:
    assert [age_of(NOW - each, NOW) for each in (3 * DAY, DAY, 0.5 * DAY, timedelta(seconds=59))] == [
        "3 days ago",
        "1 day ago",
        "12 hours ago",
        "just now",
    ]
    assert [days_left(NOW + each, NOW) for each in (DAY, DAY * 0.9, DAY * -0.1)] == [1, 0, -1]


keys = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(keys, st.integers(min_value=0, max_value=5000), max_size=20))
def test_every_file_has_a_line_and_every_folder_one(files: dict[str, int]) -> None:
    folders = {key[: place + 1] for key in files for place, letter in enumerate(key) if letter == "/"}
    root = grow(files.items())
    assert len(lines_of(root)) == len(files) + len(folders)
    assert (root.count, root.size) == (len(files), sum(files.values()))


def test_a_name_is_told_in_the_order_of_go() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    parts = [
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.EMAIL_ADDRESS, "a@b"),
        (NameOID.ORGANIZATION_NAME, "Acme, Inc"),
        (NameOID.COMMON_NAME, "ca"),
        (NameOID.SERIAL_NUMBER, "7"),
    ]
    name = x509.Name([x509.NameAttribute(*each) for each in parts])
    names = [x509.DNSName("z.example.com"), x509.DNSName("b.example.com")]
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, NOW, NOW + DAY)
    made = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(key, SHA256())
    found = read_certificate(KeysetItem("7", made.public_bytes(Encoding.PEM), None))
    assert found
    assert found.subject == r"SERIALNUMBER=7,CN=ca,O=Acme\, Inc,C=DE,1.2.840.113549.1.9.1=a@b"
    assert (found.authority, found.key_length) == (False, None)
    assert found.names == ("b.example.com", "z.example.com")


def pairs(*ends: datetime) -> list[KeyPair]:
    key = ec.generate_private_key(ec.SECP256R1())
    items = [
        KeysetItem(str(number), certificate(key, begins=NOW - 400 * DAY, ends=end), b"secret bytes")
        for number, end in enumerate(ends, 1)
    ]
    items.append(KeysetItem("0", b"no certificate", None, distrusted_at=NOW - DAY))
    return [*key_pairs_of(Keyset("ca", "1", tuple(items)))]


def test_key_pairs_tell_their_state_and_no_key() -> None:
    found = pairs(NOW + DAY, NOW + 100 * DAY)
    assert [each.state for each in found] == ["primary", "trusted", "distrusted"]
    contents = [key_pair_content(each) for each in found]
    assert contents[2] == {"name": "ca", "id": "0", "distrustTimestamp": "2026-05-31T12:00:00Z"}
    assert contents[0]["isPrimary"] is True
    assert "secret bytes" not in str(contents) + str(found)


VIEW = View(
    name="prod.example.com",
    url="s3://acme/prod.example.com",
    cluster=None,
    groups=(),
    key_pairs=(),
    secrets=(),
    ssh_keys=(),
    addons=(),
    listing=Listing(MappingProxyType({})),
    broken=MappingProxyType({}),
    update=None,
    updated_at=None,
    kops="",
    now=NOW,
)


def test_the_screen_colours_what_needs_a_person() -> None:
    entries = {"notes": Entry("notes", Version("1"), 5, NOW)}
    view = replace(
        VIEW,
        key_pairs=pairs(NOW - DAY, NOW + 29 * DAY, NOW + 40 * DAY),
        broken={"config": "config is broken."},
        listing=Listing(entries),
    )
    coloured = [(line.split(), colour) for line, colour in screen_of(view) if colour in {RED, YELLOW}]
    assert coloured == [
        (["ca", "1", "primary", "2026-05-31", "-1"], RED),
        (["ca", "2", "trusted", "2026-06-30", "29"], YELLOW),
        (["notes"], YELLOW),
        (["config", "is", "broken."], RED),
    ]
    assert content_of(view)["files"] == {
        "count": 1,
        "bytes": 5,
        "lastChange": "2026-06-01T12:00:00Z",
        "unknown": ["notes"],
        "broken": [{"key": "config", "message": "config is broken."}],
    }


def test_an_empty_view_has_no_empty_tables() -> None:
    assert [line for line, _ in screen_of(VIEW)] == [
        "prod.example.com",
        "  store        s3://acme/prod.example.com",
        "  config       There is none: kops sees no cluster here.",
        "  files        0 files, 0 B",
    ]


def test_documents_of_addons_are_cut_apart_as_kops_cuts_them() -> None:
    data = b"---\n# nothing\n--- \nkind: A\ntext: |\n  a\n   --- b\n---\n\n---\nkind: B\n"
    assert [each["kind"] for each in decode_objects(data, "clusteraddons/default")] == ["A", "B"]
    with pytest.raises(MalformedFile, match=r"^clusteraddons/default"):
        decode_objects(b"kind: A\n---\n]", "clusteraddons/default")
    with pytest.raises(MalformedFile, match="must be of kind Addons"):
        decode_channel(b"kind: Addon\n", "addons/bootstrap-channel.yaml")
