"""The rules of the merge, one by one."""

from typing import Any

import pytest

from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.desired import ConflictPolicy, DriftPolicy, Policy
from clusterstate.plan.merge import LABELS, Disagreement, Merged, merge, merge_metadata

PUSH = Policy()
REPORT = Policy(drift=DriftPolicy.REPORT)
SPEC = Policy(conflict=ConflictPolicy.PREFER_SPEC)
STORE = Policy(conflict=ConflictPolicy.PREFER_STORE)
NOTHING: Any = object()
VERSION = "/spec/kubernetesVersion"


def at_version(applied: Any, declared: Any, observed: Any, policy: Policy) -> Merged:
    """Merge one scalar field beside one that nobody declares."""
    sides = [{} if value is NOTHING else {"kubernetesVersion": value} for value in (applied, declared, observed)]
    return merge("Cluster", sides[0], sides[1], sides[2] | {"channel": "stable"}, policy)


@pytest.mark.parametrize(
    ("applied", "declared", "observed", "policy", "result"),
    [
        pytest.param(NOTHING, "1", "1", PUSH, "1", id="equal already"),
        pytest.param(NOTHING, "2", "1", PUSH, "2", id="new to us: declared wins"),
        pytest.param(NOTHING, "2", NOTHING, PUSH, "2", id="new to all"),
        pytest.param("1", "2", "1", PUSH, "2", id="the declaration moved"),
        pytest.param("1", "2", "2", PUSH, "2", id="both moved to the same value"),
        pytest.param("1", "1", "2", PUSH, "1", id="drift corrected"),
        pytest.param("1", "1", "2", REPORT, "2", id="drift reported"),
        pytest.param("1", "1", NOTHING, PUSH, "1", id="removed by others, corrected"),
        pytest.param("1", "1", NOTHING, REPORT, NOTHING, id="removed by others, reported"),
        pytest.param("1", "2", "3", PUSH, "3", id="conflict left to people"),
        pytest.param("1", "2", "3", SPEC, "2", id="conflict, spec preferred"),
        pytest.param("1", "2", "3", STORE, "3", id="conflict, store preferred"),
        pytest.param("1", "2", NOTHING, STORE, NOTHING, id="conflict with a removal"),
        pytest.param("1", NOTHING, "1", PUSH, NOTHING, id="undeclared: removed"),
        pytest.param("1", NOTHING, NOTHING, PUSH, NOTHING, id="undeclared and gone"),
        pytest.param("1", NOTHING, "2", PUSH, "2", id="undeclared but changed: people"),
        pytest.param("1", NOTHING, "2", SPEC, NOTHING, id="undeclared but changed: spec"),
        pytest.param("1", NOTHING, "2", STORE, "2", id="undeclared but changed: store"),
        pytest.param(NOTHING, NOTHING, "2", PUSH, "2", id="never declared"),
    ],
)  # fmt: skip
def test_a_field_takes_its_value_from(applied: Any, declared: Any, observed: Any, policy: Policy, result: Any) -> None:
    merged = at_version(applied, declared, observed, policy)
    expected = {} if result is NOTHING else {"kubernetesVersion": result}
    assert merged.spec == expected | {"channel": "stable"}
    assert bool(merged.changes) == (result != observed)


def test_drift_and_conflict_name_both_values() -> None:
    assert at_version("1", "1", "2", REPORT).drift == (Disagreement(VERSION, "1", "2"),)
    assert at_version("1", "2", "3", PUSH).conflicts == (Disagreement(VERSION, "2", "3"),)
    assert at_version("1", NOTHING, "3", PUSH).conflicts == (Disagreement(VERSION, None, "3"),)


def test_a_change_names_what_was_and_what_becomes() -> None:
    assert at_version("1", "2", "1", PUSH).changes == (FieldChange(VERSION, Action.UPDATE, "1", "2"),)
    assert at_version("1", NOTHING, "1", PUSH).changes == (FieldChange(VERSION, Action.DELETE, "1", None),)
    assert at_version(NOTHING, "2", NOTHING, PUSH).changes == (FieldChange(VERSION, Action.CREATE, None, "2"),)


def test_a_conflict_that_the_store_won_stays_won() -> None:
    first = at_version("1", "2", "3", STORE)
    second = merge("Cluster", first.applied, {"kubernetesVersion": "2"}, first.spec, STORE)
    assert second.changes == ()
    assert second.conflicts == first.conflicts


def test_true_is_not_one() -> None:
    merged = merge("Cluster", None, {"x": True}, {"x": 1}, PUSH)
    assert merged.changes == (FieldChange("/spec/x", Action.UPDATE, old=1, new=True),)


def test_pointers_are_escaped() -> None:
    declared = {"cloudLabels": {"a.b/c~d": "1"}, "subnets": [{"name": "x/y", "zone": "z"}]}
    merged = merge("Cluster", None, declared, {"subnets": [{"name": "x/y", "zone": "a"}]}, PUSH)
    assert [change.pointer for change in merged.changes] == [
        "/spec/cloudLabels/a.b~1c~0d",
        "/spec/subnets/name=x~1y/zone",
    ]


def test_unknown_fields_of_the_store_stay() -> None:
    observed = {"newField": {"deep": [1, {"x": None}]}, "api": {"other": 1}}
    merged = merge("Cluster", {}, {"api": {"loadBalancer": {"type": "Public"}}}, observed, PUSH)
    assert merged.spec == {
        "newField": {"deep": [1, {"x": None}]},
        "api": {"other": 1, "loadBalancer": {"type": "Public"}},
    }


@pytest.mark.parametrize("original", [{}, {"api": {}}, {"api": {"loadBalancer": {}}}, {"api": {"dns": {}}}])
def test_a_map_goes_with_its_last_field_only_if_a_push_made_it(original: dict[str, Any]) -> None:
    declared = {"api": {"loadBalancer": {"type": "Public"}}}
    pushed = merge("Cluster", None, declared, original, PUSH)
    assert merge("Cluster", pushed.applied, {}, pushed.spec, PUSH, pushed.created).spec == original


def test_a_map_that_a_push_made_stays_while_others_use_it() -> None:
    pushed = merge("Cluster", None, {"api": {"loadBalancer": {"type": "Public"}}}, {}, PUSH)
    theirs = {"api": {"loadBalancer": {"type": "Public", "class": "Network"}}}
    undone = merge("Cluster", pushed.applied, {}, theirs, PUSH, pushed.created)
    assert undone.spec == {"api": {"loadBalancer": {"class": "Network"}}}
    assert undone.created == frozenset()


def test_an_empty_map_can_be_declared() -> None:
    declared = {"networking": {"cni": {}}}
    pushed = merge("Cluster", None, declared, {}, PUSH)
    assert pushed.spec == declared
    assert merge("Cluster", pushed.applied, declared, {}, PUSH, pushed.created).spec == declared
    assert merge("Cluster", pushed.applied, declared, {}, REPORT, pushed.created).spec == {}
    assert merge("Cluster", pushed.applied, {}, declared, PUSH, pushed.created).spec == {}


@pytest.mark.parametrize(
    ("applied", "observed", "policy", "result"),
    [
        ({}, {"x": 1}, PUSH, {}),
        ({}, {}, PUSH, {}),
        ({"x": None}, {"x": 1}, PUSH, {}),
        ({"x": None}, {"x": 1}, REPORT, {"x": 1}),
        ({"x": 1}, {"x": 1}, PUSH, {}),
        ({"x": 1}, {"x": 2}, STORE, {"x": 2}),
        ({}, {"x": {"theirs": 1}}, PUSH, {"x": {"theirs": 1}}),
    ],
)
def test_none_declares_that_a_field_is_not_there(applied: Any, observed: Any, policy: Policy, result: Any) -> None:
    declared = {"x": None}
    merged = merge("Cluster", applied, declared, observed, policy)
    assert merged.spec == result
    assert merge("Cluster", merged.applied, declared, merged.spec, policy).changes == ()
    assert merge("Cluster", {"x": None}, {}, observed, policy).spec == observed


def test_a_map_of_nothing_but_none_is_an_empty_one() -> None:
    declared = {"networking": {"cni": {"usesSecondaryIP": None}}}
    pushed = merge("Cluster", None, declared, {}, PUSH)
    assert pushed.spec == {"networking": {"cni": {}}}
    assert merge("Cluster", pushed.applied, declared, pushed.spec, PUSH, pushed.created).changes == ()
    assert merge("Cluster", pushed.applied, {}, pushed.spec, PUSH, pushed.created).spec == {}


def test_labels_merge_like_fields() -> None:
    merged = merge_metadata(LABELS, {"a": "1", "b": "1"}, {"a": "2"}, {"a": "1", "b": "1", "theirs": "x"}, PUSH)
    assert merged.spec == {"a": "2", "theirs": "x"}
    assert [change.pointer for change in merged.changes] == ["/metadata/labels/a", "/metadata/labels/b"]
