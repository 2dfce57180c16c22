"""Two objects are compared field by field, and only what they mean counts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.differing import compare_fields
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.values import equal
from clusterstate.state.objects import stored
from tests.plan.specs import KINDS, specs

RULES = rules_of("Cluster")
PAIRS = st.sampled_from(KINDS).flatmap(lambda kind: st.tuples(st.just(kind), specs(kind), specs(kind)))
SWAPPED = {Action.CREATE: Action.DELETE, Action.DELETE: Action.CREATE, Action.UPDATE: Action.UPDATE}


@given(PAIRS)
def test_nothing_differs_exactly_where_both_mean_the_same(pair: Any) -> None:
    kind, one, other = pair
    rules = rules_of(kind)
    assert compare_fields(rules, one, one) == ()
    assert (compare_fields(rules, one, other) == ()) == equal(rules, stored(one), stored(other))


@given(PAIRS)
def test_swapped_sides_give_the_same_fields_swapped(pair: Any) -> None:
    kind, one, other = pair
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
