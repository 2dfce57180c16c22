import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.state import layout
from clusterstate.state.layout import FileKind, Places, kind_of
from tests.state.files import FILES

OWN = "s3://bucket/prefix/prod.example.com"
segments = st.text(st.characters(exclude_characters="/"), min_size=1)


def test_no_file_of_kops_is_unknown() -> None:
    assert [key for _, key in FILES if kind_of(key).kind is FileKind.UNKNOWN] == []


@given(name=segments)
def test_every_key_is_recognised_with_its_name(name: str) -> None:
    assert kind_of(layout.instance_group_key(name)) == (FileKind.INSTANCE_GROUP, name)
    assert kind_of(layout.keyset_key(name)) == (FileKind.KEYSET, name)
    assert kind_of(layout.secret_key(name)) == (FileKind.SECRET, name)
    assert kind_of(layout.ssh_public_key_key(name)) == (FileKind.SSH_PUBLIC_KEY, name)


@pytest.mark.parametrize(
    ("key", "kind", "name"),
    [
        ("config", FileKind.CONFIG, ""),
        ("cluster-completed.spec", FileKind.COMPLETED, ""),
        ("cluster.spec", FileKind.LEGACY_COMPLETED, ""),
        ("kops-version.txt", FileKind.KOPS_VERSION, ""),
        ("clusteraddons/default", FileKind.CLUSTER_ADDON, "default"),
        ("addons/a/b.yaml", FileKind.ADDON, "a/b.yaml"),
        ("backups/etcd/main/x", FileKind.BACKUP, "etcd/main/x"),
        ("pki/private/ca/77.key", FileKind.KEY_STORE, "private/ca/77.key"),
        ("pki/private/a/b/keyset.yaml", FileKind.KEY_STORE, "private/a/b/keyset.yaml"),
        ("instancegroup/a/b", FileKind.UNKNOWN, "instancegroup/a/b"),
        ("instancegroup/", FileKind.UNKNOWN, "instancegroup/"),
        ("secrets/a/b", FileKind.UNKNOWN, "secrets/a/b"),
        ("config.bak", FileKind.UNKNOWN, "config.bak"),
        ("notes.md", FileKind.UNKNOWN, "notes.md"),
    ],
)
def test_what_a_file_is(key: str, kind: FileKind, name: str) -> None:
    assert kind_of(key) == (kind, name)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"configBase": OWN},
        {"configBase": f"{OWN}/"},
        {"keyStore": f"{OWN}/pki", "secretStore": f"{OWN}/secrets/"},
        {"configBase": None},
    ],
)
def test_a_state_in_one_place_has_no_other(spec: dict[str, str]) -> None:
    assert Places.of(spec, OWN) == Places(None, None, None)


def test_a_config_base_elsewhere_takes_keys_and_secrets_along() -> None:
    places = Places.of({"configBase": "s3://other/prod"}, OWN)
    assert places == Places("s3://other/prod", "s3://other/prod/pki", "s3://other/prod/secrets")
    assert places.url_of("config") == (None, "config")
    assert places.url_of("instancegroup/nodes") == (None, "instancegroup/nodes")
    assert places.url_of("addons/a") == ("s3://other/prod", "addons/a")
    assert places.url_of("cluster-completed.spec") == ("s3://other/prod", "cluster-completed.spec")
    assert places.url_of("pki/private/ca/keyset.yaml") == ("s3://other/prod/pki", "private/ca/keyset.yaml")


def test_stores_of_keys_and_secrets_go_their_own_way() -> None:
    places = Places.of({"configBase": "s3://other/prod", "keyStore": f"{OWN}/pki", "secretStore": "s3://third/s"}, OWN)
    assert places == Places("s3://other/prod", None, "s3://third/s")
    assert places.url_of("pki/x") == (None, "pki/x")
    assert places.url_of("secrets/x") == ("s3://third/s", "x")
