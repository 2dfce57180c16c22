"""Lists by the merge table: keyed, sets, atomic."""

from typing import Any

import pytest

from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.desired import ConflictPolicy, DriftPolicy, Policy
from clusterstate.plan.merge import Disagreement, merge

PUSH = Policy()
REPORT = Policy(drift=DriftPolicy.REPORT)


def subnet(name: str, zone: str = "z", **more: Any) -> dict[str, Any]:
    return {"name": name, "zone": zone, **more}


def subnets(*items: dict[str, Any]) -> dict[str, Any]:
    return {"subnets": list(items)}


def test_items_keep_the_stores_order_and_new_ones_come_last_in_declared_order() -> None:
    declared = subnets(subnet("new-2"), subnet("a", "other"), subnet("new-1"))
    merged = merge("Cluster", None, declared, subnets(subnet("c"), subnet("a"), subnet("b")), PUSH)
    assert merged.spec == subnets(
        subnet("c"), subnet("a", "other"), subnet("b"), subnet("new-2"), subnet("new-1")
    )  # fmt: skip
    assert [change.pointer for change in merged.changes] == [
        "/spec/subnets/name=a/zone",
        "/spec/subnets/name=new-2",
        "/spec/subnets/name=new-1",
    ]


def test_an_item_in_another_order_is_no_change() -> None:
    declared = subnets(subnet("b"), subnet("a"))
    assert merge("Cluster", declared, declared, subnets(subnet("a"), subnet("b")), PUSH).changes == ()


def test_an_undeclared_item_goes_as_a_whole() -> None:
    both = subnets(subnet("a"), subnet("b"))
    merged = merge("Cluster", both, subnets(subnet("a")), both, PUSH)
    assert merged.spec == subnets(subnet("a"))
    assert merged.changes == (FieldChange("/spec/subnets/name=b", Action.DELETE, subnet("b"), None),)


def test_of_somebody_elses_item_only_our_fields_go() -> None:
    theirs = subnets(subnet("a", cidr="10.0.0.0/24"))
    pushed = merge("Cluster", None, subnets({"name": "a", "egress": "nat-1"}), theirs, PUSH)
    undone = merge("Cluster", pushed.applied, {}, pushed.spec, PUSH, pushed.created)
    assert undone.spec == theirs


@pytest.mark.parametrize(
    ("policy", "left"),
    [(ConflictPolicy.FAIL, True), (ConflictPolicy.PREFER_STORE, True), (ConflictPolicy.PREFER_SPEC, False)],
)
def test_an_item_of_ours_that_others_extended_is_a_conflict(policy: ConflictPolicy, *, left: bool) -> None:
    pushed = merge("Cluster", None, subnets(subnet("a")), {}, PUSH)
    extended = subnets(subnet("a", id="subnet-1"))
    undone = merge("Cluster", pushed.applied, {}, extended, Policy(conflict=policy), pushed.created)
    assert undone.spec == (extended if left else {})
    told = [] if policy is ConflictPolicy.PREFER_STORE else ["/spec/subnets/name=a"]
    assert [each.pointer for each in undone.conflicts] == told


def test_an_item_that_others_removed_comes_back_whole_or_not_at_all() -> None:
    declared = subnets(subnet("a", egress="nat-1"))
    applied = subnets(subnet("a"))
    assert merge("Cluster", declared, declared, {}, PUSH).spec == declared
    assert merge("Cluster", declared, declared, {}, REPORT).spec == {}
    moved = merge("Cluster", applied, declared, {}, Policy(conflict=ConflictPolicy.PREFER_STORE))
    assert moved.spec == {}
    assert [each.pointer for each in moved.conflicts] == ["/spec/subnets/name=a"]


UNCLEAR = pytest.mark.parametrize(
    "observed",
    [
        pytest.param([subnet("a"), subnet("a")], id="twice"),
        pytest.param([subnet("a"), {"zone": "z"}], id="without key"),
        pytest.param([subnet("a"), "a"], id="no object"),
        pytest.param([subnet("a"), subnet("")], id="empty key"),
    ],
)


@UNCLEAR
@pytest.mark.parametrize("applied", [None, "the same", "another"])
@pytest.mark.parametrize("policy", ConflictPolicy)
def test_a_list_without_clear_keys_keeps_what_nobody_declared(
    observed: list[Any], applied: str | None, policy: ConflictPolicy
) -> None:
    declared, there = subnets(subnet("b")), {"subnets": [*observed, subnet("b")]}
    base = {"the same": declared, "another": subnets(subnet("b", "other"))}.get(applied or "")
    merged = merge("Cluster", base, declared, there, Policy(conflict=policy))
    assert merged.spec == (declared if policy is ConflictPolicy.PREFER_SPEC else there)
    assert merged.conflicts == (Disagreement("/spec/subnets", declared["subnets"], there["subnets"]),)
    assert merged.drift == ()
    assert len(merged.warnings) == 1
    assert "/spec/subnets" in merged.warnings[0]


@UNCLEAR
def test_a_list_without_clear_keys_is_atomic_while_all_its_items_are_ours(observed: list[Any]) -> None:
    declared, there = subnets(subnet("b")), {"subnets": observed}
    assert merge("Cluster", there, declared, there, PUSH).spec == declared
    back = merge("Cluster", there, there, subnets(*observed[:1]), PUSH)
    assert (back.spec, len(back.drift), back.conflicts) == (there, 1, ())
    assert merge("Cluster", there, {}, there, PUSH).spec == {}


@UNCLEAR
def test_drift_in_a_list_without_clear_keys_is_only_reported_under_report(observed: list[Any]) -> None:
    declared, there = subnets(subnet("b")), {"subnets": [*observed, subnet("b")]}
    merged = merge(
        "Cluster", declared, declared, there, Policy(drift=DriftPolicy.REPORT, conflict=ConflictPolicy.PREFER_SPEC)
    )
    assert (merged.spec, len(merged.drift), merged.conflicts) == (there, 1, ())


@UNCLEAR
@pytest.mark.parametrize("policy", ConflictPolicy)
def test_a_list_without_clear_keys_that_is_given_up_keeps_what_nobody_declared(
    observed: list[Any], policy: ConflictPolicy
) -> None:
    applied, there = subnets(subnet("b")), {"subnets": [*observed, subnet("b")]}
    merged = merge("Cluster", applied, {}, there, Policy(conflict=policy))
    assert merged.spec == ({"subnets": observed} if policy is ConflictPolicy.PREFER_SPEC else there)
    assert len(merged.conflicts) == (policy is not ConflictPolicy.PREFER_STORE)
    gone = merge("Cluster", applied, {}, {"subnets": observed}, Policy(conflict=policy))
    assert (gone.spec, gone.applied, gone.conflicts) == ({"subnets": observed}, {}, ())


@pytest.mark.parametrize("applied", [None, ["c"]])
def test_a_set_that_holds_more_than_strings_keeps_what_nobody_declared(applied: list[Any] | None) -> None:
    base, there = (None if applied is None else {"taints": applied}), {"taints": ["c", 1]}
    merged = merge("InstanceGroup", base, {"taints": ["c"]}, there, PUSH)
    assert (merged.spec, [each.pointer for each in merged.conflicts]) == (there, ["/spec/taints"])


def test_nested_lists_merge_by_their_own_key() -> None:
    main = {"name": "main", "etcdMembers": [{"name": "a", "instanceGroup": "x"}, {"name": "b", "instanceGroup": "y"}]}
    declared = {"etcdClusters": [{"name": "main", "etcdMembers": [{"name": "b", "encryptedVolume": True}]}]}
    merged = merge("Cluster", None, declared, {"etcdClusters": [main]}, PUSH)
    pointer = "/spec/etcdClusters/name=main/etcdMembers/name=b/encryptedVolume"
    assert [change.pointer for change in merged.changes] == [pointer]


def test_a_key_of_two_fields() -> None:
    one = {"namespace": "kube-system", "name": "x", "aws": {"policyARNs": ["arn:1"]}}
    other = {"namespace": "default", "name": "x", "aws": {"policyARNs": ["arn:2"]}}
    declared = {"iam": {"serviceAccountExternalPermissions": [other]}}
    observed = {"iam": {"serviceAccountExternalPermissions": [one]}}
    merged = merge("Cluster", None, declared, observed, PUSH)
    assert merged.spec == {"iam": {"serviceAccountExternalPermissions": [one, other]}}
    assert merged.changes[0].pointer == "/spec/iam/serviceAccountExternalPermissions/namespace=default,name=x"


def test_a_load_balancer_is_known_by_whichever_name_it_has() -> None:
    observed = [{"loadBalancerName": "old"}, {"targetGroupArn": "arn:1"}]
    declared = [{"targetGroupArn": "arn:1"}, {"loadBalancerName": "new"}]
    merged = merge(
        "InstanceGroup", None, {"externalLoadBalancers": declared}, {"externalLoadBalancers": observed}, PUSH
    )
    assert merged.spec == {"externalLoadBalancers": [*observed, {"loadBalancerName": "new"}]}


@pytest.mark.parametrize(
    ("applied", "declared", "observed", "policy", "result"),
    [
        (None, ["b"], ["c", "a"], PUSH, ["c", "a", "b"]),
        (["a", "b"], ["a"], ["b", "x", "a"], PUSH, ["x", "a"]),
        (["a"], ["a"], ["x"], PUSH, ["x", "a"]),
        (["a"], ["a"], ["x"], REPORT, ["x"]),
        (["a"], ["a", "b"], ["b", "a"], PUSH, ["b", "a"]),
        (["a"], [], ["x"], PUSH, ["x"]),
    ],
)
def test_a_set(
    applied: list[str] | None, declared: list[str], observed: list[str], policy: Policy, result: list[str]
) -> None:
    sides = [None if side is None else {"taints": side} for side in (applied, declared, observed)]
    merged = merge("InstanceGroup", sides[0], sides[1] or {}, sides[2] or {}, policy)
    assert merged.spec == {"taints": result}


def test_a_set_goes_with_its_last_member() -> None:
    assert merge("InstanceGroup", {"taints": ["a"]}, {}, {"taints": ["a"]}, PUSH).spec == {}


def test_access_lists_are_atomic_so_that_a_removal_is_total() -> None:
    merged = merge("Cluster", None, {"sshAccess": ["10.0.0.0/8"]}, {"sshAccess": ["0.0.0.0/0"]}, PUSH)
    assert merged.spec == {"sshAccess": ["10.0.0.0/8"]}
    assert merged.changes == (FieldChange("/spec/sshAccess", Action.UPDATE, ["0.0.0.0/0"], ["10.0.0.0/8"]),)


def test_policies_in_json_are_opaque() -> None:
    merged = merge(
        "Cluster",
        None,
        {"additionalPolicies": {"node": "[1]"}},
        {"additionalPolicies": {"node": "[2]", "x": "[]"}},
        PUSH,
    )
    assert merged.spec == {"additionalPolicies": {"node": "[1]", "x": "[]"}}
