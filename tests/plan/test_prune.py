"""Which instance groups go from the store with their declaration, and which plans a person must confirm."""

from dataclasses import replace
from typing import Any

import pytest

from clusterstate.errors import BreakerTripped
from clusterstate.plan.breaker import find_breach
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.desired import AdoptionPolicy, ConflictPolicy, DesiredGroup, DriftPolicy
from clusterstate.plan.diff import plan_digest, summarise
from clusterstate.plan.observed import Applied
from clusterstate.state.objects import Keyset, KeysetItem, State
from clusterstate.store.base import Version
from tests.plan.states import carry_out, cluster, declare, golden, group, plan

NODES: dict[str, Any] = {"role": "Node", "minSize": 1, "maxSize": 2}
CONTROL = "control-plane-us-east-1a"


def applied(**groups: dict[str, Any]) -> Applied:
    return Applied(instance_groups={name: DesiredGroup(name, spec) for name, spec in groups.items()})


def state(**groups: dict[str, Any]) -> State:
    etcd = [{"name": "main", "etcdMembers": [{"name": "a", "instanceGroup": "control"}]}]
    documents = {name: group(name, spec) for name, spec in groups.items()}
    return State(cluster({"authorization": {"rbac": {}}, "etcdClusters": etcd}), documents)


def test_a_group_goes_with_its_declaration_and_after_everything_else() -> None:
    before = state(a=NODES, b=NODES, theirs=NODES)
    desired = declare({"channel": "alpha"}, {"b": {"maxSize": 5}, "new": NODES}, prune=True)
    done = plan(desired, before, applied(a=NODES, b={"maxSize": 2}))
    assert [(change.key, change.action) for change in done.changes] == [
        ("config", Action.UPDATE),
        ("instancegroup/b", Action.UPDATE),
        ("instancegroup/new", Action.CREATE),
        ("instancegroup/a", Action.DELETE),
    ]
    assert done.changes[-1].expect == Version("v-instancegroup/a")
    assert (done.drift, done.unpruned) == ((), ())
    assert summarise(done, "s3://x") == "2 to change, 1 to create, 1 to delete in s3://x"
    after = carry_out(before, done)
    assert done.state_after(before) == after
    assert sorted(after.instance_groups) == ["b", "new", "theirs"]
    again = plan(desired, after, done.applied)
    assert (again.changes, again.applied) == ((), done.applied)


@pytest.mark.parametrize("theirs", [NODES | {"maxSize": 9}, {"role": "Node", "minSize": 1}], ids=["changed", "removed"])
@pytest.mark.parametrize(
    ("policy", "deleted", "known"),
    [
        (ConflictPolicy.FAIL, False, True),
        (ConflictPolicy.PREFER_SPEC, True, False),
        (ConflictPolicy.PREFER_STORE, False, False),
    ],
)
def test_a_group_that_others_changed_is_a_conflict(
    theirs: dict[str, Any], policy: ConflictPolicy, *, deleted: bool, known: bool
) -> None:
    done = plan(declare(prune=True, conflict=policy), state(a=theirs), applied(a=NODES))
    assert [change.action for change in done.changes] == [Action.DELETE] * deleted
    assert list(done.applied.instance_groups) == ["a"] * known
    found = done.conflicts if policy is ConflictPolicy.FAIL else done.drift
    assert [(each.key, each.pointer, each.declared, each.observed) for each in found] == [
        ("instancegroup/a", "/spec/maxSize", None, theirs.get("maxSize"))
    ]


def test_fields_that_others_added_and_were_never_declared_hold_nothing_up() -> None:
    theirs = NODES | {"nodeLabels": {"a": "b"}, "minSize": 7}
    done = plan(declare(prune=True), state(a=theirs), applied(a={"maxSize": 2}))
    assert [change.action for change in done.changes] == [Action.DELETE]


def test_a_group_with_an_etcd_member_stays_until_the_config_names_it_no_more() -> None:
    known = applied(**{CONTROL: {"role": "Master"}})
    done = plan(declare(prune=True), golden(), known)
    assert (done.changes, done.unpruned) == ((), (f"instancegroup/{CONTROL}",))
    assert done.warnings == (f"instancegroup/{CONTROL} stays: members of etcd are in it (main, events).",)
    assert done.applied == replace(known, undeclared=frozenset({CONTROL}))
    etcd = [{"name": "main", "etcdMembers": [{"name": "a", "instanceGroup": "b"}]}]
    control = {"role": "Master", "subnets": ["s"], "minSize": 1}
    before = state(control=control, b=control)
    moved = plan(declare({"etcdClusters": etcd}, prune=True), before, applied(control={"role": "Master"}))
    assert [(change.key, change.action) for change in moved.changes] == [
        ("config", Action.UPDATE),
        ("instancegroup/control", Action.DELETE),
    ]


def test_nothing_goes_without_being_asked_for() -> None:
    known = applied(a=NODES)
    for desired in (declare(), declare(prune=True, drift=DriftPolicy.CORRECT)):
        assert plan(desired, state(a=NODES)).changes == ()
    assert plan(declare(), state(a=NODES), known).unpruned == ("instancegroup/a",)
    lost = plan(declare(prune=True), State(None, {"a": group("a", NODES)}), known)
    assert (lost.changes, lost.unpruned) == ((), ("instancegroup/a",))
    assert plan(declare(prune=True, adoption=AdoptionPolicy.FAIL), state(a=NODES)).changes == ()


def test_a_run_that_was_killed_before_the_delete_goes_on_with_it() -> None:
    desired, before = declare(prune=True), state(a=NODES, b=NODES)
    done = plan(desired, before, applied(a=NODES))
    for writes in (0, 1):
        half = carry_out(before, done, writes)
        again = plan(desired, half, applied(a=NODES), done.applied)
        assert carry_out(half, again) == carry_out(before, done)
        assert again.applied == done.applied


def deletes(*keys: str) -> Plan:
    return Plan(changes=tuple(Change(key, Action.DELETE) for key in keys))


@pytest.mark.parametrize(
    ("deleted", "files", "trips"),
    [(0, 0, False), (0, 9, False), (1, 1, True), (1, 2, True), (1, 3, False), (3, 9, False), (4, 9, True)],
)
def test_the_breaker_trips_above_a_third(deleted: int, files: int, *, trips: bool) -> None:
    done = deletes(*(f"instancegroup/{number}" for number in range(deleted)))
    breach = find_breach(done, State(), files, "")
    assert (breach is not None) is trips
    if breach is not None:
        assert isinstance(breach, BreakerTripped)
        assert f"deletes {deleted} of {files} files" in breach.message
        assert f"clusterstate.dev/confirm-plan: {plan_digest(done)}" in breach.message
        assert find_breach(done, State(), files, plan_digest(deletes("other"))) is not None
        assert find_breach(done, State(), files, plan_digest(done)) is None


def test_the_breaker_guards_keysets() -> None:
    key, distrusted = "pki/private/kubernetes-ca/keyset.yaml", KeysetItem("x", None, None)
    usable = Keyset("kubernetes-ca", "1", (KeysetItem("1", None, None),))
    before = State(keysets={"kubernetes-ca": usable})
    assert "keysets" in str(find_breach(deletes(key), before, 9, ""))
    update = Plan(changes=(Change(key, Action.UPDATE),))
    assert find_breach(update, before, 9, "") is None
    spoilt = State(keysets={"kubernetes-ca": replace(usable, items=(distrusted,))})
    assert "without a usable primary (pki/private/kubernetes-ca/keyset.yaml)" in str(find_breach(update, spoilt, 9, ""))
