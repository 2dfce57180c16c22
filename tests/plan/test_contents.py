"""Secrets, SSH keys, files and key pairs in a plan: the table of docs/sync.md, by digests."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.keysets import KeyAlgorithm
from clusterstate.errors import AdoptionRefused, SpecInvalid
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.desired import AdoptionPolicy, ConflictPolicy, Desired, Direction, DriftPolicy
from clusterstate.plan.diff import make_plan, plan_digest
from clusterstate.plan.key_pairs import MOST_NEWER
from clusterstate.plan.observed import Applied, Observed
from clusterstate.state.key_material import read_key_pair
from clusterstate.state.keypair import KeyPairFacts
from clusterstate.state.layout import keyset_key
from clusterstate.state.objects import Keyset, KeysetItem, State
from clusterstate.store.base import Version
from tests.plan.states import NOW, cluster, declare, golden
from tests.support.keypairs import DAY, certificate, pem

SECRET, FILE = "secrets/token", "addons/a.yaml"
A, B, C, OTHER = "k:a", "k:b", "k:c", "lost:a"
OLD, NEW, THEIRS = (f"pki/ssh/public/admin/{each * 32}" for each in "123")
AWS = State(cluster=cluster({"cloudProvider": "aws"}))
GCE = State(cluster=cluster({"cloudProvider": "gce"}))
FAIL, SPEC, STORE = ConflictPolicy.FAIL, ConflictPolicy.PREFER_SPEC, ConflictPolicy.PREFER_STORE
REPORT = {"drift": DriftPolicy.REPORT}
PAIR = KeyPairFacts("aa" * 32, 5, NOW - timedelta(days=1), NOW + timedelta(days=1), authority=True)


def ssh(*keys: str) -> dict[str, str]:
    return {key: key.rpartition("/")[2] for key in keys}


def decide(
    declared: Mapping[str, str],
    applied: Mapping[str, str] | None,
    store: Mapping[str, str],
    *intents: Mapping[str, str],
    state: State = GCE,
    **policy: Any,
) -> Plan:
    base = None if applied is None else Applied(contents=applied)
    desired = replace(declare(**policy), contents=declared)
    return make_plan(desired, seen(store, base, *(Applied(contents=each) for each in intents), state=state), NOW)


def seen(store: Mapping[str, str], base: Applied | None, *intents: Applied, state: State = GCE) -> Observed:
    return Observed(state, {key: Version(f"v-{key}") for key in store}, base, intents, store)


def actions(done: Plan) -> list[tuple[str, str]]:
    return [(change.key, change.action.value) for change in done.changes]


def one(value: str | None) -> dict[str, str]:
    return {} if value is None else {SECRET: value}


@pytest.mark.parametrize(
    ("declared", "applied", "store", "policy", "action", "found", "base"),
    [
        (None, None, A, {}, None, "", None),
        (A, None, A, {}, None, "", A),
        (A, None, None, {}, "create", "", A),
        (A, None, B, {}, "update", "", A),
        (A, A, A, {}, None, "", A),
        (A, B, B, {}, "update", "", A),
        (A, A, C, {}, "update", "drift", A),
        (A, A, None, {}, "create", "drift", A),
        (A, A, C, REPORT, None, "drift", A),
        (A, B, A, {}, None, "", A),
        (A, B, C, {}, None, "conflicts", B),
        (A, B, None, {}, None, "conflicts", B),
        (A, B, C, {"conflict": SPEC}, "update", "drift", A),
        (A, B, C, {"conflict": STORE}, None, "drift", B),
        (None, A, A, {}, "delete", "", None),
        (None, A, C, {}, None, "conflicts", A),
        (None, A, C, {"conflict": SPEC}, "delete", "drift", None),
        (None, A, C, {"conflict": STORE}, None, "drift", None),
        (None, A, None, {}, None, "", None),
        (A, OTHER, B, {}, "update", "", A),
        (None, OTHER, A, {}, None, "", None),
        (A, A, C, {"direction": Direction.PULL}, None, "drift", A),
        (A, A, C, {"direction": Direction.BOTH}, "update", "drift", A),
    ],
)
def test_a_content_is_decided_like_a_path(  # noqa: PLR0913 - the columns of the table
    *,
    declared: str | None,
    applied: str | None,
    store: str | None,
    policy: Any,
    action: str | None,
    found: str,
    base: str | None,
) -> None:
    done = decide(one(declared), one(applied), one(store), **policy)
    assert actions(done) == ([(SECRET, action)] if action else [])
    assert {name for name in ("drift", "conflicts") if getattr(done, name)} == ({found} if found else set())
    assert dict(done.applied.contents) == one(base)
    for change in done.changes:
        assert change.expect == (None if action == "create" else Version(f"v-{SECRET}"))
        assert change.content == (declared or "")


def test_in_both_directions_a_content_of_others_is_a_conflict_at_first() -> None:
    assert decide(one(A), None, one(B), direction=Direction.BOTH).conflicts
    assert actions(decide(one(A), None, {}, direction=Direction.BOTH)) == [(SECRET, "create")]


DIGESTS = st.sampled_from([A, B, C])
MAPS = st.dictionaries(st.sampled_from([SECRET, FILE, "secrets/other", "manifests/x"]), DIGESTS)


@given(MAPS, st.none() | MAPS, MAPS, st.sampled_from([SPEC, STORE]))
def test_declared_wins_and_the_undeclared_is_never_touched(
    declared: dict[str, str], applied: dict[str, str] | None, store: dict[str, str], conflict: ConflictPolicy
) -> None:
    done = decide(declared, applied, store, conflict=conflict)
    after = written(store, done)
    for key in {*store, *declared}:
        if key in declared and conflict is SPEC:
            assert after[key] == declared[key]
        if key not in declared and key not in (applied or {}):
            assert after.get(key) == store[key]
    again = decide(declared, done.applied.contents, after, conflict=conflict)
    assert (again.changes, again.applied) == ((), done.applied)
    kinds = [change.action for change in done.changes]
    assert kinds == sorted(kinds, key=lambda action: action is Action.DELETE), "deletes come last"


@given(MAPS, MAPS, MAPS, st.data())
def test_a_run_that_is_killed_anywhere_is_completed_by_the_next(
    declared: dict[str, str], applied: dict[str, str], store: dict[str, str], data: st.DataObject
) -> None:
    done = decide(declared, applied, store, conflict=SPEC)
    count = data.draw(st.integers(0, len(done.changes)))
    halfway = written(store, replace(done, changes=done.changes[:count]))
    again = decide(declared, applied, halfway, done.applied.contents, conflict=SPEC)
    assert not again.conflicts
    assert written(halfway, again) == written(store, done)
    assert again.applied == done.applied


def written(store: Mapping[str, str], done: Plan) -> dict[str, str]:
    after = dict(store)
    for change in done.changes:
        if change.action is Action.DELETE:
            del after[change.key]
        else:
            after[change.key] = change.content
    return after


@pytest.mark.parametrize(
    ("declared", "applied", "store", "state", "expected"),
    [
        ([NEW], [], [], AWS, [(NEW, "create")]),
        ([NEW], [OLD], [OLD], AWS, [(NEW, "create"), (OLD, "delete")]),
        ([NEW], [], [NEW], AWS, []),
        ([NEW], [NEW], [NEW, THEIRS], AWS, []),
        ([NEW, OLD], [], [], GCE, [(OLD, "create"), (NEW, "create")]),
        ([NEW], [], [THEIRS], GCE, [(NEW, "create")]),
        ([NEW], [], [THEIRS], AWS, None),
        ([NEW, OLD], [], [], AWS, None),
        ([NEW, OLD], [OLD], [OLD], AWS, None),
        ([NEW], [OLD], [OLD, THEIRS], AWS, None),
    ],
)
def test_a_second_admin_key_comes_only_in_place_of_the_first(
    declared: list[str], applied: list[str], store: list[str], state: State, expected: list[tuple[str, str]] | None
) -> None:
    sides = (ssh(*declared), ssh(*applied), ssh(*store))
    if expected is None:
        with pytest.raises(SpecInvalid, match=r"spec\.sshPublicKeys: .* kops update refuses a second admin key on aws"):
            decide(*sides, state=state)
    else:
        assert actions(decide(*sides, state=state)) == expected


def test_where_there_is_room_for_one_key_the_old_goes_first() -> None:
    desired = replace(declare(), contents={**ssh(NEW), FILE: A}, one_ssh_key=True)
    base = Applied(contents={**ssh(OLD), SECRET: A})
    done = make_plan(desired, seen({**ssh(OLD), SECRET: A}, base), NOW)
    assert actions(done) == [(OLD, "delete"), (NEW, "create"), (FILE, "create"), (SECRET, "delete")]


def with_pair(name: str = "kubernetes-ca", pair: KeyPairFacts = PAIR, **policy: Any) -> Desired:
    return replace(declare(**policy), key_pairs={name: pair})


def test_everything_has_its_place_in_the_order() -> None:
    desired = replace(
        declare({"channel": "alpha"}, {"nodes": {"role": "Node"}}),
        contents={FILE: A, SECRET: A, **ssh(NEW)},
        key_pairs={"kubernetes-ca": PAIR},
    )
    done = make_plan(desired, seen({}, None), NOW)
    keys = ["config", "instancegroup/nodes", keyset_key("kubernetes-ca"), SECRET, NEW, FILE]
    assert [change.key for change in done.changes] == keys
    assert plan_digest(done) != plan_digest(replace(done, changes=(*done.changes[:-1], Change(FILE, Action.CREATE))))
    assert done.applied == Applied.from_json(done.applied.as_json())


def test_a_key_pair_is_added_once_and_stays() -> None:
    done = make_plan(with_pair(), seen({}, None), NOW)
    (change,) = done.changes
    assert (change.key, change.action, change.expect) == (keyset_key("kubernetes-ca"), Action.CREATE, None)
    assert [field.pointer for field in change.fields] == ["/spec/keys/5"]
    assert done.applied.key_pairs == {"kubernetes-ca": {PAIR.public_key}}
    assert not make_plan(declare(), seen({}, done.applied), NOW).changes, "undeclared, it stays"
    drifted = make_plan(with_pair(drift=DriftPolicy.REPORT), seen({}, done.applied), NOW)
    assert (drifted.changes, len(drifted.drift)) == ((), 1)
    assert make_plan(with_pair(), seen({}, done.applied), NOW).changes == (change,)


def test_an_addition_expects_the_keyset_that_was_read() -> None:
    keyset = Keyset("kubernetes-ca", "5", (KeysetItem("5", None, None),))
    state = replace(GCE, keysets={"kubernetes-ca": keyset})
    key = keyset_key("kubernetes-ca")
    (change,) = make_plan(with_pair(), Observed(state, {key: Version("1")}), NOW).changes
    assert (change.action, change.expect) == (Action.UPDATE, Version("1"))
    assert int(change.key_id) > 5, "a taken serial gives way"


@pytest.mark.parametrize(
    ("name", "pair", "words"),
    [
        ("kubernetes-ca", replace(PAIR, authority=False), "isn't a CA's"),
        ("etcd-peers-ca-main", replace(PAIR, authority=False), "isn't a CA's"),
        ("ca", replace(PAIR, authority=False), "isn't a CA's"),
        ("service-account", replace(PAIR, algorithm=KeyAlgorithm.ECDSA), "RS256"),
        ("etcd-clients-ca", replace(PAIR, algorithm=KeyAlgorithm.ECDSA), "etcd-manager loads RSA keys only"),
        ("kubernetes-ca", replace(PAIR, signs=False), "usages cert sign and crl sign"),
        ("kubelet", replace(PAIR, not_after=NOW), "ended at"),
        ("kubelet", replace(PAIR, not_before=NOW + timedelta(days=1)), "begins at"),
    ],
)
def test_a_key_pair_that_would_do_harm_is_refused(name: str, pair: KeyPairFacts, words: str) -> None:
    with pytest.raises(SpecInvalid, match=rf"spec\.keysets\[{name}\]: .*{words}"):
        make_plan(with_pair(name, pair), seen({}, None), NOW)


NO_CA = replace(PAIR, authority=False, signs=False, kops_type=False, common_name="service-account")


@pytest.mark.parametrize(
    ("name", "pair", "words"),
    [
        ("kubernetes-ca", PAIR, ""),
        (
            "kubernetes-ca",
            replace(PAIR, kops_type=False),
            r"kops update cluster issues another .*\[cert sign, crl sign\]",
        ),
        ("service-account", NO_CA, "kops update cluster issues another"),
        ("kubelet", replace(NO_CA, common_name=""), ""),
        ("service-account", replace(PAIR, common_name="service-account"), ""),
        ("service-account", PAIR, "common name is empty: kops leaves a key out of OIDC"),
        ("master", replace(PAIR, common_name="m"), "common name is m: kops leaves a key out of OIDC"),
    ],
)
def test_a_key_pair_that_kops_treats_otherwise_is_told(name: str, pair: KeyPairFacts, words: str) -> None:
    done = make_plan(with_pair(name, pair), seen({}, None), NOW)
    assert done.changes
    assert bool(done.warnings) is bool(words)
    assert all(re.search(rf"^spec\.keysets\[{name}\]: .*{words}", each) for each in done.warnings)


def test_a_certificate_renewed_with_its_old_key_is_told() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old, new = (certificate(key, begins=NOW - DAY, ends=NOW + days * DAY) for days in (9, 99))
    pair = replace(read_key_pair(new, pem(key), "").facts, kops_type=True)
    state = replace(GCE, keysets={"kubernetes-ca": Keyset("kubernetes-ca", "5", (KeysetItem("5", old, None),))})
    done = make_plan(with_pair(pair=pair), seen({}, None, state=state), NOW)
    assert done.changes == ()
    assert "rotationPolicy: Always" in done.warnings[0]
    same = replace(pair, not_after=pair.not_after - 90 * DAY)
    assert make_plan(with_pair(pair=same), seen({}, None, state=state), NOW).warnings == ()


def test_a_secret_that_flaps_does_not_fill_the_keyset() -> None:
    def newer(count: int) -> State:
        items = tuple(KeysetItem(str(number), None, None) for number in range(10, 11 + count))
        return replace(GCE, keysets={"kubernetes-ca": Keyset("kubernetes-ca", "10", items)})

    assert make_plan(with_pair(), seen({}, None, state=newer(MOST_NEWER)), NOW).changes
    with pytest.raises(SpecInvalid, match="11 key pairs are newer than the primary"):
        make_plan(with_pair(), seen({}, None, state=newer(MOST_NEWER + 1)), NOW)


@pytest.mark.parametrize(("name", "old"), [("kubernetes-ca", "ca"), ("service-account", "master")])
def test_a_keyset_of_an_old_name_is_not_put_out_of_use(name: str, old: str) -> None:
    keysets = {old: Keyset(old, "5", (KeysetItem("5", None, None),))}
    with pytest.raises(SpecInvalid, match=f"under its old name {old}, .* Declare it as {old}"):
        make_plan(with_pair(name), seen({}, None, state=replace(GCE, keysets=keysets)), NOW)
    both = {**keysets, name: Keyset(name, "5", (KeysetItem("5", None, None),))}
    assert make_plan(with_pair(name), seen({}, None, state=replace(GCE, keysets=both)), NOW).changes
    assert make_plan(with_pair(old), seen({}, None, state=replace(GCE, keysets=keysets)), NOW).changes


def test_nothing_is_written_where_no_cluster_is() -> None:
    with pytest.raises(SpecInvalid, match="holds no cluster"):
        decide(one(A), None, {}, state=State())


def test_contents_of_others_can_be_left_to_a_person() -> None:
    with pytest.raises(AdoptionRefused, match="secrets/token"):
        decide(one(A), None, one(B), adoption=AdoptionPolicy.FAIL)
    assert not decide(one(A), None, one(A), adoption=AdoptionPolicy.FAIL).changes


def test_what_moves_to_another_place_waits_for_the_next_run() -> None:
    desired = replace(declare({"keyStore": "s3://elsewhere/pki"}), contents=one(A))
    done = make_plan(desired, seen({}, None, state=golden()), NOW)
    assert actions(done) == [("config", "update")]
    assert done.held
    assert not done.applied.contents
