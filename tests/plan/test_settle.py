"""The base of a merge after runs that were killed."""

from typing import Any

import pytest

from clusterstate.plan.desired import ConflictPolicy, DesiredGroup, Policy
from clusterstate.plan.merge import merge
from clusterstate.plan.observed import Applied
from clusterstate.plan.settle import settle, settle_spec


@pytest.mark.parametrize(
    ("applied", "intent", "observed", "base"),
    [
        pytest.param({"channel": "a"}, {"channel": "b"}, {"channel": "b"}, {"channel": "b"}, id="written"),
        pytest.param({"channel": "a"}, {"channel": "b"}, {"channel": "a"}, {"channel": "a"}, id="not written"),
        pytest.param({"channel": "a"}, {"channel": "b"}, {"channel": "c"}, {"channel": "a"}, id="somebody else since"),
        pytest.param({"channel": "a"}, {}, {}, {}, id="removed"),
        pytest.param({"channel": "a"}, {}, {"channel": "a"}, {"channel": "a"}, id="not removed"),
        pytest.param({}, {"channel": "b"}, {}, {}, id="not added"),
        pytest.param(
            {"packages": ["a", "b"]}, {"packages": ["b", "c", "d"]}, {"packages": ["c", "b"]}, {"packages": ["b", "c"]},
            id="a set, member by member",
        ),
        pytest.param(
            {"subnets": [{"name": "a", "zone": "1"}, {"name": "b", "zone": "1"}]},
            {"subnets": [{"name": "b", "zone": "2"}, {"name": "c", "zone": "2"}]},
            {"subnets": [{"name": "b", "zone": "2"}]},
            {"subnets": [{"name": "b", "zone": "2"}]},
            id="items by key",
        ),
        pytest.param(
            {"subnets": [{"name": "a", "zone": "1"}]}, {}, {"subnets": [{"name": "a", "cidr": "theirs"}]}, {},
            id="our fields of somebody else's item are gone",
        ),
        pytest.param(
            {"subnets": [{"name": "a", "zone": "1", "cidr": "ours"}]}, {},
            {"subnets": [{"name": "a", "zone": "2", "cidr": "theirs"}]}, {}, id="another item of that name",
        ),
        pytest.param(
            {"subnets": [{"name": "a", "zone": "1", "cidr": "ours"}]}, {},
            {"subnets": [{"name": "a", "zone": "1", "cidr": "theirs"}]},
            {"subnets": [{"name": "a", "zone": "1", "cidr": "ours"}]}, id="an item that was ours and was changed",
        ),
        pytest.param(
            {"hooks": [{"name": "a", "execContainer": {"image": "i"}, "roles": ["Node"]}]}, {},
            {"hooks": [{"name": "a", "execContainer": {"image": "i", "command": ["c"]}}]},
            {"hooks": [{"name": "a", "execContainer": {"image": "i"}, "roles": ["Node"]}]},
            id="a part of a map that was ours",
        ),
        pytest.param(
            {"hooks": [{"name": "a", "roles": ["Node"], "enabled": None}]}, {},
            {"hooks": [{"name": "a", "roles": ["Master"]}]}, {}, id="what must not be there holds nowhere",
        ),
        pytest.param(
            {"hooks": [{"name": "a", "roles": ["Node"]}]}, {}, {"hooks": [{"name": "a", "roles": ["Master", "Node"]}]},
            {"hooks": [{"name": "a", "roles": ["Node"]}]}, id="a part of a list that was ours",
        ),
        pytest.param(
            {"hooks": []}, {"hooks": []}, {"hooks": [{"name": "a"}]}, {"hooks": []}, id="that there was none is told",
        ),
        pytest.param({}, {"hooks": []}, {"hooks": [{"name": "a"}]}, {}, id="that there is to be none is not"),
        pytest.param(
            {"sshAccess": ["a"]}, {"sshAccess": ["a", "b"]}, {"sshAccess": ["b"]}, {"sshAccess": ["a"]},
            id="an atomic list as a whole",
        ),
        pytest.param(
            {"topology": {"dns": {"type": "Private"}}}, {}, {"topology": {"dns": {"type": "Public"}}}, {},
            id="kops's default stands in the place of what was removed",
        ),
        pytest.param(
            {"topology": {"dns": {"type": "Private"}}}, {}, {"topology": {"dns": {"type": "None"}}},
            {"topology": {"dns": {"type": "Private"}}}, id="somebody else's value is no default",
        ),
        pytest.param({"api": {}}, {}, {"api": {}}, {"api": {}}, id="an empty map is a value"),
        pytest.param({"api": {"loadBalancer": {"type": "x"}}}, {}, {"api": {}}, {}, id="a map that ran empty is none"),
    ],
)  # fmt: skip
def test_path_by_path(applied: Any, intent: Any, observed: Any, base: Any) -> None:
    assert settle_spec("Cluster", applied, intent, observed) == base


@pytest.mark.parametrize("created", [frozenset[str](), frozenset({"/spec/hooks/name=a"})])
def test_an_unfinished_push_that_left_an_item_of_others_leaves_it_next_time_too(created: frozenset[str]) -> None:
    applied = {"hooks": [{"name": "a", "manifest": "ours"}]}
    theirs = {"hooks": [{"name": "a", "manifest": "theirs"}]}
    policy = Policy(conflict=ConflictPolicy.PREFER_SPEC)
    store: Any = {"hooks": [*applied["hooks"], *theirs["hooks"]]}
    first = merge("Cluster", applied, {}, store, policy, created)
    assert first.spec == theirs
    base = settle_spec("Cluster", applied, first.applied, first.spec)
    again = merge("Cluster", base or {}, {}, first.spec, policy, created)
    assert (again.spec, again.conflicts) == (theirs, ())


def test_the_newest_intent_that_was_written_holds() -> None:
    applied, *intents = (Applied({"channel": each}) for each in "abc")
    for seen in "abc":
        settled = settle(applied, intents, Applied({"channel": seen}))
        assert settled is not None
        assert settled.cluster == {"channel": seen}


def test_without_intents_applied_stands() -> None:
    applied = Applied({"channel": "a"})
    assert settle(applied, (), Applied()) is applied
    assert settle(None, (), Applied()) is None


def test_files_settle_each_for_itself() -> None:
    before = {"a": DesiredGroup("a", {"minSize": 1}, {"l": "1"}), "b": DesiredGroup("b", {"minSize": 1})}
    meant = {"a": DesiredGroup("a", {"minSize": 2}, {"l": "2"}), "b": DesiredGroup("b", {"minSize": 2})}
    meant["c"] = DesiredGroup("c", {"minSize": 2})
    settled = settle(
        Applied(None, before, {"instancegroup/a": frozenset({"/spec/x"})}),
        [Applied(None, meant, {"instancegroup/a": frozenset({"/spec/y"})})],
        Applied(None, {"a": meant["a"], "b": before["b"]}),
    )
    assert settled == Applied(
        None, {"a": meant["a"], "b": before["b"]}, {"instancegroup/a": frozenset({"/spec/x", "/spec/y"})}
    )
