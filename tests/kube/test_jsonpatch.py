"""A patch leads from any JSON to any other, to the letter, and says little where little differs."""

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.kube.jsonpatch import apply_patch, make_patch

KEYS = st.sampled_from(["a", "b", "a/b", "~", "~1", "0", ""])
LEAVES = st.none() | st.booleans() | st.sampled_from([0, 1, -0.0, 0.0, 1.0, "", "1", "x"])
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(KEYS, inner), max_leaves=20)


def spelt(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


@given(before=JSON, after=JSON)
def test_it_leads_to_the_other_value_and_leaves_the_first_alone(before: Any, after: Any) -> None:
    kept = copy.deepcopy(before)
    patch = msgspec.json.decode(spelt(make_patch(before, after)))
    assert spelt(apply_patch(before, patch)) == spelt(after)
    assert spelt(before) == spelt(kept)
    assert len(spelt(patch)) <= len(spelt(after)) + len(spelt([{"op": "replace", "path": "", "value": 0}]))


@given(value=JSON)
def test_from_a_value_to_itself_leads_nothing(value: Any) -> None:
    assert make_patch(value, copy.deepcopy(value)) == []


def test_one_field_and_one_item_are_all_that_is_said() -> None:
    subnets = [{"name": str(each), "zone": "a" * 50} for each in range(5)]
    changed = [*subnets[:2], {**subnets[2], "zone": "b"}, *subnets[3:]]
    before = {"a/b": {"subnets": subnets, "gone": 1}, "items": ["x", "y", "z"]}
    after = {"a/b": {"subnets": changed, "new": None}, "items": ["x", "z"]}
    assert make_patch(before, after) == [
        {"op": "remove", "path": "/a~1b/gone"},
        {"op": "replace", "path": "/a~1b/subnets/2/zone", "value": "b"},
        {"op": "add", "path": "/a~1b/new", "value": None},
        {"op": "remove", "path": "/items/1"},
    ]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": ""},
        {"op": "remove", "path": "/b"},
        {"op": "replace", "path": "/b", "value": 1},
        {"op": "replace", "path": "/a/1", "value": 1},
        {"op": "add", "path": "/a/2", "value": 1},
        {"op": "add", "path": "/a/-", "value": 1},
        {"op": "add", "path": "/a/0/c", "value": 1},
        {"op": "add", "path": "/b/c", "value": 1},
        {"op": "add", "path": "/c"},
        {"op": "move", "path": "/a", "from": "/b"},
        {"path": "/a"},
        {"op": "remove"},
    ],
)
def test_a_patch_of_another_value_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="doesn't fit"):
        apply_patch({"a": ["x"]}, [operation])
