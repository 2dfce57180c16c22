"""A handed-in object is merged into what is there, or takes its place; nothing else of the store is touched."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from clusterstate.errors import SpecInvalid
from clusterstate.plan.changes import Action, Plan
from clusterstate.plan.given import Handed, gather, read_object
from clusterstate.plan.handing import Target, find_wrong, merge_handed, replace_handed
from clusterstate.plan.observed import Observed
from clusterstate.plan.values import equal_json
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.objects import State
from clusterstate.store.base import Version
from tests.plan.specs import specs
from tests.plan.states import NAME, NOW, URL, VERSION, cluster, golden, group

LABELS = {"kops.k8s.io/cluster": NAME}
TARGET = Target(URL)
SEEN = Version("seen")
SOUND: dict[str, Any] = {"cloudProvider": "aws", "kubernetesVersion": "v1.32.0", "authorization": {"rbac": {}}}


def hand(*bodies: dict[str, Any]) -> Handed:
    (handed,) = gather(read_object(f"document {number}", each) for number, each in enumerate(bodies, 1))
    return handed


def a_cluster(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": VERSION, "kind": "Cluster", "metadata": {"name": NAME, **metadata}, "spec": spec}


def a_group(name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    metadata = {"name": name, "labels": LABELS, **metadata}
    return {"apiVersion": VERSION, "kind": "InstanceGroup", "metadata": metadata, "spec": spec}


def observed(state: State) -> Observed:
    keys = ["config", *(f"instancegroup/{name}" for name in state.instance_groups)]
    return Observed(state, dict.fromkeys(keys, SEEN))


def swap(handed: Handed, state: State, *, force: bool = False) -> Plan:
    return replace_handed(handed, TARGET, observed(state), NOW, force=force)


def merge(handed: Handed, state: State) -> Plan:
    return merge_handed(handed, TARGET, observed(state), NOW)


def changed(plan: Plan) -> dict[str, dict[str, Any]]:
    return {each.key: {field.pointer: field.new for field in each.fields} for each in plan.changes}


def test_a_merge_takes_nothing_away() -> None:
    handed = hand(
        a_cluster({"cloudLabels": {"a": "b"}}, labels={"l": "m"}), a_group("nodes-us-east-1a", {"maxSize": 9})
    )
    plan = merge(handed, golden())
    assert changed(plan) == {
        "config": {"/metadata/labels/l": "m", "/spec/cloudLabels/a": "b"},
        "instancegroup/nodes-us-east-1a": {"/spec/maxSize": 9},
    }


def test_a_whole_document_leaves_nothing_of_the_one_before_but_its_beginnings() -> None:
    before = group("n", {"role": "Node", "minSize": 1, "machineType": "a"}, labels={"old": "x"}, generation=4)
    before.metadata["creationTimestamp"] = "2017-01-01T00:00:00Z"
    handed = hand(a_group("n", {"role": "Node", "minSize": 2}, generation=1, creationTimestamp=None))
    (change,) = swap(handed, State(cluster(SOUND), {"n": before})).changes
    assert change.document is not None
    assert change.document.spec == {"role": "Node", "minSize": 2}
    assert change.document.metadata == {
        "name": "n",
        "labels": LABELS,
        "creationTimestamp": "2017-01-01T00:00:00Z",
        "generation": 5,
    }
    assert change.expect == SEEN


@settings(max_examples=50)
@given(specs("InstanceGroup"), specs("InstanceGroup"))
def test_generation_rises_exactly_when_the_specs_differ(before: dict[str, Any], after: dict[str, Any]) -> None:
    for spec in (before, after):
        spec.update(role="Node", minSize=1, maxSize=1, subnets=[])
    handed = hand(a_group("n", after, annotations={"a": "b"}))
    state = State(cluster(SOUND), {"n": group("n", before, generation=7)})
    (change,) = swap(handed, state).changes
    assert change.document is not None
    kept, wanted = (complete("InstanceGroup", canonical("InstanceGroup", each).spec) for each in (before, after))
    assert equal_json(change.document.spec, wanted)
    assert change.document.metadata["generation"] == 7 + (not equal_json(kept, wanted))
    assert swap(handed, plan_into(state, change.document)).changes == ()


def plan_into(state: State, document: Any) -> State:
    return replace(state, instance_groups={document.name: document})


def test_what_isn_t_there_is_created_by_force_alone() -> None:
    handed = hand(a_group("new", {"role": "Node", "minSize": 1, "maxSize": 1, "subnets": ["us-east-1a"]}))
    with pytest.raises(SpecInvalid, match=r"document 1: InstanceGroup new isn't in .* --force"):
        swap(handed, golden())
    (change,) = swap(handed, golden(), force=True).changes
    assert (change.key, change.action, change.expect) == ("instancegroup/new", Action.CREATE, None)


@pytest.mark.parametrize("put", [merge, swap], ids=["merged", "whole"])
def test_a_group_needs_its_cluster(put: Callable[[Handed, State], Plan]) -> None:
    with pytest.raises(SpecInvalid, match=f"{URL}/{NAME} holds no cluster"):
        put(hand(a_group("new", {"role": "Node"})), State())


def test_a_new_cluster_says_who_may_do_what() -> None:
    spec = {key: value for key, value in SOUND.items() if key != "authorization"}
    with pytest.raises(SpecInvalid, match=r"has no spec\.authorization, which kops reads as alwaysAllow"):
        merge(hand(a_cluster(spec)), State())
    (change,) = merge(hand(a_cluster(SOUND)), State()).changes
    assert change.document is not None
    assert change.document.spec["configBase"] == f"{URL}/{NAME}"


def test_a_running_cluster_keeps_what_it_can_t_lose() -> None:
    state = golden()
    assert state.cluster is not None
    spec = {key: value for key, value in state.cluster.spec.items() if key != "etcdClusters"}
    with pytest.raises(SpecInvalid, match="a running cluster can't lose an etcd cluster"):
        swap(hand(a_cluster(spec)), state)


def test_a_field_that_kops_would_drop_is_refused_unless_the_store_has_it() -> None:
    handed = hand(a_group("n", {"role": "Node", "ofTomorrow": 1, "minSize": 2}))
    state = State(cluster(SOUND), {"n": group("n", {"role": "Node"})})
    with pytest.raises(SpecInvalid, match="/spec/ofTomorrow: kops knows no such field"):
        swap(handed, state)
    newer = plan_into(state, group("n", {"role": "Node", "ofTomorrow": 1}, labels=LABELS))
    assert changed(swap(handed, newer)) == {"instancegroup/n": {"/spec/minSize": 2}}


def test_a_field_that_kops_forgets_is_told_and_left_out() -> None:
    handed = hand(a_cluster({"topology": {"masters": "private"}, "channel": "alpha"}))
    plan = merge(handed, golden())
    assert changed(plan) == {"config": {"/spec/channel": "alpha"}}
    assert "/spec/topology/masters" in plan.warnings[0]


def test_what_kops_would_refuse_is_refused() -> None:
    handed = hand(a_group("nodes-us-east-1a", {"minSize": 5, "maxSize": 2}))
    with pytest.raises(SpecInvalid, match="less than minSize"):
        merge(handed, golden())


@pytest.mark.parametrize(
    ("bodies", "wrong"),
    [
        ([a_cluster({})], []),
        ([a_cluster({"kubernetesVersion": "next"})], ["/spec/kubernetesVersion is next, which kops can't read"]),
        ([a_group("n", {"minSize": "1"})], ["/spec/minSize: is text"]),
        ([a_group("n", {"minSize": -1})], ["/spec/minSize is -1"]),
        ([a_group("n", {"subnets": ["unknown"]})], []),
        (
            [a_cluster({"cloudProvider": "aws"}), a_group("n", {"subnets": ["a"]})],
            ["kubernetesVersion is missing", "role is missing", "names subnet a, which the cluster doesn't have"],
        ),
    ],
)
def test_only_a_whole_cluster_lacks_anything(bodies: list[dict[str, Any]], wrong: list[str]) -> None:
    found = [problem for _, problem in find_wrong(hand(*bodies))]
    assert len(found) == len(wrong)
    assert all(part in problem for part, problem in zip(wrong, found, strict=True))


@pytest.mark.parametrize("put", [merge, swap], ids=["merged", "whole"])
def test_handing_in_what_is_there_changes_nothing(put: Callable[[Handed, State], Plan]) -> None:
    state = golden()
    documents = [state.cluster, *state.instance_groups.values()]
    bodies = (
        {"apiVersion": VERSION, "kind": each.kind, "metadata": each.metadata, "spec": each.spec}
        for each in documents
        if each
    )
    assert put(hand(*bodies), state).changes == ()
