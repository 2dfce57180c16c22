"""Rollout: whether every Pod of a workload was started with its present Pod template. Pure."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from clusterstate.kube.kinds import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS, JsonObject


def is_rolled_out(workload: JsonObject, kind: str) -> bool:
    """Whether its controller has seen it as it is, and has replaced all Pods by such that are available."""
    spec, status = workload["spec"], workload.get("status") or {}
    seen: bool = status.get("observedGeneration", 0) >= workload["metadata"]["generation"]
    return seen and _REPLACED[kind](spec, status)


def _deployment(spec: JsonObject, status: JsonObject) -> bool:
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    return bool(updated >= wanted and status.get("replicas", 0) <= updated <= status.get("availableReplicas", 0))


def _stateful_set(spec: JsonObject, status: JsonObject) -> bool:
    """Under `OnDelete`, its controller leaves `currentRevision` as it is when the last Pod is replaced."""
    counted = _deployment(spec, status)
    on_delete = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    return counted and (on_delete or status.get("currentRevision") == status.get("updateRevision"))


def _daemon_set(_: JsonObject, status: JsonObject) -> bool:
    wanted = status.get("desiredNumberScheduled", 0)
    return bool(status.get("updatedNumberScheduled", 0) >= wanted and status.get("numberAvailable", 0) >= wanted)


_REPLACED: Final[Mapping[str, Callable[[dict[str, Any], dict[str, Any]], bool]]] = {
    DEPLOYMENTS.kind: _deployment,
    STATEFUL_SETS.kind: _stateful_set,
    DAEMON_SETS.kind: _daemon_set,
}
