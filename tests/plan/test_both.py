"""Both directions: who has moved since, for fields that people take over from Pull."""

from typing import Any

import pytest

from clusterstate.plan.both import base_of
from clusterstate.plan.desired import ConflictPolicy, DesiredGroup, Direction
from clusterstate.plan.observed import Applied
from clusterstate.plan.values import as_map
from clusterstate.state.objects import State
from tests.plan.states import cluster, declare, group, plan

BOTH = Direction.BOTH


def test_equal_values_become_the_base_and_different_ones_are_conflicts() -> None:
    state = State(cluster({"channel": "stable", "kubernetesVersion": "1.30.0"}))
    found = plan(declare({"channel": "stable", "kubernetesVersion": "1.31.0"}, direction=BOTH), state)
    assert [each.pointer for each in found.conflicts] == ["/spec/kubernetesVersion"]
    assert not found.changes
    found = plan(declare({"channel": "stable", "sshKeyName": "a"}, direction=BOTH), state)
    assert [each.pointer for each in found.changes[0].fields] == ["/spec/sshKeyName"]
    assert found.applied.cluster == {"channel": "stable", "sshKeyName": "a"}
    shown = as_map(found.applied.shown and found.applied.shown.cluster)
    assert [shown.get(key) for key in ("channel", "kubernetesVersion", "sshKeyName")] == ["stable", "1.30.0", "a"]


@pytest.mark.parametrize(
    ("shown", "declared", "observed", "what"),
    [
        ("a", "b", "a", "written"),
        ("a", "b", "b", "nothing"),
        ("a", "b", "c", "conflict"),
        ("a", "a", "c", "drift"),
        (None, "b", "c", "conflict"),
        (None, "b", None, "written"),
        ("a", "b", None, "conflict"),
    ],
)
@pytest.mark.parametrize("policy", ConflictPolicy)
def test_a_field_that_was_taken_over(
    shown: str | None, declared: str, observed: str | None, what: str, policy: ConflictPolicy
) -> None:
    def spec(value: str | None) -> dict[str, Any]:
        return {"cloudProvider": "aws"} | ({} if value is None else {"channel": value})

    base = Applied(shown=Applied(spec(shown)))
    found = plan(declare({"channel": declared}, direction=BOTH, conflict=policy), State(cluster(spec(observed))), base)
    written = what in {"written", "drift"} or (what == "conflict" and policy is ConflictPolicy.PREFER_SPEC)
    assert bool(found.changes) == written
    assert bool(found.conflicts) == (what == "conflict" and policy is ConflictPolicy.FAIL)


def test_what_was_only_shown_is_never_removed() -> None:
    state = State(cluster({"channel": "stable"}), {"nodes": group("nodes", {"role": "Node"})})
    base = Applied(shown=Applied({"channel": "stable"}, {"nodes": DesiredGroup("nodes", {"role": "Node"})}))
    for desired in (declare({}, direction=BOTH), declare(direction=BOTH)):
        found = plan(desired, state, base)
        assert (found.changes, found.conflicts, found.drift, found.unpruned) == ((), (), (), ())


def test_the_base_holds_items_and_members_that_are_declared_now() -> None:
    shown = {"subnets": [{"name": "a", "zone": "x"}, {"name": "b", "zone": "y"}], "sshAccess": ["1.0.0.0/8"]}
    wanted = {"subnets": [{"name": "b", "zone": "z"}], "sshAccess": ["2.0.0.0/8"], "channel": "stable"}
    found = base_of(
        "Cluster", None, DesiredGroup("a", shown, {"x": "1", "y": "2"}), DesiredGroup("a", wanted, {"x": "3"})
    )
    assert found is not None
    assert found.spec == {"subnets": [{"name": "b", "zone": "y"}], "sshAccess": ["1.0.0.0/8"]}
    assert found.labels == {"x": "1"}
    kept = base_of(
        "Cluster", DesiredGroup("a", {"channel": "old"}), DesiredGroup("a", shown), DesiredGroup("a", wanted)
    )
    assert kept is not None
    assert kept.spec["channel"] == "old"
    assert base_of("Cluster", None, None, DesiredGroup("a", wanted)) is None


def test_the_base_survives_its_json() -> None:
    applied = Applied({"channel": "a"}, shown=Applied({"channel": "b"}, {"n": DesiredGroup("n", {"role": "Node"})}))
    assert Applied.from_json(applied.as_json()) == applied


@pytest.mark.parametrize(
    ("declared", "what"),
    [
        pytest.param([{"manifest": "theirs"}, {"manifest": "ours"}], "written", id="with all that was shown"),
        pytest.param([{"manifest": "ours"}], "conflict", id="without"),
    ],
)
def test_a_list_without_keys_that_was_taken_over(declared: list[Any], what: str) -> None:
    spec = {"cloudProvider": "aws", "hooks": [{"manifest": "theirs"}]}
    found = plan(declare({"hooks": declared}, direction=BOTH), State(cluster(spec)), Applied(shown=Applied(spec)))
    assert (bool(found.changes), bool(found.conflicts)) == (what == "written", what == "conflict")


def test_what_was_applied_stays_the_base_of_a_list_without_keys() -> None:
    hooks, more = [{"manifest": "a"}], [{"manifest": "a"}, {"manifest": "b"}]
    spec = {"cloudProvider": "aws", "hooks": hooks}
    base = Applied({"hooks": hooks}, shown=Applied(spec))
    found = plan(declare({"hooks": more}, direction=BOTH), State(cluster(spec)), base)
    assert (bool(found.changes), found.conflicts) == (True, ())
