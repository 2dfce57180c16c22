"""What goes with an object, in which order, and every reason not to begin."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from clusterstate.api.status import StoreStatus
from clusterstate.api.sync import DeletionPolicy, Direction, SyncSpec
from clusterstate.errors import DeletionBlocked
from clusterstate.plan.claims import Claim, Claims
from clusterstate.plan.deletion import (
    OWN,
    Deletion,
    Scene,
    deletes,
    make_deletion,
    require_same_place,
    searched,
)
from clusterstate.plan.naming import NAMED
from clusterstate.state.layout import Places
from clusterstate.state.tree import OWN_PLACE, Listing
from clusterstate.store.base import Entry, Version
from clusterstate.store.location import Location

PREFIX = Location("s3", "state", "prod")
BASE, KEYS, SECRETS = "s3://state/elsewhere/prod", "s3://keys", "s3://secrets/prod"
DELETE = SyncSpec(deletion_policy=DeletionPolicy.DELETE)
EXTERNAL = SyncSpec(deletion_policy=DeletionPolicy.DELETE, delete_external_stores=True)
USUAL = (
    "config",
    "instancegroup/nodes",
    "pki/private/ca/keyset.yaml",
    "pki/private/old/1.key",
    "secrets/dockerconfig",
    "addons/bootstrap-channel.yaml",
    "clusteraddons/default",
    "manifests/etcd/main.yaml",
    "igconfig/node/nodes/nodeupconfig.yaml",
    "kops-version.txt",
)


def listing(*keys: str) -> Listing:
    return Listing({key: Entry(key, Version(f"v-{key}"), 1, datetime(2026, 1, 1, tzinfo=UTC)) for key in keys})


def scene(
    *keys: str, places: Places = OWN_PLACE, more: dict[str, tuple[str, ...]] | None = None, **parts: Any
) -> Scene:
    listings = {OWN: listing(*keys)} | {url: listing(*there) for url, there in (more or {}).items()}
    usual = Scene(PREFIX, places, listings, (), unseen_base="", cloud_gone=False, sync=DELETE)
    return replace(usual, **parts)


def keys_of(deletion: Deletion) -> list[set[str]]:
    return [{f"{each.place}/{each.key}" if each.place else each.key for each in stage} for stage in deletion.stages]


def test_config_goes_last_and_the_proof_of_an_update_before_it() -> None:
    files = (*USUAL, "cluster-completed.spec", "cluster.spec", "backups/etcd/main/1/etcd.backup.gz")
    deletion = make_deletion(scene(*files, cloud_gone=True))
    first, proofs, last = keys_of(deletion)
    assert (proofs, last) == ({"cluster-completed.spec", "cluster.spec"}, {"config"})
    assert first == set(files) - proofs - last
    assert deletion.files == len(files)
    assert {each.version for stage in deletion.stages for each in stage} == {Version(f"v-{key}") for key in files}


@pytest.mark.parametrize("files", [(), ("notes.txt",)])
def test_where_nothing_of_kops_is_left_nothing_holds_the_object_up(files: tuple[str, ...]) -> None:
    assert make_deletion(scene(*files, sharers=("ClusterState other",), unseen_base="s3://b")).files == 0


@pytest.mark.parametrize("proof", ["cluster-completed.spec", "cluster.spec"])
def test_a_cluster_that_was_updated_waits_for_a_person(proof: str) -> None:
    updated = scene(*USUAL, proof)
    with pytest.raises(DeletionBlocked, match=rf"s3://state/prod/{proof} says .*cloud-resources-gone to true"):
        make_deletion(updated)
    assert make_deletion(replace(updated, cloud_gone=True)).files == len(USUAL) + 1


def test_a_cluster_whose_updates_leave_nothing_to_see_waits_for_a_person() -> None:
    unseen = scene(*USUAL, unseen_base="s3://nodes/prod")
    with pytest.raises(DeletionBlocked, match="may have run: what it leaves lies at s3://nodes/prod"):
        make_deletion(unseen)
    assert make_deletion(replace(unseen, cloud_gone=True)).files == len(USUAL)


@pytest.mark.parametrize(
    "key", ["notes.txt", "instancegroup/a/b", "secrets/a/b", "addons//x", "pki/private/../x", "x/config"]
)
def test_a_file_that_kops_does_not_know_is_named(key: str) -> None:
    with pytest.raises(DeletionBlocked) as caught:
        make_deletion(scene(*USUAL, key, cloud_gone=True))
    assert f"s3://state/prod/{key}; this attempt deleted nothing" in caught.value.message


def test_of_many_unknown_files_some_are_named() -> None:
    with pytest.raises(DeletionBlocked, match=r"notes-0, .* and 2 more; this attempt deleted nothing"):
        make_deletion(scene(*USUAL, *(f"notes-{number}" for number in range(NAMED + 2))))


def test_a_state_that_others_refer_to_stays() -> None:
    with pytest.raises(
        DeletionBlocked, match="also that of ClusterState a and ClusterState b; this attempt deleted nothing"
    ):
        make_deletion(scene(*USUAL, cloud_gone=True, sharers=("ClusterState a", "ClusterState b")))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (("s3://old/prod", ""), "last run was at s3://old/prod, but spec.store names s3://state/prod now"),
        (
            ("s3://state/prod", "https://minio"),
            "at s3://state/prod at https://minio, but spec.store names s3://state/prod now",
        ),
    ],
)
def test_another_place_than_the_one_that_was_written_to_stays(told: tuple[str, str], text: str) -> None:
    with pytest.raises(DeletionBlocked, match=text):
        require_same_place(StoreStatus(url=told[0], endpoint=told[1]), PREFIX, "")


@pytest.mark.parametrize("endpoint", ["https://minio", None])
def test_the_same_place_goes(endpoint: str | None) -> None:
    require_same_place(StoreStatus(url=PREFIX.url, endpoint="https://minio"), PREFIX, endpoint)
    require_same_place(None, PREFIX, endpoint)


@pytest.mark.parametrize(
    ("places", "sync", "expected"),
    [
        (OWN_PLACE, EXTERNAL, [OWN]),
        (Places(None, KEYS, SECRETS), DELETE, [OWN]),
        (Places(None, KEYS, SECRETS), EXTERNAL, [OWN, KEYS, SECRETS]),
        (Places(None, KEYS, KEYS), EXTERNAL, [OWN, KEYS]),
        (Places(BASE, f"{BASE}/pki", SECRETS), EXTERNAL, [OWN, BASE, SECRETS]),
        (Places(BASE, f"{BASE}/pki", f"{BASE}/secrets"), DELETE, [OWN, BASE]),
        (Places(None, f"{PREFIX.url}/keys", None), EXTERNAL, [OWN]),
        (Places(None, f"{PREFIX.url}-keys", None), EXTERNAL, [OWN, f"{PREFIX.url}-keys"]),
    ],
)
def test_places_outside_are_searched_only_where_that_is_asked_for(
    places: Places, sync: SyncSpec, expected: list[str]
) -> None:
    assert list(searched(PREFIX, places, sync)) == expected


def test_files_of_other_places_go_with_those_left_at_the_own_one() -> None:
    places = Places(BASE, KEYS, SECRETS)
    more = {
        BASE: ("addons/a", "pki/private/ca/keyset.yaml", "backups/b"),
        KEYS: ("private/ca/keyset.yaml", "issued/ca/1.crt", "ssh/public/admin/f"),
        SECRETS: ("dockerconfig",),
    }
    stages = keys_of(make_deletion(scene("config", "pki/private/left/1.key", places=places, more=more, sync=EXTERNAL)))
    there = {f"{place}/{key}" for place, keys in more.items() for key in keys}
    assert stages == [{"pki/private/left/1.key", *there}, {"config"}]


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (BASE, "config"),
        (BASE, "instancegroup/nodes"),
        (BASE, "notes.txt"),
        (KEYS, "config"),
        (KEYS, "prod/config"),
        (SECRETS, "config"),
        (SECRETS, "cluster-completed.spec"),
        (SECRETS, "other/secrets/dockerconfig"),
    ],
)
def test_files_of_others_at_such_a_place_hold_everything_up(place: str, key: str) -> None:
    """A place that holds another cluster, or anything else, is no place of this one alone."""
    with pytest.raises(DeletionBlocked, match=f"{place}/{key}; this attempt deleted nothing"):
        make_deletion(
            scene("config", places=Places(BASE, KEYS, SECRETS), more={place: (key,)}, cloud_gone=True, sync=EXTERNAL)
        )


@pytest.mark.parametrize(
    ("sync", "expected"),
    [
        (DELETE, True),
        (SyncSpec(), False),
        (SyncSpec(deletion_policy=DeletionPolicy.DELETE, direction=Direction.BOTH), True),
        (SyncSpec(deletion_policy=DeletionPolicy.DELETE, direction=Direction.PULL), False),
        (SyncSpec(deletion_policy=DeletionPolicy.DELETE, dry_run=True), False),
    ],
)
def test_who_may_not_write_deletes_nothing(sync: SyncSpec, *, expected: bool) -> None:
    assert deletes(sync) is expected


def claim(state: str, endpoint: str | None = "", namespace: str = "n", *, proven: bool = True) -> Claim:
    return Claim(state, endpoint, writes=False, created="", uid=state, namespace=namespace, proven=proven)


@pytest.mark.parametrize(
    ("other", "refers"),
    [
        (claim("s3://b/c"), True),
        (claim("s3://b/c", None), True),
        (claim("s3://b/c", "minio"), False),
        (claim("s3://b/c", namespace="other"), True),
        (claim("s3://b/c", namespace="other", proven=False), False),
        (claim("s3://b/c", proven=False), True),
        (claim("s3://b/cd"), False),
        (claim("s3://b/d"), False),
        (claim("s3://keys/of"), True),
        (claim("s3://keys/of/all/c"), True),
    ],
)
def test_whoever_looks_at_a_place_of_the_state_refers_to_it(other: Claim, *, refers: bool) -> None:
    claims = Claims[str]()
    claims.set("one", claim("s3://b/c"))
    claims.set("other", other)
    assert claims.sharers("one", ["s3://b/c", "s3://keys/of/all"]) == (["other"] if refers else [])
    assert claims.sharers("nobody", ["s3://b/c"]) == []
