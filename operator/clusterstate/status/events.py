"""Events: what happened, once, when it happened. Pure; a run that changes nothing tells nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from clusterstate.api.conditions import ConditionType
from clusterstate.kube.owner import Owner
from clusterstate.plan.changes import Action, Change
from clusterstate.plan.hook import JobState
from clusterstate.plan.naming import cut
from clusterstate.plan.outcome import Outcome
from clusterstate.reasons import Reason
from clusterstate.status.texts import stamp

MAX_NOTE = 1024
"""Characters: the API server refuses longer messages."""
MANAGER = "clusterstate"


class EventType(StrEnum):
    """The two types that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing worth telling."""

    type: EventType
    reason: Reason
    message: str
    once: str = ""
    """What it is about, where it is told once and never again; the Event is named for it."""


def make_deeds(outcome: Outcome) -> list[Notice]:
    """Tell what a run did: true whatever becomes of the status."""
    return [*_pushed(outcome), *_pulled(outcome), *_mirrored(outcome), *_restarted(outcome), *_hooked(outcome)]


def make_turns(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Notice]:
    """Compare the status before and after a run; tell what has turned."""
    return [*_turned(before, after), *_migrated(before, after)]


def _pushed(outcome: Outcome) -> Iterator[Notice]:
    if outcome.pushed and outcome.plan is not None and outcome.plan.changes and outcome.store is not None:
        files = "; ".join(map(_written, outcome.plan.changes))
        yield Notice(EventType.NORMAL, Reason.PUSHED, f"Wrote to {outcome.store.url}: {files}.")


def _pulled(outcome: Outcome) -> Iterator[Notice]:
    if outcome.pull is not None and outcome.pull.written:
        pointers = ", ".join(outcome.pull.changes)
        yield Notice(EventType.NORMAL, Reason.PULLED, f"Brought from the store: {pointers}.")


def _written(change: Change) -> str:
    """Name a file and what became of it; of a new one the fields would be all there are."""
    if change.action is not Action.UPDATE:
        return f"{change.key} ({change.action.value}d)"
    return f"{change.key} ({', '.join(field.pointer for field in change.fields)})"


def _mirrored(outcome: Outcome) -> Iterator[Notice]:
    if outcome.mirrors is not None and outcome.mirrors.written:
        yield Notice(EventType.NORMAL, Reason.MIRRORED, f"Wrote Secrets {', '.join(outcome.mirrors.written)}.")


def _restarted(outcome: Outcome) -> Iterator[Notice]:
    if outcome.mirrors is not None and outcome.mirrors.restarted:
        text = f"Rolled, since mirrors that they use have changed: {', '.join(outcome.mirrors.restarted)}."
        yield Notice(EventType.NORMAL, Reason.RESTARTED, text)


def _hooked(outcome: Outcome) -> Iterator[Notice]:
    hook = outcome.hook
    if hook is None or not hook.news:
        return
    match hook.state:
        case JobState.RUNNING:
            text = f"Started Job {hook.job} after the push of revision {hook.revision}."
            yield Notice(EventType.NORMAL, Reason.AFTER_PUSH_STARTED, text)
        case JobState.SUCCEEDED:
            yield Notice(EventType.NORMAL, Reason.AFTER_PUSH_SUCCEEDED, f"Job {hook.job} has succeeded.")
        case JobState.FAILED:
            yield Notice(EventType.WARNING, Reason.AFTER_PUSH_FAILED, f"Job {hook.job} has failed: {hook.message}")


TOLD = (ConditionType.READY, ConditionType.IN_SYNC, ConditionType.MIRRORED, ConditionType.CERTIFICATES_VALID)
"""Conditions whose turns are told: the others either follow from them or are Ready's own reason.

Of certificates only that all are valid again: each one's end is told by itself (`status.certificates`). Of mirrors
only what Ready doesn't mind: that a source is missing, and that none is any more.
"""


def _turned(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Notice]:
    old, new = _by_type(before), _by_type(after)
    for kind in TOLD:
        was, now = old.get(kind.value), new.get(kind.value)
        if now is None or now["status"] == "Unknown" or _says(was) == _says(now):
            continue
        if kind is ConditionType.MIRRORED and not _misses_a_source(now if now["status"] == "False" else was):
            continue
        if now["status"] == "False" and kind is not ConditionType.CERTIFICATES_VALID:
            yield Notice(EventType.WARNING, Reason(now["reason"]), now["message"])
        elif now["status"] == "True" and was is not None and was["status"] == "False":
            yield Notice(EventType.NORMAL, Reason(now["reason"]), now["message"])


def _migrated(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Notice]:
    old, new = before.get("migration", {}), after.get("migration", {})
    if new.get("phase") in {"Switched", "CleanedUp"} and (old.get("to"), old.get("phase")) != (new["to"], new["phase"]):
        yield Notice(EventType.NORMAL, Reason.MIGRATED, new["message"])


def _misses_a_source(condition: Mapping[str, Any] | None) -> bool:
    return condition is not None and condition["reason"] == Reason.SOURCE_MISSING.value


def _says(condition: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    if condition is None:
        return None
    return condition["status"], condition["reason"], condition["message"]


def _by_type(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each["type"]: each for each in status.get("conditions", ())}


def event_manifest(owner: Owner, resource_version: str, notice: Notice, now: datetime) -> dict[str, Any]:
    """Give the core/v1 Event that tells a notice about its object."""
    when = stamp(now)
    digest = sha256(f"{owner.uid}{notice.once or f'{notice}{now.timestamp()}'}".encode()).hexdigest()[:16]
    reference = owner.reference()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{owner.name[:200].rstrip('.-')}.{digest}", "namespace": owner.namespace},
        "involvedObject": {
            "apiVersion": reference["apiVersion"],
            "kind": reference["kind"],
            "namespace": owner.namespace,
            "name": owner.name,
            "uid": owner.uid,
            "resourceVersion": resource_version,
        },
        "type": notice.type.value,
        "reason": notice.reason.value,
        "message": cut(notice.message, MAX_NOTE),
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
        "source": {"component": MANAGER},
        "reportingComponent": MANAGER,
        "reportingInstance": MANAGER,
    }
