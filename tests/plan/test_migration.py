"""Which files a migration takes along, and which may go afterwards."""

from datetime import UTC, datetime, timedelta

import pytest

from clusterstate.api.sync import Backups
from clusterstate.errors import MigrationRefused
from clusterstate.plan.departure import Departure
from clusterstate.plan.migration import choose_backups, require_movable_sizes, require_whole, strangers
from clusterstate.plan.observed import Applied
from clusterstate.plan.retirement import deletable
from clusterstate.state.tree import Listing
from clusterstate.store.base import LARGEST_COPY, Entry, Version

THEN = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
CONTROL = ["backups/etcd/main/control/etcd-cluster-created", "backups/etcd/events/control/etcd-cluster-spec"]
OLDER = [f"backups/etcd/main/2026-01-01T00:00:00Z-000001/{name}" for name in ("etcd.backup.gz", "_etcd_backup.meta")]
NEWER = [f"backups/etcd/main/2026-01-02T00:00:00Z-000001/{name}" for name in ("etcd.backup.gz", "_etcd_backup.meta")]
UNFINISHED = ["backups/etcd/main/2026-01-03T00:00:00Z-000001/etcd.backup.gz"]
EVENTS = ["backups/etcd/events/2025-01-01T00:00:00Z-000001/etcd.backup.gz"]
ALL = [*CONTROL, *OLDER, *NEWER, *UNFINISHED, *EVENTS, "backups/notes"]


def entry(key: str, version: str = "1", size: int = 1, age: float = 0) -> Entry:
    return Entry(key, Version(version), size, THEN - timedelta(seconds=age))


def chosen(wanted: Backups) -> set[str]:
    return {each.key for each in choose_backups(map(entry, ALL), wanted)}


def test_the_latest_is_the_newest_complete_one_of_each_etcd_cluster() -> None:
    assert chosen(Backups.LATEST) == {*CONTROL, *NEWER, *EVENTS, "backups/notes"}
    assert chosen(Backups.ALL) == set(ALL)
    assert chosen(Backups.NONE) == {*CONTROL, "backups/notes"}


def test_a_file_that_is_too_large_is_named_with_its_size() -> None:
    with pytest.raises(
        MigrationRefused, match=r"addons/large \(9 bytes\) can't be copied to k8s://: the largest file that can has 8"
    ):
        require_movable_sizes([entry("addons/small"), entry("addons/large", size=9)], 8, "k8s://")
    with pytest.raises(MigrationRefused, match=rf"{NEWER[0]} \({LARGEST_COPY + 1} bytes\) can't .*backups to None"):
        require_movable_sizes([entry(NEWER[0], size=LARGEST_COPY + 1)], LARGEST_COPY, "gs://acme")
    require_movable_sizes([entry(NEWER[0], size=LARGEST_COPY)], LARGEST_COPY, "gs://acme")


def test_strangers_are_files_that_make_a_state_another_one() -> None:
    target = {key: entry(key) for key in ("instancegroup/a", "instancegroup/b", "notes", "addons/x", "secrets/s")}
    assert strangers({"instancegroup/a": entry("instancegroup/a")}, target) == ["instancegroup/b", "secrets/s"]


def test_while_nothing_has_changed_all_files_may_go() -> None:
    listing = Listing({key: entry(key) for key in ("config", "addons/a", "discovery/jwks", "notes")})
    departure = Departure({}, listing.digest, THEN.isoformat())
    gone, kept = deletable(listing, departure, ["discovery/"])
    assert [each.key for each in gone] == ["addons/a", "config"], "config tells where the others are"
    assert kept == ["discovery/jwks", "notes"], "what kops doesn't know may be another's"


def test_after_a_change_only_what_is_older_than_the_youngest_was_goes() -> None:
    ages = {"secrets/changed": -9, "secrets/old": 1, "secrets/young": 0}
    listing = Listing({key: entry(key, age=age) for key, age in ages.items()})
    gone, kept = deletable(listing, Departure({}, "another", THEN.isoformat()), [])
    assert ([each.key for each in gone], kept) == (["secrets/old"], ["secrets/changed", "secrets/young"])
    gone, kept = deletable(listing, Departure({}, "another", THEN.isoformat(), cleaning=True), [])
    assert ([each.key for each in gone], kept) == (["secrets/old", "secrets/young"], ["secrets/changed"])


def test_a_source_that_has_lost_much_is_not_followed() -> None:
    known = ["config", *(f"secrets/{number}" for number in range(8)), "notes", "backups/a"]
    require_whole(known, {key: entry(key) for key in known[:6]}, "s3://old")
    for left in (known[:5], known[1:]):
        with pytest.raises(MigrationRefused, match="s3://old has lost"):
            require_whole(known, {key: entry(key) for key in left}, "s3://old")


def test_a_revision_tells_where_the_state_is_and_was() -> None:
    departure = Departure({"url": "s3://old"}, "digest", THEN.isoformat(), 3, 9, cleaned_up=True)
    applied = Applied(store={"url": "gs://new"}, place="gs://new/prod", departure=departure)
    assert Applied.from_json(applied.as_json()) == applied
    assert "store" not in Applied().as_json(), "a revision of a version that didn't know it stays equal"
