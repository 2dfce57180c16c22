"""The status of an object after a run, and the smallest patch that makes it so: pure.

What a run didn't reach keeps what the run before found, except for conditions, which say that it isn't known.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from clusterstate.plan.changes import Action, Change, Difference, Plan
from clusterstate.plan.diff import summarise
from clusterstate.plan.outcome import AppliedRevision, MirrorReport, Outcome, StoreFacts
from clusterstate.state.objects import Json
from clusterstate.status.conditions import Condition, make_conditions

MAX_LISTED = 50
"""Changes and drifted fields in status; the rest by `clusterstate plan`."""
MAX_VALUE = 256
"""Characters of one value in status."""

Status = dict[str, Any]


def build_status(before: Mapping[str, Any], outcome: Outcome, now: datetime) -> Status:
    """Give the whole status after a run; equal to `before` when nothing that users see has changed."""
    status: Status = dict(before)
    status["observedGeneration"] = outcome.request.generation
    if outcome.request.cluster_name:
        status.setdefault("clusterName", outcome.request.cluster_name)
    _put(status, "lastHandledReconcileAt", outcome.request.reconcile_token)
    if outcome.store is not None:
        status["store"] = _store(outcome.store)
    if outcome.plan is not None:
        _put_plan(status, outcome, outcome.plan)
    if outcome.mirrors is not None:
        _put(status, "mirrors", _mirrors(outcome.mirrors))
    if outcome.history is not None:
        _put(status, "history", _history(outcome.history))
    status["conditions"] = _conditions(before, make_conditions(outcome, now), outcome.request.generation, now)
    return status


def make_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the JSON merge patch (RFC 7386) from one status to another, None where they are equal."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif before[key] != value:
            nested = isinstance(value, dict) and isinstance(before[key], dict)
            patch[key] = make_patch(before[key], value) if nested else value
    return patch or None


def _put(status: Status, key: str, value: object) -> None:
    if value:
        status[key] = value
    else:
        status.pop(key, None)


def _store(facts: StoreFacts) -> dict[str, Any]:
    found = {"url": facts.url, "files": facts.files, "bytes": facts.bytes, "digest": facts.digest}
    if facts.last_change is not None:
        found["lastChangeTime"] = facts.last_change.strftime("%Y-%m-%dT%H:%M:%SZ")
    if facts.unproven:
        found["unproven"] = list(facts.unproven)
    return found


def _put_plan(status: Status, outcome: Outcome, plan: Plan) -> None:
    done = outcome.pushed and bool(plan.changes)
    left = () if done else plan.changes
    url = outcome.store.url if outcome.store else ""
    status["summary"] = f"in sync with {url}" if done else summarise(plan, url)
    _put(status, "plan", _counts(left) | {"changes": _changes(left)} if left else None)
    _put(status, "drift", [] if done else [_difference(each) for each in plan.drift[:MAX_LISTED]])
    _put(status, "conflicts", [_difference(each) for each in plan.conflicts[:MAX_LISTED]])


def _counts(changes: tuple[Change, ...]) -> dict[str, Any]:
    return {action.value: sum(change.action is action for change in changes) for action in Action}


def _changes(changes: tuple[Change, ...]) -> list[dict[str, Any]]:
    rows = [
        {"path": change.key, "field": field.pointer, "action": field.action.value}
        | _value("old", field.old)
        | _value("new", field.new)
        for change in changes
        for field in change.fields
    ]
    return rows[:MAX_LISTED]


def _difference(difference: Difference) -> dict[str, Any]:
    row = {"path": difference.key, "field": difference.pointer}
    return row | _value("declared", difference.declared) | _value("observed", difference.observed)


def _value(name: str, value: Json) -> dict[str, str]:
    if value is None:
        return {}
    text = value if isinstance(value, str) else _compact(value)
    return {name: text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"}


def _compact(value: Json) -> str:
    return msgspec.json.encode(value).decode()


def _mirrors(report: MirrorReport) -> list[dict[str, Any]]:
    rows = []
    for mirror in report.mirrors:
        row = {"secret": mirror.secret, "from": mirror.source}
        _put(row, "primaryId", mirror.primary_id)
        _put(row, "notAfter", mirror.not_after and mirror.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"))
        rows.append(row)
    return rows


def _history(history: tuple[AppliedRevision, ...]) -> list[dict[str, Any]]:
    return [{"revision": each.number, "time": each.time, "changes": each.changes} for each in history]


def _conditions(
    before: Mapping[str, Any], conditions: list[Condition], generation: int, now: datetime
) -> list[dict[str, Any]]:
    known = {each["type"]: each for each in before.get("conditions", ())}
    return [each.as_json(generation, now, known.get(each.type.value)) for each in conditions]
