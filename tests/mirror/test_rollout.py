"""Rollout: a workload is through only once its controller says so of the very object that it is now."""

from typing import Any

import pytest

from clusterstate.mirror.rollout import is_rolled_out

THREE = {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3, "observedGeneration": 2}
SAME = {**THREE, "currentRevision": "b", "updateRevision": "b"}
NODES = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3, "observedGeneration": 2}


def workload(status: dict[str, Any] | None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "spec": {"replicas": 3, **spec}, "status": status}


@pytest.mark.parametrize(
    ("kind", "status", "through"),
    [
        *((kind, None, False) for kind in ("Deployment", "StatefulSet", "DaemonSet")),
        ("Deployment", THREE, True),
        ("Deployment", {**THREE, "observedGeneration": 1}, False),
        ("Deployment", {**THREE, "updatedReplicas": 2, "availableReplicas": 2}, False),
        ("Deployment", {**THREE, "replicas": 4}, False),
        ("Deployment", {**THREE, "availableReplicas": 2}, False),
        ("StatefulSet", SAME, True),
        ("StatefulSet", {**SAME, "currentRevision": "a"}, False),
        ("StatefulSet", {**SAME, "updatedReplicas": 2}, False),
        ("StatefulSet", {**SAME, "availableReplicas": 2}, False),
        ("StatefulSet", {**SAME, "observedGeneration": 1}, False),
        ("DaemonSet", NODES, True),
        ("DaemonSet", {**NODES, "updatedNumberScheduled": 2}, False),
        ("DaemonSet", {**NODES, "numberAvailable": 2}, False),
        ("DaemonSet", {**NODES, "observedGeneration": 1}, False),
    ],
)
def test_every_pod_is_replaced_and_available(kind: str, status: dict[str, Any] | None, *, through: bool) -> None:
    assert is_rolled_out(workload(status), kind) is through


def test_one_pod_is_meant_where_nothing_is_said_and_none_where_that_is() -> None:
    body = workload({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1})
    del body["spec"]["replicas"]
    assert is_rolled_out(body, "Deployment")
    assert is_rolled_out(workload({"observedGeneration": 2}, replicas=0), "Deployment")


def test_a_stateful_set_that_waits_for_deleted_pods_is_through_once_all_are_of_the_newest() -> None:
    by_hand = {"updateStrategy": {"type": "OnDelete"}}
    assert is_rolled_out(workload({**SAME, "currentRevision": "a"}, **by_hand), "StatefulSet")
    assert not is_rolled_out(workload({**SAME, "currentRevision": "a", "updatedReplicas": 2}, **by_hand), "StatefulSet")
