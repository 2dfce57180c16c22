"""One writer per state: the oldest object that may mean the same files."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.plan.claims import Claim, Claims, foresee_claim, make_claim

AWS, MINIO = "", "s3://b at minio"


def claim(uid: str, *, state: str = "s3://b/c", endpoint: str | None = AWS, writes: bool = True) -> Claim:
    """Objects with smaller uids are older."""
    return Claim(state, endpoint, writes, f"2026-01-01T00:00:0{uid}Z", uid)


def state(uid: str = "1", **spec: Any) -> ClusterState:
    metadata = {"name": "c", "namespace": "n", "uid": uid, "creationTimestamp": "2026-01-01T00:00:00Z"}
    return load({"metadata": metadata, "spec": {"store": {"url": "s3://b"}, **spec}})


def test_the_oldest_holds_and_the_next_one_follows() -> None:
    claims = Claims[str]()
    for uid in "312":
        claims.set(uid, claim(uid))
    assert [claims.holder(uid) for uid in "123"] == [None, "1", "1"]
    assert sorted(claims.set("1", None)) == ["2", "3"]
    assert [claims.holder(uid) for uid in "123"] == [None, None, "2"]
    assert claims.set("3", None) == []


def test_twins_of_one_second_are_told_apart_by_uid() -> None:
    one, other = Claim("s", "", writes=True, created="t", uid="a"), Claim("s", "", writes=True, created="t", uid="b")
    assert one.precedes(other)
    assert not other.precedes(one)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (claim("1"), claim("2"), True),
        (claim("1"), claim("2", state="s3://b/other"), False),
        (claim("1"), claim("2", endpoint=MINIO), False),
        (claim("1", endpoint=None), claim("2", endpoint=MINIO), True),
        (claim("1", endpoint=None), claim("2", endpoint=None), True),
        (claim("1", writes=False), claim("2"), False),
        (claim("1"), claim("2", writes=False), False),
    ],
)
def test_two_meet_who_may_write_the_same_files(one: Claim, other: Claim, expected: bool) -> None:  # noqa: FBT001
    assert one.meets(other) is expected
    assert other.meets(one) is expected


def test_a_claim_is_about_the_place_however_it_is_spelt() -> None:
    one = make_claim(state(store={"url": "s3://b/p"}, clusterName="x.example.com"))
    assert one == make_claim(state(store={"url": "s3://b//%70/"}, clusterName="x.example.com"))
    assert one.state == "s3://b/p/x.example.com"
    assert make_claim(state()).state == "s3://b/c"


def test_pulling_or_suspended_objects_write_nothing() -> None:
    assert make_claim(state()).writes
    assert not make_claim(state(sync={"direction": "Pull"})).writes
    assert not make_claim(state(suspend=True)).writes


def test_a_foreseen_claim_keeps_its_endpoint_as_long_as_its_state() -> None:
    known = make_claim(state(), MINIO)
    assert foresee_claim(state(), None) == make_claim(state(), None)
    assert foresee_claim(state(suspend=True), known) == make_claim(state(suspend=True), MINIO)
    moved = state(store={"url": "s3://elsewhere"})
    assert foresee_claim(moved, known) == make_claim(moved, None)
    nowhere = state(store={"url": "s3://b/%zz"})
    assert foresee_claim(nowhere, known) is None
    with pytest.raises(SpecInvalid):
        make_claim(nowhere)


objects = st.sampled_from("1234")
values = st.none() | st.builds(
    claim,
    st.just("0"),
    state=st.sampled_from("ab"),
    endpoint=st.sampled_from([None, AWS, MINIO]),
    writes=st.booleans(),
)


@given(st.lists(st.tuples(objects, values), max_size=20))
def test_it_tells_what_comparing_everybody_with_everybody_tells(moves: list[tuple[str, Claim | None]]) -> None:
    claims, known = Claims[str](), dict[str, Claim]()

    def holder(uid: str) -> str | None:
        mine = known.get(uid)
        rivals = [other for other in known if mine and other < uid and known[other].meets(mine)]
        return min(rivals, default=None)

    for uid, value in moves:
        held = {other for other in known if holder(other) and other != uid}
        known.pop(uid, None)
        if value is not None:
            known[uid] = claim(uid, state=value.state, endpoint=value.endpoint, writes=value.writes)
        freed = claims.set(uid, known.get(uid))
        assert len(freed) == len(set(freed))
        assert {other for other in held if holder(other) is None} <= set(freed) <= held
        for each in "1234":
            assert claims.get(each) == known.get(each)
            assert claims.holder(each) == holder(each)
    assert set(claims._by_state) == {each.state for each in known.values()}
