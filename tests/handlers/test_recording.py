"""Each run is told once: by a line, in the metrics, and what was asked of its store with it."""

import asyncio
import logging
import time

import pytest
from prometheus_client import CollectorRegistry

from clusterstate.context import Result
from clusterstate.errors import (
    AuthenticationFailed,
    ClusterStateError,
    DiskFull,
    KeyNotFound,
    LostRace,
    MigrationRunning,
    SpecInvalid,
    StoreUnavailable,
)
from clusterstate.handlers.meters import Meters, watch_loop
from clusterstate.handlers.recording import Recorder, RunResult, judge
from clusterstate.observing import Answer, answer_of
from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan
from clusterstate.plan.outcome import Outcome, Request, StoreFacts
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.counting import Counting, RequestCounts

KEY = ("clusters", "prod")
ASKED = Request(1)


def value(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(f"clusterstate_{name}", labels) or 0.0


async def test_a_run_has_one_line_with_its_numbers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    meters = Meters()
    store = Counting(MemoryStore("recorded"), RequestCounts(), "memfs")
    with Recorder(meters).record(KEY) as record:
        async with asyncio.TaskGroup() as group:
            group.create_task(store.write("a", b"12345"))
        assert (await store.read("a")).data == b"12345"
        with pytest.raises(KeyNotFound):
            await store.read("b")
        assert [page async for page in store.list()]
        record.end(Result(Outcome(ASKED, store=StoreFacts("memfs://s/prod", 1, 5, "d", None)), 600))
    (line,) = caplog.records
    facts = line.__dict__["run"]
    assert line.getMessage() == "clusters/prod: In sync with memfs://s/prod."
    assert facts.pop("duration_seconds") >= 0
    assert facts == {
        "namespace": "clusters",
        "name": "prod",
        "requests": 4,
        "result": "succeeded",
        "reason": "Succeeded",
    }
    registry = meters.registry
    assert value(registry, "runs_total", result="succeeded", reason="Succeeded") == 1
    assert value(registry, "run_duration_seconds_count", result="succeeded") == 1
    for operation, status in (("write", "ok"), ("read", "ok"), ("read", "not_found"), ("list", "ok")):
        assert value(registry, "store_requests_total", scheme="memfs", operation=operation, status=status) == 1
    assert value(registry, "store_request_duration_seconds_count", scheme="memfs", operation="read") == 2
    assert value(registry, "store_received_bytes_total", scheme="memfs") == 5
    assert value(registry, "store_sent_bytes_total", scheme="memfs") == 5


async def test_what_is_asked_outside_a_run_is_nobodys() -> None:
    meters = Meters()
    with Recorder(meters).record(KEY):
        pass
    await Counting(MemoryStore("nobodys"), RequestCounts(), "memfs").write("a", b"1")
    assert value(meters.registry, "store_sent_bytes_total", scheme="memfs") == 0


@pytest.mark.parametrize(
    ("result", "expected", "reason", "level"),
    [
        (Result(Outcome(ASKED), 600), RunResult.SUCCEEDED, "Succeeded", "INFO"),
        (Result(None, 600), RunResult.UNCHANGED, "", "INFO"),
        (Result(None, None), RunResult.RELEASED, "", "INFO"),
        (Result(Outcome(Request(1, suspended=True)), None), RunResult.SUSPENDED, "Suspended", "INFO"),
        (Result(Outcome(ASKED, SpecInvalid("No.")), None), RunResult.STALLED, "SpecInvalid", "WARNING"),
        (Result(Outcome(ASKED, MigrationRunning("Soon.")), 9), RunResult.WAITING, "Migrating", "INFO"),
        (Result(Outcome(ASKED, StoreUnavailable("Away.")), 9), RunResult.RETRYING, "StoreUnavailable", "WARNING"),
    ],
)
def test_every_end_has_a_word_of_its_own(
    caplog: pytest.LogCaptureFixture, result: Result, expected: RunResult, reason: str, level: str
) -> None:
    caplog.set_level(logging.INFO)
    assert (judge(result).result, judge(result).reason) == (expected, reason)
    with Recorder().record(KEY) as record:
        record.end(result)
    assert [each.levelname for each in caplog.records] == [level]


def test_a_run_that_fails_or_is_cut_off_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    meters = Meters()
    with Recorder(meters).record(KEY) as record:
        record.fail(ClusterStateError("KeyError: this is a bug."))
    with pytest.raises(asyncio.CancelledError), Recorder(meters).record(KEY):
        raise asyncio.CancelledError
    assert value(meters.registry, "runs_total", result="retrying", reason="InternalError") == 1
    assert value(meters.registry, "runs_total", result="cancelled", reason="") == 1
    assert caplog.messages[0] == "clusters/prod: KeyError: this is a bug."


@pytest.mark.parametrize(("pushed", "expected"), [(True, 1), (False, 0)])
def test_drift_that_a_push_corrects_is_counted(*, pushed: bool, expected: int) -> None:
    here, there = "/spec/channel", "/spec/kubernetesVersion"
    drift = tuple(Difference("config", pointer, "a", "b") for pointer in (here, there))
    change = Change("config", Action.UPDATE, (FieldChange(here, Action.UPDATE),))
    meters = Meters()
    with Recorder(meters).record(KEY) as record:
        record.end(Result(Outcome(ASKED, plan=Plan(changes=(change,), drift=drift), pushed=pushed), 600))
    assert value(meters.registry, "corrected_fields_total") == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, Answer.OK),
        (KeyNotFound("No."), Answer.NOT_FOUND),
        (LostRace("No."), Answer.CONFLICT),
        (AuthenticationFailed("No."), Answer.DENIED),
        (StoreUnavailable("No."), Answer.UNAVAILABLE),
        (DiskFull("No."), Answer.ERROR),
        (asyncio.CancelledError(), Answer.CANCELLED),
    ],
)
def test_every_answer_has_a_word_that_suits_every_protocol(error: BaseException | None, expected: Answer) -> None:
    assert answer_of(error) is expected


async def test_a_loop_that_is_held_up_is_late() -> None:
    late: list[float] = []
    watch = asyncio.create_task(watch_loop(late.append, every=0.001))
    await asyncio.sleep(0)
    time.sleep(0.05)  # noqa: ASYNC251 - what it is about
    while not late:  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0.001)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    assert late[0] >= 0.04
