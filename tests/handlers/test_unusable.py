"""An object whose spec can't be used is answered all the same."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from clusterstate.context import Context, Memory
from clusterstate.kube.client import Client
from clusterstate.reconcile import run
from clusterstate.settings import Settings
from clusterstate.status.build import build_status
from tests.handlers.objects import Body, body

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TOKEN = {"annotations": {"clusterstate.dev/reconcile-requested-at": "now"}, "generation": 3}


async def status_of(object_: Body) -> dict[str, Any]:
    memory = Memory(fingerprint=("complete",))
    result = await run(Context(cast("Client", None), Settings(), {}, lambda *_: {}), object_, memory)
    assert (result.outcome is not None, result.interval) == (True, None)
    assert memory.fingerprint is None
    assert result.outcome is not None
    return build_status({}, result.outcome, NOW)


def ready(status: dict[str, Any]) -> tuple[str, str]:
    found = next(each for each in status["conditions"] if each["type"] == "Ready")
    return found["status"], found["reason"]


def deep(levels: int) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for _ in range(levels):
        nested = {"a": nested}
    return nested


@pytest.mark.parametrize("spec", [{"nonsense": 1}, {"store": None}, {"cluster": {"a": None}}, {"cluster": deep(900)}])
async def test_it_is_told_for_its_generation_and_its_token(spec: Body) -> None:
    status = await status_of(body(1, metadata=TOKEN, **spec))
    assert ready(status) == ("False", "SpecInvalid")
    assert (status["observedGeneration"], status["lastHandledReconcileAt"]) == (3, "now")
    assert "Stalled" in {each["type"] for each in status["conditions"]}


async def test_a_suspended_one_is_suspended_and_not_stalled() -> None:
    status = await status_of(body(1, metadata=TOKEN, suspend=True, nonsense=1))
    assert ready(status) == ("False", "Suspended")
    assert "Stalled" not in {each["type"] for each in status["conditions"]}
    assert status["lastHandledReconcileAt"] == "now"


@pytest.mark.parametrize("spec", [None, [], "suspend", {"suspend": "yes"}])
async def test_nothing_stranger_than_an_object_breaks_it(spec: Any) -> None:
    status = await status_of({**body(1), "spec": spec})
    assert ready(status) == ("False", "SpecInvalid")
    assert "lastHandledReconcileAt" not in status
