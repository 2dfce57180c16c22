"""What a copy does with each file, from listings alone."""

from datetime import UTC, datetime
from hashlib import md5, sha256
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.plan.transfer import (
    SMALL,
    Transfer,
    in_order,
    is_config,
    is_digest_of,
    is_wanted,
    plan_transfer,
    tells_more,
)
from clusterstate.store.base import Entry, Version

THEN = datetime(2026, 1, 2, tzinfo=UTC)
KEYS = st.sampled_from([f"{cluster}/{name}" for cluster in "ab" for name in ("config", "secrets/x", "pki/ca", "notes")])
CONTENTS = st.sampled_from([b"", b"one", b"two", b"three"])
FILES = st.dictionaries(KEYS, CONTENTS)
SERVICES = {
    "md5": lambda data: md5(data).hexdigest(),
    "MD5": lambda data: md5(data).hexdigest().upper(),
    "sha256": lambda data: sha256(data).hexdigest(),
    "own": lambda data: f"generation {data!r}",
}
"""How services make a version of the bytes."""
SERVICE = st.sampled_from(sorted(SERVICES))


def listing(files: dict[str, bytes], service: str) -> dict[str, Entry]:
    return {key: Entry(key, Version(SERVICES[service](data)), len(data), THEN) for key, data in files.items()}


def keys(found: Transfer) -> dict[str, list[str]]:
    return {name: [each.key for each in getattr(found, name)] for name in Transfer.__slots__}


@given(FILES, FILES, SERVICE, SERVICE)
def test_each_file_has_one_place_and_none_is_taken_for_the_same_wrongly(
    one: dict[str, bytes], other: dict[str, bytes], service: str, another: str
) -> None:
    found = keys(plan_transfer(listing(one, service), listing(other, another), {}))
    assert sorted(chain(*found.values())) == sorted({*one, *other})
    assert found["new"] == sorted(one.keys() - other.keys())
    assert found["extra"] == sorted(other.keys() - one.keys())
    assert all(one[key] == other[key] for key in found["same"])
    assert all(one[key] != other[key] for key in found["foreign"])
    assert found["older"] == [], "nothing is proven"


@given(FILES, FILES, SERVICE, SERVICE)
def test_what_was_proven_or_read_is_never_read_again(
    one: dict[str, bytes], other: dict[str, bytes], service: str, another: str
) -> None:
    source, target = listing(one, service), listing(other, another)
    unsure = plan_transfer(source, target, {}).unsure
    proven = {
        each.key: (each.source.version, each.target.version) for each in unsure if one[each.key] == other[each.key]
    }
    unequal = {each.key for each in unsure if each.key not in proven}
    found = keys(plan_transfer(source, target, proven, unequal))
    assert found["unsure"] == []
    assert found["same"] == sorted(key for key in one.keys() & other.keys() if one[key] == other[key])


@given(FILES, SERVICE, SERVICE)
def test_after_a_copy_nothing_is_left_to_do(files: dict[str, bytes], service: str, another: str) -> None:
    source, target = listing(files, service), listing(files, another)
    proven = {key: (source[key].version, target[key].version) for key in files}
    assert keys(plan_transfer(source, target, proven))["same"] == sorted(files)


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_copy_of_ours_is_older_once_its_source_has_changed(service: str) -> None:
    before, after = listing({"a/x": b"one"}, service), listing({"a/x": b"two"}, service)
    proven = {"a/x": (before["a/x"].version, Version("ours"))}
    target = {"a/x": Entry("a/x", Version("ours"), 3, THEN)}
    assert keys(plan_transfer(after, target, proven))["older"] == ["a/x"]
    somebodys = {"a/x": Entry("a/x", Version("another's"), 4, THEN)}
    assert keys(plan_transfer(after, somebodys, proven))["foreign"] == ["a/x"]


def test_etags_that_differ_prove_nothing_since_keys_of_somebodys_own_change_them() -> None:
    source = listing({"a/x": b"one"}, "md5")
    target = {"a/x": Entry("a/x", Version("f" * 32), 3, THEN)}
    assert keys(plan_transfer(source, target, {}))["unsure"] == ["a/x"]


@given(
    st.dictionaries(
        st.sampled_from(["a/config", "b/config", "config", "a/x", "b/y"]), st.sampled_from([1, SMALL, SMALL + 1])
    )
)
def test_small_files_come_first_and_config_last(sizes: dict[str, int]) -> None:
    groups = [*in_order(Entry(key, Version("1"), size, THEN) for key, size in sizes.items())]
    everything = [each.key for group in groups for each in group]
    assert sorted(everything) == sorted(sizes)
    assert all(groups)
    ranks = [(is_config(key), not is_config(key) and sizes[key] > SMALL) for key in everything]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        ("prod/backups/etcd/main/2026-01-01T00:00:00Z-000001/etcd.backup.gz", False),
        ("backups/etcd/main/control/etcd-cluster-spec", False),
        ("prod/config", True),
        ("prod/pki/private/backups/keyset.yaml", True),
        ("backups/notes", True),
    ],
)
def test_only_backups_of_etcd_can_be_left_out(key: str, *, wanted: bool) -> None:
    assert is_wanted(key, backups=False) is wanted
    assert is_wanted(key, backups=True)


def test_a_version_may_be_the_digest_of_the_bytes() -> None:
    assert is_digest_of(Version(md5(b"x").hexdigest().upper()), b"x")
    assert is_digest_of(Version(sha256(b"x").hexdigest()), b"x")
    assert not is_digest_of(Version(md5(b"y").hexdigest()), b"x")


def test_bytes_are_read_where_that_costs_least() -> None:
    etag, folder, generation = Version("a" * 32), Version("a" * 64), Version("1735689600000000")
    assert tells_more(etag, folder), "the folder is read, and no request made"
    assert tells_more(folder, generation), "the folder was read for its version"
    assert not tells_more(folder, etag)
    assert not any(tells_more(each, each) for each in (etag, folder, generation))
