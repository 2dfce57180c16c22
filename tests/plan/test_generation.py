"""Key pairs of the operator's making in a plan: when there is another one, when never, and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.keysets import Generate, KeyAlgorithm
from clusterstate.api.keysets import Keyset as DeclaredKeyset
from clusterstate.apply.contents import make_bodies
from clusterstate.apply.issuing import issue
from clusterstate.errors import KeysetGone, SpecInvalid
from clusterstate.plan.breaker import find_breach
from clusterstate.plan.changes import Action, Plan
from clusterstate.plan.contents import carried_out
from clusterstate.plan.desired import Direction, DriftPolicy, KeyRequest
from clusterstate.plan.diff import make_plan, plan_digest
from clusterstate.plan.generation import declared_generations, renewals
from clusterstate.plan.observed import Applied, Observed
from clusterstate.state import codec
from clusterstate.state.keypair import find_newest
from clusterstate.state.keyset import primary
from clusterstate.state.layout import keyset_key
from clusterstate.state.objects import Keyset, State
from clusterstate.store.base import Version
from tests.plan.states import DATA, cluster, declare
from tests.support.keypairs import DAY

NAME = "kubernetes-ca"
KEY = keyset_key(NAME)
BEGIN = datetime(2026, 11, 27, 12, tzinfo=UTC)
GCE = State(cluster=cluster({"cloudProvider": "gce"}))
QUICK: dict[str, Any] = {"algorithm": "ECDSA", "validity": "8760h"}
GONE = Keyset(NAME, None, ())


def at(days: float) -> datetime:
    return BEGIN + days * DAY


def text(days: float) -> str:
    return f"{at(days):%Y-%m-%dT%H:%M:%SZ}"


def wanted(name: str = NAME, **fields: Any) -> dict[str, Any]:
    algorithm = KeyAlgorithm(fields.pop("algorithm", "RSA"))
    return declared_generations([DeclaredKeyset(name=name, generate=Generate(algorithm=algorithm, **fields))])


class World:
    """One keyset's life: runs against it, some killed, and what others do to it."""

    def __init__(self, keyset: Keyset | None = None) -> None:
        self.keyset = keyset
        self.applied: Applied | None = None
        self.intents: tuple[Applied, ...] = ()

    def plan(self, now: datetime, name: str = NAME, *, policy: Mapping[str, Any] | None = None, **fields: Any) -> Plan:
        desired = replace(declare(**(policy or {})), generate=wanted(name, **{**QUICK, **fields}))
        return make_plan(desired, self.observed(name), now)

    def observed(self, name: str = NAME) -> Observed:
        state = replace(GCE, keysets={name: self.keyset} if self.keyset else {})
        versions = {keyset_key(name): Version("1")} if self.keyset else {}
        return Observed(state, versions, self.applied, self.intents)

    def run(self, now: datetime, *, until: str = "end", **fields: Any) -> int:
        """Run, be killed after `intent` or `write`, or come to the end; give the number of changes."""
        plan = self.plan(now, **fields)
        if plan.changes:
            self.intents = (*self.intents, plan.applied)
        if until == "intent":
            return len(plan.changes)
        for change in plan.changes:
            assert change.generate is not None
            made = {NAME: issue(change.generate, now)}
            bodies = make_bodies(plan, self.observed().state, {}, made)
            self.keyset = carried_out(plan, self.observed().state, bodies).keysets[NAME]
        if until == "end":
            self.applied, self.intents = Applied.from_json(plan.applied.as_json()), ()
        return len(plan.changes)

    @property
    def count(self) -> int:
        return len(self.keyset.items) if self.keyset else 0


def test_a_keyset_that_is_not_there_is_made_once() -> None:
    world = World()
    plan = world.plan(at(0), algorithm="RSA")
    (change,) = plan.changes
    assert (change.key, change.action, change.expect, change.key_id) == (KEY, Action.CREATE, None, "")
    assert change.generate == KeyRequest(KeyAlgorithm.RSA, 2048, NAME, timedelta(hours=8760))
    assert plan_digest(plan) == plan_digest(world.plan(at(1), algorithm="RSA")), "it isn't a matter of time"
    assert plan_digest(plan) != plan_digest(world.plan(at(0), algorithm="RSA", size=4096))
    assert plan.applied == world.plan(at(1), algorithm="RSA").applied, "nor is what is recorded"
    after = carried_out(plan, GCE, {})
    assert find_breach(plan, after, 10, "") is None
    assert world.run(at(0)) == 1
    assert world.keyset is not None
    assert primary(world.keyset) == world.keyset.items[0]
    assert [world.run(at(days)) for days in (1, 100)] == [0, 0]


def test_what_kops_or_anybody_made_is_adopted() -> None:
    made = codec.decode_keyset((DATA / "kops-store" / "complex.example.com" / KEY).read_bytes(), KEY)
    world = World(made)
    newest = find_newest(made)
    assert newest is not None
    assert str(int(made.items[-1].id) >> 32).startswith(str(int(newest.made.timestamp())))
    assert world.run(newest.made + DAY) == 0
    asked = f"{newest.made - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"
    assert world.run(newest.made + DAY, newer_than=asked) == 0


def test_a_rotation_begins_once_and_does_not_change_the_primary() -> None:
    world = World()
    world.run(at(0))
    assert world.keyset is not None
    old = world.keyset.items[0]
    assert [world.run(at(10 + days), newer_than=text(10)) for days in (0.1, 1, 2)] == [1, 0, 0]
    assert [each == old for each in world.keyset.items] == [True, False]
    assert primary(world.keyset) == old
    world.keyset = replace(world.keyset, items=(old, replace(world.keyset.items[1], distrusted_at=at(12))))
    assert world.run(at(13), newer_than=text(10)) == 0, "a distrusted one counts"
    assert world.run(at(21), newer_than=text(20)) == 1


def test_the_end_of_a_certificate_asks_for_another() -> None:
    world = World()
    world.run(at(0))
    early = {"renew_before": "240h"}
    assert [world.run(at(days), **early) for days in (354.9, 355.1, 360)] == [0, 1, 0]
    declared = [DeclaredKeyset(name=NAME, generate=Generate(renew_before="240h")), DeclaredKeyset(name="other-ca")]
    assert list(renewals(declared, world.observed().state)) == [at(355.1 + 355)]


def test_a_distrusted_key_pair_does_not_count_for_the_end() -> None:
    world = World()
    world.run(at(0))
    world.run(at(200), newer_than=text(199))
    assert world.keyset is not None
    old, new = world.keyset.items
    world.keyset = replace(world.keyset, items=(old, replace(new, distrusted_at=at(300))))
    assert [world.run(at(days), renew_before="240h", newer_than=text(199)) for days in (354.9, 355.1, 360)] == [0, 1, 0]


def test_a_certificate_without_its_key_counts_as_there() -> None:
    world = World()
    world.run(at(0))
    assert world.keyset is not None
    (made,) = world.keyset.items
    world = World(replace(world.keyset, items=(replace(made, private_key=None),)))
    assert [world.run(at(1)), world.run(at(2), newer_than=text(-1))] == [0, 0]
    assert [world.run(at(days), newer_than=text(3)) for days in (3.1, 4)] == [1, 0], "unless another one is asked for"


def test_a_moment_far_to_come_is_refused() -> None:
    with pytest.raises(SpecInvalid, match=r"spec\.keysets\[kubernetes-ca\]\.generate\.newerThan: .* yet to come"):
        World().plan(at(0), newer_than=text(1.01))


def test_a_moment_of_tomorrow_is_waited_for() -> None:
    world = World()
    assert [world.run(at(days), newer_than=text(0.5)) for days in (0, 0.4, 0.5, 0.6, 0.7)] == [1, 0, 0, 1, 0]
    declared = [DeclaredKeyset(name=NAME, generate=Generate(newer_than=text(0.5)))]
    assert list(renewals(declared, State())) == [at(0.5) + timedelta(seconds=1)]


def test_what_is_gone_is_not_silently_replaced() -> None:
    world = World()
    world.run(at(0))
    lost, world.keyset = world.keyset, None
    with pytest.raises(KeysetGone, match=rf"{KEY} was there .*newerThan"):
        world.plan(at(1))
    reported = world.plan(at(1), policy={"drift": DriftPolicy.REPORT})
    assert (reported.changes, len(reported.drift), reported.applied.generated) == ((), 1, {NAME: ""})
    world.keyset = lost
    assert world.run(at(2)) == 0
    world.keyset = None
    assert world.run(at(3), newer_than=text(2.5)) == 1, "a person asked for it"
    second, world.keyset = world.keyset, lost
    with pytest.raises(KeysetGone, match="A key pair is gone from"):
        world.plan(at(4), newer_than=text(2.5))
    world.keyset = second
    assert world.run(at(5), newer_than=text(2.5)) == 0


def test_who_declares_nothing_any_more_has_forgotten_it() -> None:
    world = World()
    world.run(at(0))
    plan = make_plan(declare(), world.observed(), at(1))
    assert (plan.changes, plan.applied.generated) == ((), {})


@given(st.lists(st.sampled_from(["intent", "write", "end"]), max_size=4), st.booleans())
def test_a_run_that_is_killed_anywhere_makes_no_second_one(kills: list[str], there: bool) -> None:  # noqa: FBT001
    world = World()
    if there:
        world.run(at(0))
    before = world.count
    made = [world.run(at(2 + number / 100), until=until, newer_than=text(1)) for number, until in enumerate(kills)]
    assert made == sorted(made, reverse=True), "once it is there, nothing is due"
    world.run(at(3), newer_than=text(1))
    world.run(at(4), newer_than=text(1))
    assert world.count == before + 1
    assert world.applied is not None
    assert world.applied.generated == {NAME: text(1)}


def test_under_pull_nothing_is_made_and_what_is_missing_is_told() -> None:
    world = World()
    pull = {"direction": Direction.PULL}
    missing = world.plan(at(0), policy=pull)
    assert (missing.changes, [each.key for each in missing.drift]) == ((), [KEY])
    world.run(at(0))
    assert not world.plan(at(1), policy=pull).drift
    assert world.plan(at(1), policy=pull, newer_than=text(0.5)).drift


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("front-proxy", {}, "key pairs are made for service-account, and for CAs"),
        ("service-account", {"algorithm": "ECDSA"}, "RS256"),
        ("master", {"algorithm": "ECDSA"}, "RS256"),
        ("etcd-manager-ca-main", {"algorithm": "ECDSA"}, "etcd-manager loads RSA keys only"),
        ("etcd-clients-ca", {"algorithm": "ECDSA"}, "etcd-manager loads RSA keys only"),
        ("service-account", {"common_name": "other"}, r"commonName: kops publishes those keys only"),
        ("kubernetes-ca", {"common_name": "ä" * 33}, "more than the 64 bytes"),
        ("x" * 62 + "-ca", {}, "more than the 64 bytes"),
        ("kubernetes-ca", {"newer_than": "2026-02-30T00:00:00Z"}, "is no time"),
    ],
)
def test_what_kops_can_not_use_is_refused(name: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecInvalid, match=rf"spec\.keysets\[{name}\]\.generate.*{words}"):
        wanted(name, **fields)


@pytest.mark.parametrize(("name", "old"), [("kubernetes-ca", "ca"), ("service-account", "master")])
def test_a_keyset_of_an_old_name_is_not_put_out_of_use(name: str, old: str) -> None:
    keysets = {old: replace(GONE, name=old)}
    observed = Observed(replace(GCE, keysets=keysets), {})
    desired = declare()
    with pytest.raises(SpecInvalid, match=f"under its old name {old}, .* Declare it as {old}"):
        make_plan(replace(desired, generate=wanted(name)), observed, at(0))
    (change,) = make_plan(replace(desired, generate=wanted(old)), observed, at(0)).changes
    assert change.generate is not None
    assert change.generate.common_name == name


def test_a_cluster_is_needed() -> None:
    with pytest.raises(SpecInvalid, match="holds no cluster"):
        make_plan(replace(declare(), generate=wanted()), Observed(State(), {}), at(0))
