"""Conditions of a run, after kstatus: pure, and the only place that knows which outcome makes which condition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from clusterstate.api.conditions import ConditionType
from clusterstate.errors import KeyNotFound, LostRace, StoreError
from clusterstate.plan.changes import Action, Plan
from clusterstate.plan.conflict import tell_conflicts
from clusterstate.plan.naming import NAMED, cut, named
from clusterstate.plan.outcome import Failure, MirrorReport, Outcome
from clusterstate.plan.pull import Pull
from clusterstate.reasons import Nature, Reason
from clusterstate.status.certificates import ROTATE, find_ending, tell_end
from clusterstate.status.texts import stamp

MAX_MESSAGE = 1024
"""Characters; the API conventions allow 32768, people read far fewer."""


class Truth(StrEnum):
    """A condition's status."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, without what makes it one of a particular moment."""

    type: ConditionType
    status: Truth
    reason: Reason
    message: str

    def as_json(self, generation: int, now: datetime, before: dict[str, Any] | None) -> dict[str, Any]:
        """Give the API's form; the transition time moves only when the status does."""
        kept = before["lastTransitionTime"] if before and before["status"] == self.status.value else None
        return {
            "type": self.type.value,
            "status": self.status.value,
            "reason": self.reason.value,
            "message": cut(self.message, MAX_MESSAGE),
            "observedGeneration": generation,
            "lastTransitionTime": kept or stamp(now),
        }


def make_conditions(outcome: Outcome, now: datetime) -> list[Condition]:
    """Give every condition that holds after this run, Ready first; those absent are those not listed."""
    return [
        _ready(outcome),
        *_progress(outcome),
        _store_reachable(outcome),
        _in_sync(outcome),
        _mirrored(outcome),
        _certificates_valid(outcome, now),
        _cloud_updated(outcome),
    ]


def _ready(outcome: Outcome) -> Condition:
    if outcome.request.suspended:
        return Condition(ConditionType.READY, Truth.FALSE, Reason.SUSPENDED, outcome.message)
    if outcome.failure is not None:
        return Condition(ConditionType.READY, Truth.FALSE, outcome.failure.reason, outcome.message)
    return Condition(ConditionType.READY, Truth.TRUE, Reason.SUCCEEDED, outcome.message)


def _progress(outcome: Outcome) -> Iterator[Condition]:
    failure = outcome.failure
    if failure is None or outcome.request.suspended:
        return
    if failure.nature is Nature.STALLED:
        yield Condition(ConditionType.STALLED, Truth.TRUE, failure.reason, failure.message)
    else:
        yield Condition(ConditionType.RECONCILING, Truth.TRUE, Reason.PROGRESSING_WITH_RETRY, failure.message)


def _store_reachable(outcome: Outcome) -> Condition:
    kind = ConditionType.STORE_REACHABLE
    error = outcome.error
    if isinstance(error, StoreError) and not isinstance(error, LostRace | KeyNotFound):
        return Condition(kind, Truth.FALSE, error.reason, error.message)
    if outcome.store is not None:
        return Condition(kind, Truth.TRUE, Reason.SUCCEEDED, f"{outcome.store.url} can be read.")
    return _not_reached(kind, outcome)


def _in_sync(outcome: Outcome) -> Condition:
    kind = ConditionType.IN_SYNC
    if outcome.left is None:
        return _not_reached(kind, outcome)
    for reason, text in _differences(outcome, outcome.left):
        return Condition(kind, Truth.FALSE, reason, text)
    text = " ".join(["Every declared field has its value in the store.", *_remarks(outcome.left)])
    return Condition(kind, Truth.TRUE, Reason.IN_SYNC, text)


def _differences(outcome: Outcome, plan: Plan) -> Iterator[tuple[Reason, str]]:
    """Give everything that isn't in sync, the gravest first."""
    ahead = Reason.DRY_RUN if outcome.request.dry_run else Reason.PLANNED
    pull = outcome.pull or Pull()
    if plan.conflicts:
        yield Reason.CONFLICT, tell_conflicts(plan)
    if plan.changes:
        yield ahead, _planned_text(plan)
    if pull.blocked:
        yield Reason.PULL_BLOCKED, _blocked_text(pull)
    if plan.drift:
        yield Reason.DRIFTED, _drift_text(plan)
    if plan.dropped:
        yield Reason.FIELD_DROPPED_BY_KOPS, _dropped_text(plan)
    if pull.changes and not pull.written:
        yield ahead, f"Not in the spec yet: {named(list(pull.changes))}."


def _remarks(plan: Plan) -> Iterator[str]:
    if plan.unpruned:
        yield f"No longer declared, but kept in the store: {named(list(plan.unpruned))}."
    yield from plan.warnings[:NAMED]


def _mirrored(outcome: Outcome) -> Condition:
    kind = ConditionType.MIRRORED
    report = outcome.mirrors
    if report is None:
        return _not_reached(kind, outcome)
    if report.problems:
        first = report.problems[0]
        text = " ".join([first.message, *_others(report.problems[1:]), *_notes(report)])
        return Condition(kind, Truth.FALSE, first.reason, text)
    if report.missing:
        return Condition(kind, Truth.FALSE, Reason.SOURCE_MISSING, " ".join(_notes(report)))
    if not outcome.request.mirroring:
        return Condition(kind, Truth.TRUE, Reason.MIRRORING_OFF, "spec.mirror asks for no Secrets.")
    text = " ".join([f"{len(report.mirrors)} Secrets are equal to their source.", *_notes(report)])
    return Condition(kind, Truth.TRUE, Reason.MIRRORED, text)


def _others(problems: Sequence[Failure]) -> Iterator[str]:
    """Name those that aren't told in full."""
    if problems:
        yield f"Others: {named([f'{each.about} ({each.reason.value})' for each in problems])}."


def _notes(report: MirrorReport) -> list[str]:
    return [text for text in (report.missing, *report.remarks) if text]


def _certificates_valid(outcome: Outcome, now: datetime) -> Condition:
    kind = ConditionType.CERTIFICATES_VALID
    if outcome.certificates is None:
        return _not_reached(kind, outcome)
    ending = find_ending(outcome.certificates, outcome.request.expiry_warning, now)
    if ending:
        first, _ = ending[0]
        reason = Reason.CERTIFICATE_EXPIRED if first.not_after <= now else Reason.CERTIFICATE_EXPIRES
        names = named([tell_end(*each) for each in ending])
        return Condition(kind, Truth.FALSE, reason, f"{names}. {ROTATE}")
    if outcome.unread:
        return _not_reached(kind, outcome)
    text = f"{len(outcome.certificates)} keysets are valid for longer than spec.expiryWarning."
    return Condition(kind, Truth.TRUE, Reason.CERTIFICATES_VALID, text)


def _cloud_updated(outcome: Outcome) -> Condition:
    kind = ConditionType.CLOUD_UPDATED
    if outcome.cloud is None:
        return _not_reached(kind, outcome)
    truth = {True: Truth.TRUE, False: Truth.FALSE, None: Truth.UNKNOWN}[outcome.cloud.updated]
    return Condition(kind, truth, outcome.cloud.reason, outcome.cloud.message)


def _not_reached(kind: ConditionType, outcome: Outcome) -> Condition:
    if outcome.request.suspended:
        return Condition(kind, Truth.UNKNOWN, Reason.SUSPENDED, "Not looked at while the object is suspended.")
    why = outcome.error.message if outcome.error else "the run ended before."
    return Condition(kind, Truth.UNKNOWN, Reason.NOT_REACHED, f"Not known: {why}")


def _planned_text(plan: Plan) -> str:
    written = named([change.key for change in plan.changes if change.action is not Action.DELETE])
    deleted = named([change.key for change in plan.changes if change.action is Action.DELETE])
    texts = (written and f"Not in the store yet: {written}.", deleted and f"Still in the store: {deleted}.")
    return " ".join(filter(None, texts))


def _drift_text(plan: Plan) -> str:
    fields = named([f"{each.key}{each.pointer}" for each in plan.drift])
    return f"Somebody changed in the store what is declared: {fields}."


def _dropped_text(plan: Plan) -> str:
    fields = named([f"{each.key}{each.pointer}" for each in plan.dropped])
    return f"kops has dropped what it doesn't know: {fields}. Not written again until another value is declared."


def _blocked_text(pull: Pull) -> str:
    fields = named([f"{each.key}{each.pointer} ({each.manager})" for each in pull.blocked])
    return (
        f"The store holds other values than the spec, where somebody else declares it: {fields}. Change it there, or "
        "declare it no longer."
    )
