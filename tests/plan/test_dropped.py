"""A field that kops doesn't know is pushed once; what kops drops is told and left until it is declared anew."""

from typing import Any

import pytest

from clusterstate.plan.changes import Plan
from clusterstate.plan.desired import ConflictPolicy, DesiredGroup
from clusterstate.plan.observed import Applied
from clusterstate.state.objects import State
from tests.plan.states import carry_out, cluster, declare, group, plan

RBAC = {"authorization": {"rbac": {}}}
POLICIES = tuple(ConflictPolicy)


def fields(done: Plan) -> list[tuple[str, Any]]:
    return [(each.pointer, each.new) for change in done.changes for each in change.fields]


TOLERATION = {"key": "a", "newer": 1}
CASES = [
    pytest.param({"newer": {"a": 1}}, {}, "/spec/newer", id="at the top"),
    pytest.param({"kubelet": {"newer": 1, "maxPods": 5}}, {"kubelet": {"maxPods": 5}}, "/spec/kubelet/newer",
      id="below"),
    pytest.param(
        {"subnets": [{"name": "a", "zone": "a", "newer": 1}]},
        {"subnets": [{"name": "a", "zone": "a", "type": "Public"}]},
        "/spec/subnets/name=a/newer",
        id="in an item",
    ),
    pytest.param(
        {"kubeDNS": {"tolerations": [TOLERATION]}},
        {"kubeDNS": {"tolerations": [{"key": "a"}]}},
        "/spec/kubeDNS/tolerations",
        id="in a list that is one value",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "kept", "pointer"), CASES)
@pytest.mark.parametrize("conflict", POLICIES)
def test_what_kops_dropped_is_told_and_left(
    declared: dict[str, Any], kept: dict[str, Any], pointer: str, conflict: ConflictPolicy
) -> None:
    desired = declare(declared, conflict=conflict)
    first = plan(desired, State(cluster(RBAC)))
    assert carry_out(State(cluster(RBAC)), first).cluster is not None
    dropped = State(cluster({**RBAC, **kept, "topology": {"dns": {"type": "Public"}}}))
    second = plan(desired, dropped, first.applied)
    assert (second.changes, second.drift, second.conflicts) == ((), (), ())
    assert [(each.key, each.pointer) for each in second.dropped] == [("config", pointer)]
    assert second.applied == first.applied
    assert plan(desired, dropped, second.applied) == second
    gone = plan(declare(kept), dropped, second.applied)
    assert (gone.changes, gone.drift, gone.conflicts, gone.dropped) == ((), (), (), ())


def test_another_value_is_pushed_once_more_and_is_no_conflict() -> None:
    dropped = State(cluster(RBAC))
    again = plan(declare({"newer": 2}), dropped, Applied({"newer": 1}))
    assert fields(again) == [("/spec/newer", 2)]
    assert (again.conflicts, again.dropped) == ((), ())
    assert [each.pointer for each in plan(declare({"newer": 2}), dropped, again.applied).dropped] == ["/spec/newer"]


def test_a_change_beside_it_does_not_bring_it_back() -> None:
    dropped = State(cluster({**RBAC, "channel": "x"}))
    done = plan(declare({"newer": 1, "channel": "y"}), dropped, Applied({"newer": 1, "channel": "x"}))
    assert fields(done) == [("/spec/channel", "y")]
    after = carry_out(dropped, done).cluster
    assert after is not None
    assert "newer" not in after.spec
    assert done.applied.cluster == {"newer": 1, "channel": "y"}


def test_what_others_changed_or_removed_with_its_parent_is_drift() -> None:
    for observed in ({"newer": 2}, {}):
        store = State(cluster({**RBAC, **({"kubelet": observed} if observed else {})}))
        done = plan(declare({"kubelet": {"newer": 1}}), store, Applied({"kubelet": {"newer": 1}}))
        assert [each.pointer for each in done.drift] == ["/spec/kubelet/newer"]
        assert done.dropped == ()


def test_groups_drop_too_and_kops_fields_never_count_as_dropped() -> None:
    spec = {"role": "Node", "newer": 1, "maxSize": 3}
    store = State(cluster(RBAC), {"a": group("a", {"role": "Node"})})
    done = plan(declare(groups={"a": spec}), store, Applied(instance_groups={"a": DesiredGroup("a", spec)}))
    assert [(each.key, each.pointer) for each in done.dropped] == [("instancegroup/a", "/spec/newer")]
    assert [each.pointer for each in done.drift] == ["/spec/maxSize"]
