"""Whose an object is: everybody comes to the same answer, and never two may work on it at once."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.annotations import SHARD_LABEL, SHARD_MANAGER
from clusterstate.plan.shards import Place, Sharding, Step

THREE = Sharding("op", 3)
UIDS = st.uuids().map(str)
LEASES = st.sampled_from(["", "op", *THREE.leases, "op-0-of-2"])


def body(uid: str = "u1", *, shard: str | None = None, label: str | None = None, by: tuple[str, ...] = ()) -> Any:
    owned = {"f:metadata": {"f:labels": {f"f:{SHARD_LABEL}": {}}}}
    return {
        "metadata": {
            "uid": uid,
            "labels": {} if label is None else {SHARD_LABEL: label},
            "managedFields": [{"manager": "kubectl"}, *({"manager": each, "fieldsV1": owned} for each in by)],
        },
        **({} if shard is None else {"status": {"shard": shard}}),
    }


def test_objects_are_dealt_out_evenly() -> None:
    found = Counter(THREE.place(body(f"uid-{number}")).wanted for number in range(3000))
    assert set(found) == set(THREE.leases)
    assert min(found.values()) > 900


def test_one_shard_has_the_lease_that_there_was_before_shards() -> None:
    assert Sharding("op", 1).leases == ("op",)
    assert Sharding("op", 1).place(body(label="7", by=("kubectl",))).wanted == "op", "labels divide nothing"
    assert THREE.leases == ("op-0-of-3", "op-1-of-3", "op-2-of-3")


@pytest.mark.parametrize(
    ("label", "by", "wanted"),
    [
        ("2", ("kubectl",), "op-2-of-3"),
        ("2", (), "op-2-of-3"),
        ("2", ("kubectl", SHARD_MANAGER), "op-2-of-3"),
        ("3", ("kubectl",), ""),
        ("01", ("kubectl",), ""),
        ("blue", ("kubectl",), ""),
        ("2", (SHARD_MANAGER,), "op-1-of-3"),
        (None, (), "op-1-of-3"),
    ],
)
def test_a_label_counts_that_somebody_else_has_given(label: str | None, by: tuple[str, ...], wanted: str) -> None:
    assert THREE.place(body(label=label, by=by)).wanted == wanted


@pytest.mark.parametrize(
    ("shard", "there"),
    [
        (None, ""),
        ("", ""),
        ("op", "op"),
        ("op-0-of-3", "op-0-of-3"),
        ("op-15-of-16", "op-15-of-16"),
        ("op-16-of-16", ""),
        ("op-16-of-17", ""),
        ("other", ""),
        ("other-0-of-3", ""),
        ("op-0-of-3-more", ""),
    ],
)
def test_a_lease_of_another_installation_is_nobodys(shard: str | None, there: str) -> None:
    assert THREE.place(body(shard=shard)).there == there


@pytest.mark.parametrize(
    ("count", "label", "by", "written"),
    [
        (3, None, (), "1"),
        (3, "1", (SHARD_MANAGER,), None),
        (3, "0", (SHARD_MANAGER,), "1"),
        (3, "1", ("kubectl",), None),
        (1, None, (), None),
        (1, "1", (SHARD_MANAGER,), ""),
        (1, "1", ("kubectl",), None),
    ],
)
def test_only_our_own_label_is_written(count: int, label: str | None, by: tuple[str, ...], written: str | None) -> None:
    sharding = Sharding("op", count)
    assert sharding.label_to_write(body(label=label, by=by)) == written
    going = body(label=label, by=by)
    going["metadata"]["deletionTimestamp"] = "2026-11-27T12:00:00Z"
    assert sharding.label_to_write(going) is None


@given(LEASES, LEASES, st.data())
def test_one_process_at_most_may_act_on_an_object(wanted: str, there: str, data: st.DataObject) -> None:
    """Whoever holds which Leases: nobody but the holder of the one that the object names works on it or moves it."""
    place = Place(wanted, there)
    holders = data.draw(st.fixed_dictionaries({lease: st.integers(0, 2) for lease in ("op", *THREE.leases)}))
    steps = {each: place.step({lease for lease, holder in holders.items() if holder == each}) for each in range(3)}
    acting = {each for each, step in steps.items() if step is not Step.LEAVE}
    if there:
        assert acting <= {holders.get(there)}
    assert len(acting) <= 1
    if wanted and not there:
        assert acting == ({holders[wanted]} if wanted in holders else set())


@given(UIDS, st.sampled_from([1, 2, 3, 5]), st.sampled_from([1, 2, 3, 5]))
def test_a_new_number_of_shards_moves_every_object(uid: str, before: int, after: int) -> None:
    old, new = Sharding("op", before), Sharding("op", after)
    held = old.place(body(uid)).wanted
    place = new.place(body(uid, shard=held))
    assert place.step(new.leases) is (Step.RUN if before == after else Step.LEAVE), "its old holder may work on it yet"
    assert place.step((*new.leases, held)) is (Step.RUN if before == after else Step.CLAIM)
    assert place.step({held}) is (Step.RUN if before == after else Step.RELEASE)
