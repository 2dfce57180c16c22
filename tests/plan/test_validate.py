"""What kops would refuse is refused before it is written, but only where the declaration is the cause."""

from collections.abc import Mapping
from typing import Any

import pytest

from clusterstate.errors import SpecInvalid
from clusterstate.plan.desired import DesiredGroup, DriftPolicy
from clusterstate.plan.naming import NAMED
from clusterstate.plan.observed import Applied, specs_of
from clusterstate.plan.validate import find_problems
from clusterstate.state.objects import State
from tests.plan.states import cluster, declare, golden, group, plan

SOUND: dict[str, Any] = {
    "cloudProvider": "aws",
    "kubernetesVersion": "v1.32.0",
    "authorization": {"rbac": {}},
    "subnets": [{"name": "a"}],
    "etcdClusters": [{"name": "main", "etcdMembers": [{"name": "a", "instanceGroup": "control"}]}],
}
CONTROL = {"role": "Master", "subnets": ["a"], "minSize": 1, "maxSize": 1}
NODES = {"role": "Node", "subnets": ["a"], "minSize": 1, "maxSize": 3}


def etcd(*members: Mapping[str, Any], name: str = "main") -> dict[str, Any]:
    return {"etcdClusters": [{"name": name, "etcdMembers": list(members)}]}


def problems(
    spec: Mapping[str, Any], nodes: Mapping[str, Any], control: Mapping[str, Any] | None = CONTROL
) -> list[str]:
    groups = {"nodes": DesiredGroup("nodes", dict(nodes))}
    if control is not None:
        groups["control"] = DesiredGroup("control", dict(control))
    return [f"{each.place} {each.message}" for each in find_problems(Applied(dict(spec), groups))]


def without(spec: Mapping[str, Any], field: str) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != field}


A = {"name": "a", "instanceGroup": "control"}
MEMBERS = "config/spec/etcdClusters/name=main/etcdMembers"
RULES = [
    (without(SOUND, "cloudProvider"), NODES, CONTROL, "config/spec/cloudProvider is missing"),
    (without(SOUND, "kubernetesVersion"), NODES, CONTROL, "config/spec/kubernetesVersion is missing"),
    *(
        (
            SOUND | {"sshAccess": ["10.0.0.0/8", "pl-1", "::/0", bad]},
            NODES,
            CONTROL,
            f"config/spec/sshAccess holds {bad!r}, which is no network such as 10.0.0.0/8",
        )
        for bad in ("", "me", "10.0.0.1", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/255.0.0.0")
    ),
    (SOUND | etcd(A, A | {"name": "b"}), NODES, CONTROL, f"{MEMBERS} has 2 members; etcd needs an odd number of them"),
    (SOUND | etcd({"name": "a"}), NODES, None, f"{MEMBERS}/name=a has no instanceGroup"),
    (SOUND, NODES, None, f"{MEMBERS}/name=a/instanceGroup names instance group control, which doesn't exist"),
    (
        SOUND | etcd(A | {"instanceGroup": "nodes"}),
        NODES,
        None,
        f"{MEMBERS}/name=a/instanceGroup names instance group nodes, whose role isn't ControlPlane",
    ),
    (
        SOUND | etcd(A, name="other"),
        NODES,
        CONTROL,
        "config/spec/etcdClusters/name=other is none of kops's etcd clusters: main, events, cilium",
    ),
    (SOUND, without(NODES, "role"), CONTROL, "instancegroup/nodes/spec/role is missing"),
    (
        SOUND,
        NODES | {"role": "Etcd"},
        CONTROL,
        "instancegroup/nodes/spec/role is none of kops's roles: ControlPlane, Node, Bastion, APIServer",
    ),
    (
        SOUND,
        NODES | {"role": "Master", "maxSize": 1},
        CONTROL,
        "instancegroup/nodes/spec/role is ControlPlane, but etcd cluster main has no member in it",
    ),
    (
        SOUND,
        NODES | {"subnets": ["a", "b"]},
        CONTROL,
        "instancegroup/nodes/spec/subnets names subnet b, which the cluster doesn't have",
    ),
    (
        SOUND | {"kubernetesVersion": "latest"},
        NODES,
        CONTROL,
        "config/spec/kubernetesVersion is latest, which kops can't read as a version",
    ),
    (
        SOUND,
        NODES | {"minSize": -1},
        CONTROL,
        "instancegroup/nodes/spec/minSize is -1; no group can have less than no machine",
    ),
    (SOUND, NODES | {"minSize": 4}, CONTROL, "instancegroup/nodes/spec/maxSize is 3, less than minSize, which is 4"),
    (
        SOUND,
        NODES,
        without(CONTROL, "subnets"),
        "instancegroup/control/spec/subnets is missing; a control plane needs at least one",
    ),
    (
        SOUND,
        NODES,
        CONTROL | {"maxSize": 3},
        "instancegroup/control/spec/maxSize is 3; of a control plane it is 1: declare more groups instead",
    ),
]


@pytest.mark.parametrize(("spec", "nodes", "control", "said"), RULES)
def test_each_rule(spec: dict[str, Any], nodes: dict[str, Any], control: dict[str, Any] | None, said: str) -> None:
    assert problems(spec, nodes, control) == [said]


def test_what_kops_takes_passes() -> None:
    assert problems(SOUND, NODES) == []
    assert problems(SOUND, {"role": "Node"}) == []
    assert problems(SOUND, {"role": "APIServer"}) == []
    assert problems(SOUND, {"role": "Bastion", "maxSize": 0}) == []


def test_the_states_of_kops_itself_are_sound() -> None:
    for name in ("complex.example.com", "minimal.example.com"):
        assert list(find_problems(specs_of(golden(name)))) == []


@pytest.mark.parametrize(("spec", "nodes", "control"), [rule[:3] for rule in RULES])
def test_what_others_broke_blocks_nobody_else(
    spec: dict[str, Any], nodes: dict[str, Any], control: dict[str, Any] | None
) -> None:
    groups = {"nodes": group("nodes", nodes)} | ({} if control is None else {"control": group("control", control)})
    broken = State(cluster(spec), groups)
    assert plan(declare({"channel": "alpha"}, {"more": {"role": "Node"}}), broken).changes


@pytest.mark.parametrize(
    ("version", "read"),
    [(each, True) for each in ("1", "v1.32", "1.32.0", " v1.32.0-alpha.3+a-b ", "https://x/v1.32.0/bin", "01.032.0")]
    + [(each, False) for each in ("a", "1.x", "1.32-rc", "1.32.0.1", "1.32.0-", "vv1", "-1", "https://x/1.32.0")],
)
def test_versions_that_kops_reads(version: str, *, read: bool) -> None:
    assert (problems(SOUND | {"kubernetesVersion": version}, NODES) == []) == read


EVEN = [A, A | {"name": "b"}]
BROKEN = State(
    cluster(SOUND | etcd(*EVEN) | {"kubernetesVersion": "latest"}),
    {"control": group("control", CONTROL), "nodes": group("nodes", NODES | {"minSize": 4, "subnets": ["b"]})},
)


@pytest.mark.parametrize(
    ("spec", "nodes", "said"),
    [
        ({"kubernetesVersion": "latest"}, {}, "kubernetesVersion is latest"),
        (etcd(*EVEN), {}, "etcdMembers has 2 members"),
        ({}, {"minSize": 4, "maxSize": 3}, "nodes/spec/maxSize is 3"),
        ({}, {"subnets": ["b"]}, "nodes/spec/subnets names subnet b"),
        (etcd({"name": "b", "encryptedVolume": True}), {}, ""),
        ({}, {"minSize": 4}, ""),
        ({}, {"maxSize": 3}, ""),
        ({}, {"machineType": "m"}, ""),
    ],
)
def test_what_others_broke_is_refused_where_it_is_declared_so(
    spec: dict[str, Any], nodes: dict[str, Any], said: str
) -> None:
    desired = declare(spec | {"channel": "alpha"}, {"nodes": nodes})
    if not said:
        assert plan(desired, BROKEN).changes
        return
    with pytest.raises(SpecInvalid, match=said) as caught:
        plan(desired, BROKEN)
    assert caught.value.message.count("/spec/") == 1


def test_what_others_broke_while_drift_is_only_reported_holds_up_nothing() -> None:
    base = Applied(instance_groups={"nodes": DesiredGroup("nodes", {"maxSize": 5})})
    desired = declare({"channel": "alpha"}, {"nodes": {"maxSize": 5}}, drift=DriftPolicy.REPORT)
    assert plan(desired, BROKEN, base).changes


def test_a_declaration_that_breaks_a_rule_across_files_is_refused() -> None:
    state = State(cluster(SOUND), {"control": group("control", CONTROL), "nodes": group("nodes", NODES)})
    with pytest.raises(SpecInvalid, match="instancegroup/nodes/spec/maxSize is 0") as caught:
        plan(declare({}, {"nodes": {"maxSize": 0}, "new": {"minSize": 1}}), state)
    assert "instancegroup/new/spec/role is missing" in caught.value.message
    assert caught.value.message.startswith("kops would refuse what is declared: ")
    with pytest.raises(SpecInvalid, match="nodes/spec/subnets names subnet a"):
        plan(declare(absent=["/spec/subnets/name=a"]), state)
    control = DesiredGroup("control", {"role": "Master"})
    moved = declare(etcd({"name": "a", "instanceGroup": "other"}), {"other": CONTROL}, prune=True)
    assert [change.key for change in plan(moved, state, Applied(instance_groups={"control": control})).changes] == [
        "config",
        "instancegroup/other",
        "instancegroup/control",
    ]


def test_of_many_problems_a_few_are_named_and_all_counted() -> None:
    state = State(cluster(SOUND), {"control": group("control", CONTROL)})
    with pytest.raises(SpecInvalid) as caught:
        plan(declare(groups={f"group-{number}": {} for number in range(NAMED + 3)}), state)
    assert caught.value.message.count("is missing") == NAMED
    assert "and 3 more" in caught.value.message
