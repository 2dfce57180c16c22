"""What is told of two documents is where they differ, neither more nor less."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.fields import compare_fields, field_changes, metadata_changes
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.pointers import find, path_of
from clusterstate.plan.values import equal, equal_json, shown
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import stored
from clusterstate.state.schema import Kind
from tests.plan.specs import KINDS, specs


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Kind, dict[str, Any], dict[str, Any]]:
    kind = draw(st.sampled_from(KINDS))
    one, other = (canonical(kind, draw(specs(kind))).spec for _ in range(2))
    return kind, one, other


@settings(max_examples=60)
@given(pairs())
def test_every_change_is_what_stands_on_both_sides(drawn: tuple[Kind, dict[str, Any], dict[str, Any]]) -> None:
    kind, before, after = drawn
    assert field_changes(kind, before, before) == ()
    found = field_changes(kind, before, after)
    assert bool(found) is not equal_json(before, after)
    assert len({each.pointer for each in found}) == len(found)
    for each in found:
        path = path_of(each.pointer)[1:]
        assert shown(find(rules_of(kind), before, path)) == each.old
        assert shown(find(rules_of(kind), after, path)) == each.new
        assert each.old != each.new or isinstance(each.old, bool) is not isinstance(each.new, bool)


def test_items_are_told_by_key_and_another_order_as_a_whole() -> None:
    a, b = {"name": "a", "zone": "z"}, {"name": "b"}
    moved = {"name": "a", "zone": "y"}
    assert field_changes("Cluster", {"subnets": [a, b]}, {"subnets": [moved]}) == (
        FieldChange("/spec/subnets/name=a/zone", Action.UPDATE, "z", "y"),
        FieldChange("/spec/subnets/name=b", Action.DELETE, b, None),
    )
    turned = FieldChange("/spec/subnets", Action.UPDATE, [a, b], [b, a])
    assert field_changes("Cluster", {"subnets": [a, b]}, {"subnets": [b, a]}) == (turned,)


def test_members_of_sets_are_told_one_by_one() -> None:
    gone = FieldChange("/spec/taints/a", Action.DELETE, "a", None)
    assert field_changes("InstanceGroup", {"taints": ["a", "b"]}, {"taints": ["b"]}) == (gone,)


def test_labels_are_told_by_name() -> None:
    new = FieldChange("/metadata/labels/a~1b", Action.CREATE, None, "c")
    assert metadata_changes({"name": "x"}, {"name": "x", "labels": {"a/b": "c"}}) == (new,)


RULES = rules_of("Cluster")
SWAPPED = {Action.CREATE: Action.DELETE, Action.DELETE: Action.CREATE, Action.UPDATE: Action.UPDATE}


@settings(max_examples=60)
@given(pairs())
def test_nothing_differs_exactly_where_both_mean_the_same(drawn: tuple[Kind, dict[str, Any], dict[str, Any]]) -> None:
    kind, one, other = drawn
    rules = rules_of(kind)
    assert compare_fields(rules, one, one) == ()
    assert (compare_fields(rules, one, other) == ()) == equal(rules, stored(one), stored(other))


@settings(max_examples=60)
@given(pairs())
def test_swapped_sides_give_the_same_fields_swapped(drawn: tuple[Kind, dict[str, Any], dict[str, Any]]) -> None:
    kind, one, other = drawn
    there, back = compare_fields(rules_of(kind), one, other), compare_fields(rules_of(kind), other, one)
    assert [FieldChange(each.pointer, SWAPPED[each.action], each.new, each.old) for each in there] == [*back]


@pytest.mark.parametrize(
    ("old", "new", "pointers"),
    [
        ({"subnets": [{"name": "a"}, {"name": "b"}]}, {"subnets": [{"name": "b"}, {"name": "a"}]}, []),
        ({"subnets": [{"name": "a"}]}, {"subnets": [{"name": "a", "zone": "z"}]}, ["/subnets/name=a/zone"]),
        ({"subnets": [{"name": "a"}]}, {"subnets": [{"name": "b"}]}, ["/subnets/name=a", "/subnets/name=b"]),
        ({"subnets": [{"name": "a"}]}, {"subnets": [{"name": "a"}, {"name": "a"}]}, ["/subnets"]),
        ({"packages": ["a", "b"]}, {"packages": ["b", "a"]}, []),
        ({"packages": ["a"]}, {"packages": ["a", "b"]}, ["/packages/b"]),
        ({"packages": ["a"]}, {"packages": ["a", "a"]}, ["/packages"]),
        ({"sshAccess": ["a", "b"]}, {"sshAccess": ["b", "a"]}, ["/sshAccess"]),
        ({"packages": []}, {}, ["/packages"]),
        ({"iam": {}}, {}, ["/iam"]),
        ({"iam": None}, {}, []),
        ({"cloudLabels": {"a/b~c": "x"}}, None, ["/cloudLabels/a~1b~0c"]),
    ],
)
def test_lists_differ_as_they_merge(old: Any, new: Any, pointers: list[str]) -> None:
    assert [each.pointer for each in compare_fields(RULES, old, new)] == pointers
