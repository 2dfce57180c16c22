"""What must not be in a Cluster goes, comes back as drift, and takes along only what a push had made for it."""

from dataclasses import replace
from typing import Any

import pytest

from clusterstate.errors import SpecInvalid
from clusterstate.plan.absence import find_problems
from clusterstate.plan.changes import Action, Plan
from clusterstate.plan.desired import ConflictPolicy, Direction, DriftPolicy
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.observed import Applied
from clusterstate.plan.pointers import find, path_of, pointer_to, put
from clusterstate.plan.values import MISSING
from clusterstate.state.objects import State
from tests.plan.states import carry_out, cluster, declare, golden, plan

RBAC = {"authorization": {"rbac": {}}}
BALANCER = "/spec/api/loadBalancer"
SUBNETS = [{"name": "a", "zone": "a", "egress": "nat"}, {"name": "b", "zone": "b"}]


def spec_after(before: State, done: Plan) -> dict[str, Any]:
    after = carry_out(before, done).cluster
    assert after is not None
    return after.spec


def removed(done: Plan) -> list[tuple[str, Any]]:
    return [
        (each.pointer, each.old)
        for change in done.changes
        for each in change.fields
        if (each.action, each.new) == (Action.DELETE, None)
    ]


@pytest.mark.parametrize(
    ("pointer", "stored", "left", "old"),
    [
        pytest.param("/spec/channel", {"channel": "x"}, {}, "x", id="a value"),
        pytest.param(
            BALANCER,
            {"api": {"loadBalancer": {"class": "C"}, "dns": {}}},
            {"api": {"dns": {}}},
            {"class": "C"},
            id="a map",
        ),
        pytest.param("/spec/subnets/name=b", {"subnets": SUBNETS}, {"subnets": SUBNETS[:1]}, SUBNETS[1], id="an item"),
        pytest.param(
            "/spec/subnets/name=a/egress",
            {"subnets": SUBNETS},
            {"subnets": [{"name": "a", "zone": "a"}, SUBNETS[1]]},
            "nat",
            id="a field of an item",
        ),
        pytest.param("/spec/subnets", {"subnets": SUBNETS}, {}, SUBNETS, id="a list"),
        pytest.param("/spec/subnets/name=b", {"subnets": SUBNETS[1:]}, {}, SUBNETS[1], id="the last item"),
        pytest.param(
            "/spec/packages/a~1b", {"packages": ["a/b", "c"]}, {"packages": ["c"]}, "a/b", id="a member of a set"
        ),
        pytest.param(
            "/spec/cloudLabels/a~1b",
            {"cloudLabels": {"a/b": "c", "d": "e"}},
            {"cloudLabels": {"d": "e"}},
            "c",
            id="a key of a map",
        ),
        pytest.param(
            "/spec/sshAccess", {"sshAccess": ["1.2.3.4/32"]}, {}, ["1.2.3.4/32"], id="a list that is one value"
        ),
        pytest.param("/spec/newerThanUs", {"newerThanUs": 1}, {}, 1, id="a field unknown to us"),
    ],
)
def test_what_must_not_be_there_goes(pointer: str, stored: dict[str, Any], left: dict[str, Any], old: Any) -> None:
    state = State(cluster({**RBAC, **stored}, generation=4))
    done = plan(declare(absent=[pointer]), state)
    assert removed(done) == [(pointer, old)]
    assert (done.drift, done.conflicts) == ((), ())
    after = carry_out(state, done).cluster
    assert after is not None
    assert after.metadata["generation"] == 5
    assert {**RBAC, **left} == {key: value for key, value in after.spec.items() if key in {*RBAC, *left, *stored}}
    again = plan(declare(absent=[pointer]), State(after), done.applied)
    assert (again.changes, again.drift, again.applied) == ((), (), done.applied)


def test_what_is_not_there_needs_nothing() -> None:
    done = plan(declare(absent=["/spec/foo/bar", "/spec/subnets/name=x/zone", "/spec/packages/x"]), golden())
    assert done.changes == ()
    assert len(done.applied.absent) == 3
    assert plan(declare(absent=["/spec/foo"]), State()) == Plan()


def test_who_puts_it_back_makes_drift_until_it_may_be_there() -> None:
    before = State(cluster({**RBAC, "channel": "x"}))
    desired = declare(absent=["/spec/channel"])
    first = plan(desired, before)
    assert first.applied.absent == {"/spec/channel"}
    corrected = plan(desired, before, first.applied)
    assert [(each.pointer, each.declared, each.observed) for each in corrected.drift] == [("/spec/channel", None, "x")]
    assert removed(corrected) == [("/spec/channel", "x")]
    reported = plan(declare(absent=["/spec/channel"], drift=DriftPolicy.REPORT), before, first.applied)
    assert (reported.changes, reported.drift, reported.applied) == ((), corrected.drift, first.applied)
    allowed = plan(declare(), before, first.applied)
    assert (allowed.changes, allowed.drift, allowed.applied) == ((), (), Applied())


def test_pull_only_reports() -> None:
    done = plan(declare(absent=["/spec/channel"], direction=Direction.PULL), golden())
    assert done.changes == ()
    assert [(each.pointer, each.declared) for each in done.drift] == [("/spec/channel", None)]


def test_what_was_declared_may_become_absent() -> None:
    before = State(cluster({**RBAC, "channel": "x"}))
    done = plan(declare({}, absent=["/spec/channel"]), before, Applied({"channel": "x"}))
    assert removed(done) == [("/spec/channel", "x")]
    theirs = State(cluster({**RBAC, "channel": "theirs"}))
    fail = plan(declare({}, absent=["/spec/channel"]), theirs, Applied({"channel": "x"}))
    assert [each.pointer for each in fail.conflicts] == ["/spec/channel"]
    for policy in (ConflictPolicy.PREFER_SPEC, ConflictPolicy.PREFER_STORE):
        decided = plan(declare({}, absent=["/spec/channel"], conflict=policy), theirs, Applied({"channel": "x"}))
        assert "channel" not in spec_after(theirs, decided)


@pytest.mark.parametrize(("theirs", "left"), [({}, None), ({"dns": {}}, {"dns": {}})])
def test_parents_that_a_push_made_go_once_they_are_empty(theirs: dict[str, Any], left: Any) -> None:
    before = State(cluster(RBAC))
    first = plan(declare({"api": {"loadBalancer": {"class": "Classic"}}}), before)
    state = carry_out(before, first)
    assert state.cluster is not None
    api = {"loadBalancer": {"class": "Classic"}, **theirs}
    state = replace(state, cluster=replace(state.cluster, spec={**state.cluster.spec, "api": api}))
    done = plan(declare({}, absent=[BALANCER]), state, first.applied)
    assert spec_after(state, done).get("api") == left


def test_a_parent_that_was_there_before_stays() -> None:
    state = State(cluster({**RBAC, "cloudConfig": {"openstack": {"x": {"y": 1}}}}))
    done = plan(declare(absent=["/spec/cloudConfig/openstack/x/y"]), state)
    assert spec_after(state, done)["cloudConfig"] == {"openstack": {"x": {}}}


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("/spec/authorization", "authorization"),
        ("/spec/kubernetesVersion", "kubernetesVersion"),
        ("/spec/etcdClusters/name=events", "events"),
        ("/spec/topology/dns/type", "kops writes /spec/topology/dns/type by itself"),
        ("/spec/subnets/name=us-east-1a", "names subnet us-east-1a, which the cluster doesn't have"),
    ],
)
def test_what_a_cluster_can_not_lose_stays(pointer: str, said: str) -> None:
    with pytest.raises(SpecInvalid, match=said):
        plan(declare(absent=[pointer]), golden())


def test_a_new_cluster_has_nothing_of_it() -> None:
    new = {**RBAC, "cloudProvider": "aws", "kubernetesVersion": "v1.32.0"}
    assert plan(declare(new, absent=["/spec/channel"]), State()).applied.absent == {"/spec/channel"}
    with pytest.raises(SpecInvalid, match="by itself"):
        plan(declare(new, absent=["/spec/topology"]), State())


@pytest.mark.parametrize(
    ("pointer", "said"),
    [
        ("/metadata/labels", "only what is below /spec"),
        ("/spec", "only what is below /spec"),
        ("/status/x", "only what is below /spec"),
        ("/spec/subnets/us-east-1a", "items of this list are named as name=…"),
        ("/spec/iam/serviceAccountExternalPermissions/x", "named as namespace=…,name=…"),
        ("/spec/subnets/name=a/name", "the item's key"),
        ("/spec/sshAccess/0", "name the whole list"),
        ("/spec/channel", "declares it"),
        ("/spec/api", "declares it"),
        ("/spec/api/dns", "declares it"),
        ("/spec/api/dns/x", ""),
        ("/spec/api/loadBalancer", ""),
        ("/spec/channel/x", "declares it"),
        ("/spec/subnets", "declares it"),
        ("/spec/subnets/name=mine", "declares it"),
        ("/spec/subnets/name=mine/egress", ""),
        ("/spec/subnets/name=other", ""),
        ("/spec/packages/a", "declares it"),
        ("/spec/packages/b", ""),
        ("/spec/foo/bar", ""),
    ],
)
def test_a_pointer_that_means_nothing_or_contradicts_the_declaration_is_refused(pointer: str, said: str) -> None:
    declared = {
        "channel": "x",
        "api": {"dns": {}},
        "subnets": [{"name": "mine", "zone": "z"}],
        "packages": ["a"],
        "dnsZone": None,
    }
    found = list(find_problems([pointer], declared))
    assert [each.partition(": ")[0] for each in found] == [pointer] * bool(said)
    assert all(said in each for each in found)


def test_a_run_that_was_killed_is_taken_up() -> None:
    state = State(cluster({**RBAC, "channel": "x", "dnsZone": "y"}))
    desired = declare(absent=["/spec/channel", "/spec/foo"])
    done = plan(desired, state)
    unwritten = plan(desired, state, Applied(), done.applied)
    assert (unwritten.changes, unwritten.drift, unwritten.applied) == (done.changes, (), done.applied)
    written = carry_out(state, done)
    theirs = cluster({**RBAC, "channel": "theirs"})
    assert plan(desired, written, Applied(), done.applied).changes == ()
    again = plan(desired, State(theirs), plan(desired, written, Applied(), done.applied).applied)
    assert [each.pointer for each in again.drift] == ["/spec/channel"]


def test_pointers_are_read_as_they_are_written() -> None:
    path = ("externalPolicies", "a/b~c", "é")
    assert path_of(pointer_to(path)) == ("spec", *path)
    rules = rules_of("Cluster")
    spec: Any = {"externalPolicies": {"a/b~c": ["é", "x"]}, "subnets": SUBNETS}
    assert find(rules, spec, path) == "é"
    assert put(rules, spec, path, MISSING) == {**spec, "externalPolicies": {"a/b~c": ["x"]}}
    assert find(rules, spec, ("subnets", "name=a", "zone")) == "a"
    assert put(rules, spec, ("subnets", "name=c", "zone"), "z") == spec
    assert put(rules, spec, ("nowhere", "below"), "z") == spec
