"""Whole plans over whole states: which files change, and how."""

import json
from dataclasses import replace
from typing import Any

import pytest

from clusterstate.errors import AdoptionRefused, SpecInvalid
from clusterstate.plan.changes import Action
from clusterstate.plan.desired import AdoptionPolicy, ConflictPolicy, DesiredGroup, Direction, DriftPolicy, Metadata
from clusterstate.plan.diff import plan_digest, summarise
from clusterstate.plan.observed import Applied
from clusterstate.state.objects import State
from clusterstate.store.base import Version
from tests.plan.states import NAME, VERSION, carry_out, cluster, declare, golden, group, plan

RBAC = {"authorization": {"rbac": {}}}
REQUIRED = {"cloudProvider": "aws", "kubernetesVersion": "v1.32.0"}
NEW = RBAC | REQUIRED
"""The least that a new cluster takes."""
NODES = {"role": "Node", "minSize": 1, "maxSize": 2}
CONTROL = {"role": "Master", "subnets": ["s"]}


def test_three_fields_and_a_new_group_change_two_files() -> None:
    state = golden()
    declared = {
        "kubernetesVersion": "v1.33.0",
        "kubelet": {"maxPods": 50},
        "api": {"loadBalancer": {"class": "Classic"}},
    }
    done = plan(declare(declared, {"extra": NODES}), state)
    config, extra = done.changes
    assert (config.key, config.action, config.expect) == ("config", Action.UPDATE, Version("v-config"))
    assert [each.pointer for each in config.fields] == [
        "/spec/api/loadBalancer/class",
        "/spec/kubelet/maxPods",
        "/spec/kubernetesVersion",
    ]
    assert config.document is not None
    assert state.cluster is not None
    assert config.document.metadata == {**state.cluster.metadata, "generation": 2}
    assert (extra.key, extra.action, extra.expect) == ("instancegroup/extra", Action.CREATE, None)
    assert extra.document is not None
    assert extra.document.metadata == {
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": {"kops.k8s.io/cluster": NAME},
        "name": "extra",
    }
    assert summarise(done, "s3://x") == "1 to change, 1 to create in s3://x"


def test_the_second_run_finds_nothing_to_do() -> None:
    desired = declare({"kubernetesVersion": "v1.33.0"}, {"extra": NODES})
    first = plan(desired, golden())
    second = plan(desired, carry_out(golden(), first), first.applied)
    assert second.changes == second.drift == second.conflicts == ()
    assert second.applied == first.applied
    assert summarise(second, "s3://x") == "in sync with s3://x"


def test_undeclaring_gives_the_original_documents_back_but_for_the_generation() -> None:
    desired = declare(
        {"kubelet": {"maxPods": 50}, "cloudLabels": {"a.b/c": "d"}},
        {"nodes-us-east-1a": {"taints": ["x=y:NoSchedule"]}},
    )
    first = plan(desired, golden())
    state = carry_out(golden(), first)
    undone = plan(declare({}, {"nodes-us-east-1a": {}}), state, first.applied)
    after, before = carry_out(state, undone), golden()
    assert after.cluster is not None
    assert before.cluster is not None
    assert after.cluster.spec == before.cluster.spec
    assert after.cluster.metadata["generation"] == 3
    nodes = after.instance_groups["nodes-us-east-1a"]
    assert nodes.spec == before.instance_groups["nodes-us-east-1a"].spec
    assert nodes.metadata["generation"] == 2


@pytest.mark.parametrize(("stored", "next_one"), [({}, 1), ({"generation": 1}, 2), ({"generation": 41}, 42)])
def test_generation_rises_by_one_with_the_spec(stored: dict[str, int], next_one: int) -> None:
    state = State(cluster=cluster({**RBAC, "channel": "stable"}, **stored))
    (change,) = plan(declare({"channel": "alpha", "kubernetesVersion": "1.30.0"}), state).changes
    assert change.document is not None
    assert change.document.metadata["generation"] == next_one


@pytest.mark.parametrize(
    "applied", [None, Applied(instance_groups={"nodes": DesiredGroup("nodes", {}, {"ours": "1"})})]
)
def test_labels_that_are_no_text_stay_as_they_are(applied: Applied | None) -> None:
    theirs: dict[str, Any] = {"number": 1, "flag": True, "nothing": None}
    there = theirs if applied is None else theirs | {"ours": "1"}
    state = State(cluster(RBAC, annotations=theirs), {"nodes": group("nodes", NODES, labels=there)})
    desired = replace(
        declare(metadata=Metadata(annotations={"ours": "2"})),
        instance_groups={"nodes": DesiredGroup("nodes", {}, {"ours": "2"})},
    )
    after = carry_out(state, plan(desired, state, applied))
    assert after.cluster is not None
    assert after.cluster.metadata["annotations"] == theirs | {"ours": "2"}
    assert after.instance_groups["nodes"].metadata["labels"] == theirs | {"ours": "2"}
    assert not plan(desired, after, plan(desired, state, applied).applied).changes


def test_labels_alone_raise_no_generation() -> None:
    state = State(cluster(RBAC), {"nodes": group("nodes", NODES, generation=3, labels={"theirs": "1"})})
    desired = declare(groups={"nodes": {}})
    desired = replace(desired, instance_groups={"nodes": DesiredGroup("nodes", {}, {"ours": "2"})})
    first = plan(desired, state)
    (change,) = first.changes
    assert change.document is not None
    assert change.document.metadata == {"name": "nodes", "generation": 3, "labels": {"theirs": "1", "ours": "2"}}
    undone = plan(declare(groups={"nodes": {}}), carry_out(state, first), first.applied)
    assert carry_out(state, undone).instance_groups == state.instance_groups


def test_the_same_in_another_spelling_is_no_change() -> None:
    spec = {**RBAC, "kubelet": {"streamingConnectionIdleTimeout": "60s"}, "channel": ""}
    state = State(replace(cluster(spec), api_version="kops/v1alpha2"))
    desired = declare({"kubelet": {"streamingConnectionIdleTimeout": "1m0s"}})
    applied = Applied({"kubelet": {"streamingConnectionIdleTimeout": "1m0s"}})
    assert plan(desired, state).changes == ()
    assert plan(desired, state, applied).drift == ()


def test_an_old_document_is_upgraded_when_it_is_rewritten() -> None:
    state = State(replace(cluster(RBAC), api_version="kops/v1alpha2"))
    (change,) = plan(declare({"channel": "alpha"}), state).changes
    assert change.document is not None
    assert change.document.api_version == VERSION


def test_a_new_cluster_is_made_as_kops_makes_it() -> None:
    (change,) = plan(declare({**NEW, "channel": "stable"}), State()).changes
    assert change.document is not None
    assert change.document.api_version == VERSION
    assert change.document.metadata == {"creationTimestamp": "2026-01-02T03:04:05Z", "name": NAME}
    assert change.document.spec == {
        **NEW,
        "channel": "stable",
        "configBase": f"s3://state/{NAME}",
        "topology": {"dns": {"type": "Public"}},
    }


def test_a_declared_config_base_stays() -> None:
    (change,) = plan(declare({**NEW, "configBase": "s3://other/x"}), State()).changes
    assert change.document is not None
    assert change.document.spec["configBase"] == "s3://other/x"


def test_where_kops_could_not_use_it_a_new_cluster_has_no_config_base() -> None:
    desired = replace(declare(NEW), names_place=False)
    (change,) = plan(desired, State()).changes
    assert change.document is not None
    assert "configBase" not in change.document.spec
    again = plan(desired, State(change.document), Applied(NEW))
    assert (again.changes, again.drift) == ((), ())


def test_a_new_clusters_own_fields_are_no_declaration() -> None:
    first = plan(declare(NEW), State())
    assert first.applied.cluster == NEW


def test_what_kops_adds_to_a_new_cluster_is_no_part_of_the_base() -> None:
    desired = declare({**NEW, "networking": {"flannel": {}}, "kubeAPIServer": {"oidcIssuerURL": "https://x"}})
    first = plan(desired, State())
    second = plan(desired, carry_out(State(), first), first.applied)
    assert second.changes == ()
    assert second.applied == first.applied


@pytest.mark.parametrize("spec", [{}, {"channel": "stable"}, {"authorization": {}}])
def test_a_cluster_without_authorization_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(SpecInvalid, match="authorization"):
        plan(declare(spec), State())


def test_a_group_without_any_cluster_is_refused() -> None:
    with pytest.raises(SpecInvalid, match=r"spec\.cluster"):
        plan(declare(groups={"nodes": NODES}), State())


def test_an_etcd_cluster_is_never_undeclared_away() -> None:
    members = [{"name": "a", "instanceGroup": "a"}]
    etcd = {"etcdClusters": [{"name": name, "etcdMembers": members} for name in ("main", "events")]}
    etcd["subnets"] = [{"name": "s"}]
    first = plan(declare(NEW | etcd, {"a": CONTROL}), State())
    fewer = declare(NEW | {"etcdClusters": etcd["etcdClusters"][:1]}, {"a": CONTROL})
    with pytest.raises(SpecInvalid, match="events"):
        plan(fewer, carry_out(State(), first), first.applied)


def test_authorization_is_never_undeclared_away() -> None:
    first = plan(declare(NEW), State())
    with pytest.raises(SpecInvalid, match="authorization"):
        plan(declare(REQUIRED), carry_out(State(), first), first.applied)


@pytest.mark.parametrize(
    ("declared", "groups", "lost"),
    [
        ({"kubernetesVersion": "v1.33.0"}, {}, "config/spec/kubernetesVersion"),
        ({"cloudProvider": "aws"}, {}, "config/spec/cloudProvider"),
        (None, {"nodes-us-east-1a": {"role": "Node"}}, "instancegroup/nodes-us-east-1a/spec/role"),
    ],
)
def test_what_kops_requires_is_never_undeclared_away(
    declared: dict[str, Any] | None, groups: dict[str, dict[str, Any]], lost: str
) -> None:
    first = plan(declare(declared, groups), golden())
    with pytest.raises(SpecInvalid, match=lost):
        plan(declare({}, {name: {} for name in groups}), carry_out(golden(), first), first.applied)


def test_a_group_that_is_declared_no_more_stays_and_is_named_until_it_is_gone() -> None:
    state = State(cluster(RBAC))
    first = plan(declare(groups={"a": NODES, "b": NODES}), state)
    state = carry_out(state, first)
    second = plan(declare(groups={"b": NODES}), state, first.applied)
    assert (second.changes, second.unpruned) == ((), ("instancegroup/a",))
    assert (first.applied.undeclared, second.applied.undeclared) == (frozenset(), {"a"})
    assert Applied.from_json(second.applied.as_json()) == second.applied
    third = plan(declare(groups={"b": NODES}), state, second.applied)
    assert third == second
    gone = plan(declare(groups={"b": NODES}), State(state.cluster, {"b": state.instance_groups["b"]}), third.applied)
    assert gone.unpruned == ()
    assert list(gone.applied.instance_groups) == ["b"]


def test_a_conflict_stops_everything_and_keeps_the_base() -> None:
    state = State(cluster({**RBAC, "channel": "theirs"}))
    applied = Applied({"channel": "old"})
    done = plan(declare({"channel": "ours"}, {"nodes": NODES}), state, applied)
    assert done.changes == ()
    assert [(each.key, each.pointer, each.declared, each.observed) for each in done.conflicts] == [
        ("config", "/spec/channel", "ours", "theirs")
    ]
    assert done.applied == applied
    assert summarise(done, "s3://x") == "1 in conflict with s3://x"


@pytest.mark.parametrize(
    ("policy", "channel"), [(ConflictPolicy.PREFER_SPEC, "ours"), (ConflictPolicy.PREFER_STORE, "theirs")]
)
def test_a_decided_conflict_is_drift(policy: ConflictPolicy, channel: str) -> None:
    state = State(cluster({**RBAC, "channel": "theirs"}))
    done = plan(declare({"channel": "ours"}, conflict=policy), state, Applied({"channel": "old"}))
    assert done.conflicts == ()
    assert [each.pointer for each in done.drift] == ["/spec/channel"]
    after = carry_out(state, done).cluster
    assert after is not None
    assert after.spec["channel"] == channel


def test_a_document_that_others_removed_comes_back_whole_or_not_at_all() -> None:
    state = State(cluster(RBAC))
    desired = declare(groups={"nodes": NODES})
    applied = plan(desired, state).applied
    corrected = plan(desired, state, applied)
    assert [change.action for change in corrected.changes] == [Action.CREATE]
    assert [(each.key, each.pointer) for each in corrected.drift] == [("instancegroup/nodes", "")]
    reported = plan(declare(groups={"nodes": NODES}, drift=DriftPolicy.REPORT), state, applied)
    assert (reported.changes, reported.drift, reported.applied) == ((), corrected.drift, applied)
    moved = plan(declare(groups={"nodes": {**NODES, "maxSize": 9}}), state, applied)
    assert [each.key for each in moved.conflicts] == ["instancegroup/nodes"]


def test_pull_writes_nothing_and_shows_every_difference() -> None:
    desired = declare({"channel": "alpha", "networkCIDR": "10.0.0.0/16"}, {"extra": NODES}, direction=Direction.PULL)
    done = plan(desired, golden())
    assert done.changes == done.conflicts == ()
    assert [(each.key, each.pointer) for each in done.drift] == [
        ("config", "/spec/channel"),
        ("instancegroup/extra", ""),
    ]
    assert summarise(done, "s3://x") == "2 drifted in s3://x"
    assert plan(declare({"channel": "alpha"}, direction=Direction.PULL), State()).drift[0].key == "config"


def test_adoption_fail_refuses_a_state_that_differs() -> None:
    with pytest.raises(AdoptionRefused, match="config/spec/channel"):
        plan(declare({"channel": "alpha"}, adoption=AdoptionPolicy.FAIL), golden())
    with pytest.raises(AdoptionRefused, match="instancegroup/extra"):
        plan(declare({}, {"extra": NODES}, adoption=AdoptionPolicy.FAIL), golden())


def test_adoption_fail_lets_pass_what_needs_no_decision() -> None:
    fail = AdoptionPolicy.FAIL
    assert plan(declare({"channel": "stable"}, adoption=fail), golden()).changes == ()
    assert plan(declare(NEW, {"nodes": NODES}, adoption=fail), State()).changes
    assert plan(declare({"channel": "alpha"}, adoption=fail, dry_run=True), golden()).changes
    assert plan(declare({"channel": "alpha"}, adoption=fail), golden(), Applied()).changes


def test_adoption_fail_goes_on_with_a_first_run_that_was_killed() -> None:
    desired = declare(NEW, {"a": NODES, "b": NODES}, adoption=AdoptionPolicy.FAIL)
    first = plan(desired, State())
    half = carry_out(State(), first, 2)
    assert [change.key for change in plan(desired, half, None, first.applied).changes] == ["instancegroup/b"]
    theirs = State(cluster({**NEW, "channel": "theirs"}))
    with pytest.raises(AdoptionRefused):
        plan(declare({**NEW, "channel": "ours"}, adoption=AdoptionPolicy.FAIL), theirs, None, first.applied)


def test_the_digest_follows_the_fields_alone() -> None:
    one = plan(declare({"channel": "alpha"}), golden())
    same = replace(one, changes=tuple(replace(change, expect=Version("other")) for change in one.changes))
    other = plan(declare({"channel": "beta"}), golden())
    assert plan_digest(one) == plan_digest(same)
    assert len({plan_digest(one), plan_digest(other), plan_digest(plan(declare(), golden()))}) == 3


def test_applied_survives_json() -> None:
    done = plan(declare({"kubelet": {"maxPods": 5}}, {"extra": NODES}), golden())
    again = Applied.from_json(json.loads(json.dumps(done.applied.as_json())))
    assert again == done.applied
    assert again.digest == done.applied.digest
    assert Applied.from_json({}) == Applied()
    assert Applied().digest != again.digest


def test_hooks_without_names_that_others_made_are_never_lost_unseen() -> None:
    theirs, ours = {"manifest": "theirs"}, {"name": "a", "manifest": "ours"}
    adopted = plan(declare({"hooks": [ours]}), State(cluster(NEW | {"hooks": [theirs]})))
    assert ([each.pointer for each in adopted.conflicts], adopted.changes) == (["/spec/hooks"], ())
    pushed = plan(declare({"hooks": [ours]}), State(cluster(NEW)))
    later = State(cluster(NEW | {"hooks": [ours, theirs]}))
    for desired in (declare({"hooks": [ours]}), declare({"channel": "stable"})):
        found = plan(desired, later, pushed.applied)
        assert ([each.pointer for each in found.conflicts], found.changes) == (["/spec/hooks"], ())
    undeclared = plan(declare({}, conflict=ConflictPolicy.PREFER_SPEC), later, pushed.applied)
    document = undeclared.changes[0].document
    assert document is not None
    assert document.spec["hooks"] == [theirs]


@pytest.mark.parametrize("policy", ConflictPolicy)
def test_pull_reports_a_list_that_push_would_not_replace(policy: ConflictPolicy) -> None:
    desired = declare({"hooks": [{"name": "a"}]}, direction=Direction.PULL, conflict=policy)
    found = plan(desired, State(cluster(NEW | {"hooks": [{"manifest": "theirs"}]})))
    assert ([each.pointer for each in found.drift], found.changes) == (["/spec/hooks"], ())
