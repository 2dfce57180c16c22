"""One writer per state: the oldest object that may mean the same files."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.plan.claims import Claim, Claims, foresee_claim, make_claim

AWS, MINIO = "", "s3://b at minio"


def claim(uid: str, **parts: Any) -> Claim:
    """Objects with smaller uids are older."""
    usual = Claim("s3://b/c", AWS, writes=True, created=f"2026-01-01T00:00:0{uid}Z", uid=uid, namespace="n")
    return replace(usual, **parts)


def state(uid: str = "1", *, status: dict[str, Any] | None = None, **spec: Any) -> ClusterState:
    metadata = {
        "name": "c",
        "namespace": "n",
        "uid": uid,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "generation": 2,
    }
    return load({"metadata": metadata, "spec": {"store": {"url": "s3://b"}, **spec}, "status": status or {}})


def test_the_oldest_holds_and_the_next_one_follows() -> None:
    claims = Claims[str]()
    for uid in "312":
        claims.set(uid, claim(uid))
    assert [claims.holder(uid) for uid in "123"] == [None, "1", "1"]
    assert sorted(claims.set("1", None)) == ["2", "3"]
    assert [claims.holder(uid) for uid in "123"] == [None, None, "2"]
    assert claims.set("3", None) == []


def test_twins_of_one_second_are_told_apart_by_uid() -> None:
    one, other = claim("1", created="t"), claim("2", created="t")
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


def test_the_flavours_of_s3_are_one_place_at_one_endpoint() -> None:
    """Else a bucket has a writer for each scheme that it can be named by."""
    one, other = (state(uid, store={"url": url}) for uid, url in (("1", "s3://b/p"), ("2", "do://b/p")))
    older, younger = make_claim(one, MINIO, proven=True), make_claim(other, MINIO)
    assert older.blocks(younger)
    told = foresee_claim(state("2", store={"url": "do://b/p"}, status={"store": {"url": "do://b/p/c"}}), None)
    assert told is not None
    assert told.proven


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, True),
        ({"sync": {"direction": "Pull"}}, False),
        ({"sync": {"dryRun": True}}, False),
        ({"suspend": True}, True),
        ({"suspend": True, "sync": {"dryRun": True}}, False),
    ],
)
def test_who_only_looks_writes_nothing_and_who_is_suspended_will_write_again(
    spec: dict[str, Any],
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert make_claim(state(**spec)).writes is expected


@pytest.mark.parametrize(
    ("proven", "namespace", "expected"),
    [(False, "n", True), (False, "elsewhere", False), (True, "n", True), (True, "elsewhere", True)],
)
def test_what_nobody_has_proven_blocks_only_its_own_namespace(*, proven: bool, namespace: str, expected: bool) -> None:
    older, younger = claim("1", proven=proven), claim("2", namespace=namespace, proven=True)
    assert older.blocks(younger) is expected
    assert not younger.blocks(older)


def test_a_claim_names_its_namespace_and_is_unproven_at_first() -> None:
    made = make_claim(state())
    assert (made.namespace, made.uid, made.proven) == ("n", "1", False)
    assert make_claim(state(), proven=True).proven


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (claim("1"), True),
        (claim("1", endpoint=MINIO), False),
        (claim("1", state="s3://b/other"), False),
        (claim("2"), False),
    ],
)
def test_a_proof_is_one_of_this_object_and_this_place_alone(other: Claim, *, expected: bool) -> None:
    proof = claim("1", proven=True)
    assert proof.proves(other) is expected
    assert not replace(proof, proven=False).proves(other)
    assert replace(proof, endpoint=None).proves(other) is (expected or other.endpoint == MINIO)


@pytest.mark.parametrize("proven", [True, False])
def test_a_foreseen_claim_keeps_what_is_known_as_long_as_its_state(*, proven: bool) -> None:
    known = make_claim(state(), MINIO, proven=proven)
    assert foresee_claim(state(), None) == make_claim(state())
    dry = state(sync={"dryRun": True})
    assert foresee_claim(dry, known) == make_claim(dry, MINIO, proven=proven)
    moved = state(store={"url": "s3://elsewhere"})
    assert foresee_claim(moved, known) == make_claim(moved)
    namesake = state("2")
    assert foresee_claim(namesake, known) == make_claim(namesake)


def test_a_text_that_turns_invalid_gives_up_nothing() -> None:
    known, nowhere = make_claim(state(), MINIO, proven=True), state(store={"url": "s3://b/%zz"})
    assert foresee_claim(nowhere, known) == known
    assert foresee_claim(nowhere, None) is None
    with pytest.raises(SpecInvalid):
        make_claim(nowhere)


@pytest.mark.parametrize(
    ("store", "proven"),
    [
        (None, False),
        ({"url": "s3://b/c"}, True),
        ({"url": "s3://b/c", "endpoint": "http://minio:9000"}, True),
        ({"url": "s3://other/c"}, False),
        ({"url": "no url"}, False),
    ],
)
def test_a_fresh_process_takes_the_status_for_a_proof_of_the_state_it_names(
    store: dict[str, Any] | None,
    proven: bool,  # noqa: FBT001 - a column of the table
) -> None:
    claim = foresee_claim(state(status={"store": store} if store else {}), None)
    assert claim is not None
    assert claim.proven == proven
    assert (claim.endpoint is not None) == proven, "what is proven has its place, and meets no other"


def test_what_came_by_a_detour_is_no_proof_to_a_fresh_process_either() -> None:
    """Else who suspends such an object would hold the claim from the next restart on."""
    claim = foresee_claim(state(status={"store": {"url": "s3://b/c", "detoured": True}}), None)
    assert claim is not None
    assert not claim.proven
    assert claim.endpoint == "s3://b/c"


objects = st.sampled_from("1234")
values = st.none() | st.builds(
    claim,
    st.just("0"),
    state=st.sampled_from("ab"),
    endpoint=st.sampled_from([None, AWS, MINIO]),
    writes=st.booleans(),
    namespace=st.sampled_from("mn"),
    proven=st.booleans(),
)


def forbids(older: Claim, younger: Claim) -> bool:
    """Say in other words what blocking means; who is older is known already."""
    if older.state != younger.state or not (older.writes and younger.writes):
        return False
    if None not in (older.endpoint, younger.endpoint) and older.endpoint != younger.endpoint:
        return False
    return older.proven or older.namespace == younger.namespace


@given(st.lists(st.tuples(objects, values), max_size=20))
def test_it_tells_what_comparing_everybody_with_everybody_tells(moves: list[tuple[str, Claim | None]]) -> None:
    claims, known = Claims[str](), dict[str, Claim]()

    def holder(uid: str) -> str | None:
        mine = known.get(uid)
        rivals = [other for other in known if mine and other < uid and forbids(known[other], mine)]
        return min(rivals, default=None)

    for uid, value in moves:
        held = {other for other in known if holder(other) and other != uid}
        known.pop(uid, None)
        if value is not None:
            known[uid] = replace(value, uid=uid, created=claim(uid).created)
        freed = claims.set(uid, known.get(uid))
        assert len(freed) == len(set(freed))
        assert {other for other in held if holder(other) is None} <= set(freed) <= held
        for each in "1234":
            assert claims.get(each) == known.get(each)
            assert claims.holder(each) == holder(each)
        assert sorted(claims.claimants()) == sorted(known)
    assert set(claims._by_state) == {each.state for each in known.values()}


proofs = st.builds(partial(claim, "0", proven=True), namespace=st.sampled_from("mn"), writes=st.booleans())


@given(st.dictionaries(objects, proofs, min_size=1))
def test_of_all_who_have_proven_one_place_exactly_one_may_write(found: dict[str, Claim]) -> None:
    claims = Claims[str]()
    for uid, value in found.items():
        claims.set(uid, replace(value, uid=uid, created=claim(uid).created))
    writers = [uid for uid, value in found.items() if value.writes]
    assert [uid for uid in writers if claims.holder(uid) is None] == ([min(writers)] if writers else [])


@given(st.dictionaries(objects, proofs, min_size=1))
def test_a_name_that_was_only_written_down_stops_no_other_namespace(found: dict[str, Claim]) -> None:
    claims = Claims[str]()
    claims.set("0", claim("0", namespace="squatter"))
    for uid, value in found.items():
        claims.set(uid, replace(value, uid=uid, created=claim(uid).created))
    assert all(claims.holder(uid) != "0" for uid in found)
