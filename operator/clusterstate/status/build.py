"""The status of an object after a run, and the smallest patch that makes it so: pure.

What a run didn't reach keeps what the run before found, except for conditions, which say that it isn't known.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from clusterstate.api.status import LISTED, TEXT_LENGTH
from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan
from clusterstate.plan.diff import plan_digest
from clusterstate.plan.hook import HookReport
from clusterstate.plan.naming import cut
from clusterstate.plan.outcome import AppliedRevision, MirrorReport, Outcome, StoreFacts
from clusterstate.plan.pull import Blocked
from clusterstate.plan.rollout import LONGEST_PART, MOST_PARTS
from clusterstate.plan.rotation_report import RotationReport
from clusterstate.state.objects import Json
from clusterstate.status.certificates import MAX_ID, make_rows, tell_next
from clusterstate.status.conditions import MAX_MESSAGE, Condition, make_conditions
from clusterstate.status.texts import stamp

MAX_VALUE = 256
"""Characters of one value in status."""
MAX_PATH = 512
"""Characters of a file's path and of a pointer in it: `api.status` allows more, etcd not three lists of them."""
MAX_ROTATION = 3072
"""Characters of what is told of one keyset's rotation: room for the longest commands."""
MAX_MIRRORS = 500
MAX_HISTORY = 100

Status = dict[str, Any]


def build_status(before: Mapping[str, Any], outcome: Outcome, now: datetime) -> Status:
    """Give the whole status after a run; equal to `before` when nothing that users see has changed."""
    status: Status = dict(before)
    status["observedGeneration"] = outcome.request.generation
    if outcome.request.cluster_name:
        status.setdefault("clusterName", outcome.request.cluster_name)
    _put(status, "lastHandledReconcileAt", outcome.request.reconcile_token)
    if outcome.store is not None:
        status["store"] = _store(before, outcome.store, outcome.request.generation)
    if outcome.left is not None:
        expiry = tell_next(outcome.certificates or (), outcome.request.expiry_warning, now)
        status["summary"] = cut(f"{outcome.summary}{expiry and f'; {expiry}'}", MAX_MESSAGE)
        _put_plan(status, outcome.left)
        _put(
            status, "pullBlocked", [_blocked(each) for each in outcome.pull.blocked[:LISTED]] if outcome.pull else None
        )
    _put_keys(status, outcome, now)
    _put_migration(status, outcome)
    if outcome.hook is not None:
        status["afterPush"] = _hook(outcome.hook)
    if outcome.history is not None:
        _put(status, "history", _history(before, outcome.history))
    status["conditions"] = _conditions(before, make_conditions(outcome, now), outcome.request.generation, now)
    return status


def _put_keys(status: Status, outcome: Outcome, now: datetime) -> None:
    if outcome.certificates is not None:
        _put(status, "certificates", make_rows(outcome.certificates, outcome.request.expiry_warning, now))
    if outcome.mirrors is not None:
        _put(status, "mirrors", _mirrors(outcome.mirrors))
    if outcome.rotations is not None:
        _put(status, "keysets", [_rotation(each) for each in outcome.rotations])


def make_patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the JSON merge patch (RFC 7396) from one status to another, None where they are equal."""
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


def _store(before: Mapping[str, Any], facts: StoreFacts, generation: int) -> dict[str, Any]:
    found = {"url": facts.url, "files": facts.files, "bytes": facts.bytes, "digest": facts.digest}
    known = before.get("store", {})
    if known.get("digest") == facts.digest and "lastChangeTime" in known:
        # The store's clock and ours differ by a little: the same files keep the time that was told first.
        found["lastChangeTime"] = known["lastChangeTime"]
    elif facts.last_change is not None:
        found["lastChangeTime"] = stamp(facts.last_change)
    _put(found, "endpoint", facts.endpoint)
    _put(found, "detoured", facts.detoured)
    same = known.get("url") == facts.url and before.get("observedGeneration") == generation
    # A restart forgets the proof, not that there was one: what any process has seen proven stays so.
    seen = known.get("unproven", ()) if same else facts.unproven
    _put(found, "unproven", [name for name in facts.unproven if name in seen])
    return found


def _blocked(blocked: Blocked) -> dict[str, Any]:
    return _place(blocked.key, blocked.pointer) | {"manager": cut(blocked.manager, MAX_PATH)}


def _put_plan(status: Status, plan: Plan) -> None:
    _put(status, "plan", _plan(plan) if plan.changes else None)
    _put(status, "drift", [_difference(each) for each in plan.drift[:LISTED]])
    _put(status, "conflicts", [_difference(each) for each in plan.conflicts[:LISTED]])
    _put(status, "dropped", [_place(each.key, each.pointer) for each in plan.dropped[:LISTED]])


def _plan(plan: Plan) -> dict[str, Any]:
    return _counts(plan.changes) | {"digest": plan_digest(plan), "changes": _changes(plan.changes)}


def _counts(changes: tuple[Change, ...]) -> dict[str, Any]:
    return {action.value: sum(change.action is action for change in changes) for action in Action}


def _changes(changes: tuple[Change, ...]) -> list[dict[str, Any]]:
    rows = [
        _place(change.key, field.pointer)
        | {"action": field.action.value}
        | _value("old", field.old)
        | _value("new", field.new)
        for change in changes
        for field in change.fields or (FieldChange("", change.action),)
    ]
    return rows[:LISTED]


def _difference(difference: Difference) -> dict[str, Any]:
    row = _place(difference.key, difference.pointer)
    return row | _value("declared", difference.declared) | _value("observed", difference.observed)


def _place(key: str, pointer: str) -> dict[str, str]:
    return {"path": cut(key, MAX_PATH), "field": cut(pointer, MAX_PATH)}


def _value(name: str, value: Json) -> dict[str, str]:
    if value is None:
        return {}
    text = value if isinstance(value, str) else _compact(value)
    return {name: cut(text, MAX_VALUE)}


def _compact(value: Json) -> str:
    return msgspec.json.encode(value).decode()


def _put_migration(status: Status, outcome: Outcome) -> None:
    """Tell of a migration; one that was given up before the switch is no longer told of."""
    migration = outcome.migration
    if migration is not None:
        places = {"from": cut(migration.old, TEXT_LENGTH), "to": cut(migration.new, TEXT_LENGTH)}
        row: dict[str, Any] = {**places, "phase": migration.phase}
        row |= {"files": migration.files, "copied": migration.copied, "bytes": migration.bytes}
        status["migration"] = row | {"message": cut(migration.message, MAX_MESSAGE)}
    elif outcome.error is None and status.get("migration", {}).get("phase") in {"Planned", "Copying"}:
        del status["migration"]


def _mirrors(report: MirrorReport) -> list[dict[str, Any]]:
    rows = []
    for mirror in report.mirrors[:MAX_MIRRORS]:
        row = {"secret": mirror.secret, "from": cut(mirror.source, MAX_PATH)}
        _put(row, "primaryId", mirror.primary_id and cut(mirror.primary_id, MAX_ID))
        _put(row, "notAfter", mirror.not_after and stamp(mirror.not_after))
        rows.append(row)
    return rows


def _rotation(report: RotationReport) -> dict[str, Any]:
    row: dict[str, Any] = {"name": report.keyset, "phase": report.phase.value}
    _put(row, "primaryId", cut(report.primary_id, MAX_ID))
    _put(row, "nextId", cut(report.next_id, MAX_ID))
    _put(row, "message", cut(report.message, MAX_ROTATION))
    ignored = [part for part in report.ignored if len(part) <= LONGEST_PART]
    _put(row, "ignoredConfirmations", ignored[:MOST_PARTS])
    return row


def _hook(hook: HookReport) -> dict[str, Any]:
    row: dict[str, Any] = {"revision": hook.revision, "job": hook.job, "state": hook.state.value}
    _put(row, "message", cut(hook.message, MAX_MESSAGE))
    return row


def _history(before: Mapping[str, Any], history: tuple[AppliedRevision, ...]) -> list[dict[str, Any]]:
    """Give a row for each revision; until the next one, what was told of newer ones stays: no number comes twice."""
    newest = max((each.number for each in history), default=0)
    rows = [row for row in before.get("history", ()) if row["revision"] > newest]
    for each in history:
        row: dict[str, Any] = {"revision": each.number, "time": each.time, "changes": each.changes}
        _put(row, "by", cut(each.by, MAX_VALUE))
        _put(row, "what", cut(each.what, MAX_VALUE))
        rows.append(row)
    return rows[:MAX_HISTORY]


def _conditions(
    before: Mapping[str, Any], conditions: list[Condition], generation: int, now: datetime
) -> list[dict[str, Any]]:
    known = {each["type"]: each for each in before.get("conditions", ())}
    return [each.as_json(generation, now, known.get(each.type.value)) for each in conditions]
