"""A declaration becomes canonical, or is refused with every field that kops would not keep."""

from typing import Any

import pytest

from clusterstate.api.load import load
from clusterstate.errors import SpecInvalid
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import Desired, DesiredGroup
from clusterstate.plan.naming import NAMED


def declared(**spec: Any) -> Desired:
    metadata = {"name": "prod", "namespace": "n", "uid": "u"}
    return declare(load({"metadata": metadata, "spec": {"store": {"url": "s3://b"}, **spec}}), "s3://b")


def test_specs_are_as_kops_would_spell_them() -> None:
    groups = [{"name": "nodes", "spec": {"role": "Node", "minSize": 2}, "labels": {"team": "a"}}]
    desired = declared(cluster={"kubelet": {"nodeStatusUpdateFrequency": "60s"}}, instanceGroups=groups)
    assert desired.cluster == {"kubelet": {"nodeStatusUpdateFrequency": "1m0s"}}
    nodes = DesiredGroup("nodes", {"role": "Node", "minSize": 2}, {"team": "a"})
    assert desired.instance_groups == {"nodes": nodes}
    assert (desired.cluster_name, desired.store_url) == ("prod", "s3://b")


def test_the_policy_is_the_object_s() -> None:
    sync = {"direction": "Pull", "drift": "Report", "conflict": "PreferSpec", "adoption": "Fail", "dryRun": True}
    policy = declared(sync=sync).policy
    found = (policy.direction, policy.drift, policy.conflict, policy.adoption, policy.dry_run)
    assert found == ("Pull", "Report", "PreferSpec", "Fail", True)


@pytest.mark.parametrize(("layout", "expected"), [("Secrets", True), ("KopsResources", False)])
def test_kops_finds_no_place_behind_its_own_objects(layout: str, *, expected: bool) -> None:
    assert declared(store={"url": "k8s://", "k8s": {"layout": layout}}).names_place is expected
    assert declared().names_place


def test_items_without_keys_are_whole_as_kops_writes_them() -> None:
    assert declared(cluster={"kubeAPIServer": {"env": [{"value": "x"}]}}).cluster == {
        "kubeAPIServer": {"env": [{"name": "", "value": "x"}]}
    }


def test_no_cluster_is_no_declaration_of_one() -> None:
    assert declared().cluster is None
    assert declared(cluster={}).cluster is None


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"cluster": {"kubernetesVersoin": "1.35.0"}}, "spec.cluster: /spec/kubernetesVersoin"),
        ({"cluster": {"topology": {"masters": "private"}}}, "spec.cluster: /spec/topology/masters"),
        (
            {"instanceGroups": [{"name": "nodes", "spec": {"minSize": "two"}}]},
            "spec.instanceGroups[nodes].spec: /spec/minSize",
        ),
    ],
)
def test_what_kops_would_not_keep_is_refused_by_its_path(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecInvalid, match="Correct the declaration") as caught:
        declared(**spec)
    assert caught.value.message.startswith(said)


def test_of_many_problems_a_few_are_named_and_all_counted() -> None:
    with pytest.raises(SpecInvalid) as caught:
        declared(cluster={f"wrong{number}": 1 for number in range(NAMED + 3)})
    assert caught.value.message.count("wrong") == NAMED
    assert "and 3 more" in caught.value.message


def test_the_items_of_a_list_that_is_one_value_are_whole() -> None:
    terms = {"preferredDuringSchedulingIgnoredDuringExecution": [{}]}
    found = declared(cluster={"kubeDNS": {"affinity": {"nodeAffinity": terms}}}).cluster
    assert found == {
        "kubeDNS": {
            "affinity": {
                "nodeAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [{"preference": {}, "weight": 0}],
                }
            }
        }
    }
