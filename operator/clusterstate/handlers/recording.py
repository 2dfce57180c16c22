"""How runs are seen from outside: for each run one line in the log, its share of the metrics, and a trace if asked for.

A line has the run's facts as `extra`, under `run`, for whoever writes lines in a format of their own.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from clusterstate.context import Key, Result
from clusterstate.errors import ClusterStateError
from clusterstate.handlers.meters import Meters
from clusterstate.observing import Observer, Request, observed_by
from clusterstate.plan.outcome import Failure, Outcome
from clusterstate.reasons import Nature, Reason

log = logging.getLogger(__name__)


class RunResult(StrEnum):
    """How a run ended, in one word."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    SUSPENDED = "suspended"
    RELEASED = "released"
    """Of an object that is being deleted nothing is left to do."""
    STALLED = "stalled"
    WAITING = "waiting"
    RETRYING = "retrying"
    CANCELLED = "cancelled"
    """The process ended first."""


RESULTS: Final = {
    Nature.STALLED: RunResult.STALLED,
    Nature.WAITING: RunResult.WAITING,
    Nature.TRANSIENT: RunResult.RETRYING,
}
TROUBLE: Final = (RunResult.STALLED, RunResult.RETRYING)
"""What somebody may have to look at."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is told of a run that has ended."""

    result: RunResult
    message: str
    reason: str = ""
    """As the condition Ready has it; empty where the run didn't look at that anew."""


def judge(result: Result) -> Verdict:
    """Give what a run came to that went its way."""
    outcome = result.outcome
    if outcome is None:
        if result.interval is None:
            return Verdict(RunResult.RELEASED, "nothing is left to do")
        return Verdict(RunResult.UNCHANGED, "nothing has changed")
    if outcome.request.suspended:
        return Verdict(RunResult.SUSPENDED, outcome.message, Reason.SUSPENDED.value)
    if outcome.failure is not None:
        return judge_failure(outcome.failure)
    return Verdict(RunResult.SUCCEEDED, outcome.message, Reason.SUCCEEDED.value)


def judge_failure(failure: Failure) -> Verdict:
    """Give what a run came to that failed."""
    return Verdict(RESULTS[failure.nature], failure.message, failure.reason.value)


class Trace(Observer, Protocol):
    """One run as it is traced."""

    def end(self, verdict: Verdict, requests: int) -> None:
        """Take in how it ended."""
        ...


Tracer = Callable[[Key], Trace]
"""Begins to trace a run of an object."""


class Untraced:
    """A run that nobody traces."""

    def enter(self, stage: str) -> None:
        """Let it pass."""

    def note(self, request: Request) -> None:
        """Let it pass."""

    def end(self, verdict: Verdict, requests: int) -> None:
        """Let it pass."""


class Record:
    """One run that is under way."""

    def __init__(self, meters: Meters, trace: Trace) -> None:
        self.requests = 0
        self.verdict = Verdict(RunResult.CANCELLED, "the process ends before the run")
        self.corrected = 0
        self._meters = meters
        self._trace = trace

    def enter(self, stage: str) -> None:
        """See `Observer.enter`."""
        self._trace.enter(stage)

    def note(self, request: Request) -> None:
        """See `Observer.note`."""
        self.requests += 1
        self._meters.note(request)
        self._trace.note(request)

    def end(self, result: Result) -> None:
        """Take in what the run came to."""
        self.verdict = judge(result)
        self.corrected = corrected_fields(result.outcome) if result.outcome else 0

    def fail(self, error: ClusterStateError, what: str = "") -> None:
        """Take in what kept the run from its end; `what` it kept from goes before the message."""
        verdict = judge_failure(Failure.of(error))
        self.verdict = replace(verdict, message=what + verdict.message)


class Recorder:
    """Records the runs of one process."""

    def __init__(self, meters: Meters | None = None, tracer: Tracer = lambda _: Untraced()) -> None:
        """Take where to count, and what traces; without either both are for nobody."""
        self._meters = meters or Meters()
        self._tracer = tracer
        # There from the beginning: what isn't there before its first bug doesn't increase by it.
        self._meters.runs.labels(RunResult.RETRYING.value, Reason.INTERNAL_ERROR.value)

    @contextmanager
    def record(self, key: Key) -> Iterator[Record]:
        """Record the run that the block is."""
        trace, start = self._tracer(key), time.perf_counter()
        record = Record(self._meters, trace)
        try:
            with observed_by(record):
                yield record
        finally:
            trace.end(record.verdict, record.requests)
            self._tell(key, record, time.perf_counter() - start)

    def _tell(self, key: Key, record: Record, seconds: float) -> None:
        verdict, meters = record.verdict, self._meters
        meters.runs.labels(verdict.result.value, verdict.reason).inc()
        meters.run_seconds.labels(verdict.result.value).observe(seconds)
        meters.corrected.inc(record.corrected)
        facts = {
            "namespace": key[0],
            "name": key[1],
            "duration_seconds": round(seconds, 3),
            "requests": record.requests,
            "result": verdict.result.value,
            "reason": verdict.reason,
        }
        level = logging.WARNING if verdict.result in TROUBLE else logging.INFO
        log.log(level, "%s/%s: %s", *key, verdict.message, extra={"run": facts})


def corrected_fields(outcome: Outcome) -> int:
    """Give how many fields a run put back that others had changed."""
    if outcome.plan is None or outcome.left is None:
        return 0
    return len(outcome.plan.drift) - len(outcome.left.drift)
