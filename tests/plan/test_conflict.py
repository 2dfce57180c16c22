"""What a person is told of conflicts: what is so, whatever was pushed before, and what ends them."""

from typing import Any

import pytest

from clusterstate.plan.changes import Plan
from clusterstate.plan.conflict import OF_OBJECTS, tell_conflicts
from clusterstate.plan.desired import Direction, Metadata
from clusterstate.plan.observed import Applied
from clusterstate.state.objects import State
from tests.plan.states import cluster, declare, group, plan

REQUIRED = {"cloudProvider": "aws", "kubernetesVersion": "v1.32.0"}
MINE = {"name": "a", "manifest": "x"}
NAMELESS = {"manifest": "theirs"}


def planned(declared: Any, store: Any, applied: Any = None, direction: Direction = Direction.PUSH) -> Plan:
    """Plan a push of a cluster."""
    base = None if applied is None else Applied({**REQUIRED, **applied})
    return plan(declare({**REQUIRED, **declared}, direction=direction), State(cluster({**REQUIRED, **store})), base)


@pytest.mark.parametrize("hooks", [[MINE], [MINE, {"name": "b", "manifest": "y"}]])
@pytest.mark.parametrize("applied", [None, {"hooks": [MINE]}])
def test_of_a_list_that_counts_as_one_value_the_cure_is_told(hooks: Any, applied: Any) -> None:
    found = planned({"hooks": hooks}, {"hooks": [MINE, NAMELESS]}, applied)
    assert tell_conflicts(found) == (
        "The store has items in config/spec/hooks that aren't declared; such a list is one value as long as an item "
        "has no name or shares it with another. Give each item a name of its own, in the store and in the declaration, "
        "or declare them all; with spec.sync.conflict PreferSpec removes what isn't declared, PreferStore leaves it."
    )


def test_items_of_an_instance_group_have_keys_of_other_names() -> None:
    wanted = {"minSize": 1, "externalLoadBalancers": [{"loadBalancerName": "a"}], "volumes": [{"device": "a"}]}
    store = {"externalLoadBalancers": [{}], "volumes": [{"device": "b", "size": 1}, {"device": "b"}]}
    state = State(cluster(REQUIRED), {"nodes": group("nodes", {"minSize": 2, **store})})
    text = tell_conflicts(plan(declare(groups={"nodes": wanted}, direction=Direction.BOTH), state))
    assert text.startswith("Declaration and store disagree on instancegroup/nodes/spec/minSize, and nobody knows ")
    assert "no targetGroupArn or loadBalancerName or shares it" in text
    assert "items in instancegroup/nodes/spec/volumes that" in text
    assert "Give each item a device of its own" in text


@pytest.mark.parametrize(
    ("declared", "store", "applied", "field"),
    [
        ({"channel": "a"}, {"channel": "b"}, None, "channel"),
        ({"channel": "a"}, {"channel": "b"}, {"channel": "c"}, "channel"),
        ({"hooks": [MINE]}, {"hooks": [{"name": "a", "manifest": "y"}]}, None, "hooks/name=a/manifest"),
        ({"hooks": [NAMELESS, MINE]}, {"hooks": [MINE]}, {"hooks": []}, "hooks"),
        ({}, {"hooks": [MINE, NAMELESS]}, {"hooks": [MINE]}, "hooks"),
        ({"packages": ["a"]}, {"packages": {"b": "c"}}, None, "packages"),
    ],
)  # fmt: skip
def test_of_anything_else_only_that_both_disagree(declared: Any, store: Any, applied: Any, field: str) -> None:
    assert tell_conflicts(planned(declared, store, applied, Direction.BOTH)) == (
        f"Declaration and store disagree on config/spec/{field}, and nobody knows which is right. Make them equal, or "
        "set spec.sync.conflict to PreferSpec or PreferStore."
    )


def test_labels_and_whole_files_are_fields_too() -> None:
    state = State(None, {"nodes": group("nodes", {"minSize": 2})})
    applied = Applied({"channel": "a"})
    found = plan(declare({**REQUIRED, "channel": "b"}), state, applied)
    assert tell_conflicts(found).startswith("Declaration and store disagree on config, ")
    assert tell_conflicts(found, OF_OBJECTS).endswith("take the place of the store's by apply --replace.")
    state = State(cluster(REQUIRED, labels={"a": "theirs"}))
    found = plan(declare(REQUIRED, metadata=Metadata({"a": "b"}), direction=Direction.BOTH), state)
    assert tell_conflicts(found).startswith("Declaration and store disagree on config/metadata/labels/a, ")
