"""Real runs of the controller: what happens to an object while its run is under way is neither lost nor mixed up."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from clusterstate.api.status import UNSEEN
from clusterstate.context import Context
from clusterstate.handlers.controller import Controller
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, CONTROLLER_REVISIONS, EVENTS
from clusterstate.settings import Settings
from clusterstate.store.backends.memory import MemoryStore
from tests.kube.owners import Body, create, get
from tests.state.files import FILES, STATES

pytestmark = pytest.mark.apiserver
CLUSTER = "minimal.example.com"
DECLARED = {"kubernetesVersion": "v1.40.0"}
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@asynccontextmanager
async def working(controller: Controller) -> AsyncIterator[None]:
    worker = asyncio.create_task(controller.work())
    try:
        yield
        assert not worker.done(), "the workers have ended"
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not look():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def told(controller: Controller, namespace: str, name: str) -> bool:
    """Whether a run has told what came of it."""
    return "conditions" in controller._objects[namespace, name].body["status"]


def make_controller(client: Client, **context: Any) -> Controller:
    return Controller(Context(client, Settings(memory_allowed=True), {}, lambda *_: {}, **context))


async def fill(bucket: str) -> MemoryStore:
    """Put the minimal cluster that kops wrote into `memfs://BUCKET`."""
    store = MemoryStore(bucket)
    for state, key in FILES:
        if state == STATES[0]:
            data = (state / key).read_bytes().replace(b"s3://state/", f"memfs://{bucket}/".encode())
            await store.write(f"{CLUSTER}/{key}", data)
    return store


async def make(client: Client, namespace: str, name: str = "prod", **spec: Any) -> Body:
    return await create(client, namespace, name, store={"url": f"memfs://{namespace}"}, clusterName=CLUSTER, **spec)


async def reasons(client: Client, body: Body) -> dict[str, str]:
    status = (await get(client, body)).get("status", {})
    return {each["type"]: each["reason"] for each in status.get("conditions", ())}


async def test_a_run_pushes_and_tells(client: Client, namespace: str) -> None:
    store, body = await fill(namespace), await make(client, namespace, cluster=DECLARED)
    controller = make_controller(client)
    async with working(controller):
        controller.observe(body, deleted=False)
        await until(lambda: told(controller, namespace, "prod"))
    assert (await reasons(client, body))["Ready"] == "Succeeded"
    assert b"v1.40.0" in (await store.read(f"{CLUSTER}/config")).data
    assert [each["reason"] async for each in client.list(EVENTS, namespace)] == ["Pushed"]


async def test_a_text_that_changes_during_its_run_is_run_too(client: Client, namespace: str) -> None:
    """The status of the older text may not carry the newer one in as if it had been seen."""
    await fill(namespace)
    body = await make(client, namespace)
    newer = await client.merge_patch(CLUSTER_STATES, namespace, "prod", {"spec": {"cluster": DECLARED}})
    controller = make_controller(client)
    async with working(controller):
        controller.observe(body, deleted=False)
        await until(lambda: controller._objects[namespace, "prod"].failures)
        assert (await get(client, body))["status"] == {"observedGeneration": UNSEEN}
        controller.observe(newer, deleted=False)
        await until(lambda: told(controller, namespace, "prod"))
    assert (await get(client, body))["status"]["observedGeneration"] == 2


@pytest.mark.parametrize("recreated", [False, True])
async def test_an_object_that_goes_during_its_run_claims_nothing(
    client: Client,
    namespace: str,
    recreated: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """Its run claims the state once the credentials are read, which may be after the object went."""
    await fill(namespace)
    older, younger = await make(client, namespace), await make(client, namespace, "younger")
    older["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    successor = {**older, "metadata": {**older["metadata"], "uid": "new", "resourceVersion": "9" * 15}}
    successor["metadata"]["creationTimestamp"] = "2099-01-01T00:00:00Z"
    gone = False

    def now() -> datetime:
        nonlocal gone
        if not gone:
            gone = True
            controller.observe(older, deleted=True)
            if recreated:
                controller.observe(successor, deleted=False)
        return datetime.now(UTC)

    controller = make_controller(client, now=now)
    async with working(controller):
        controller.observe(older, deleted=False)
        await until(lambda: gone and not controller.queue._running)
        claim = controller._context.claims.get((namespace, "prod"))
        assert (claim and claim.uid) == ("new" if recreated else None)
        assert recreated or not controller.queue._timers
        controller.observe(younger, deleted=False)
        await until(lambda: told(controller, namespace, "younger"))
    assert (await reasons(client, younger))["Ready"] == "Succeeded"


async def test_the_younger_of_two_waits_for_the_older_to_go(client: Client, namespace: str) -> None:
    await fill(namespace)
    older, younger = await make(client, namespace), await make(client, namespace, "younger")
    older["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    controller = make_controller(client)
    async with working(controller):
        controller.foresee(older)
        controller.observe(younger, deleted=False)
        await until(lambda: told(controller, namespace, "younger"))
        assert (await reasons(client, younger))["Stalled"] == "StateClaimed"
        before = controller._objects[namespace, "younger"].body
        controller.observe(older, deleted=True)
        await until(lambda: controller._objects[namespace, "younger"].body is not before)
    assert (await reasons(client, younger))["Ready"] == "Succeeded"


async def test_a_bug_in_telling_one_object_stops_nobody_else(
    client: Client, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(namespace)
    broken, fine = await make(client, namespace), await make(client, namespace, "fine", sync={"direction": "Pull"})
    broken["status"] = {"conditions": [{"type": "Ready"}]}
    controller = make_controller(client)
    async with working(controller):
        controller.observe(broken, deleted=False)
        controller.observe(fine, deleted=False)
        await until(lambda: told(controller, namespace, "fine"))
        await until(lambda: controller._objects[namespace, "prod"].failures)
        assert (namespace, "prod") in controller.queue._timers
    assert "KeyError" in caplog.text


async def test_runs_under_way_end_with_the_work(client: Client, namespace: str) -> None:
    await fill(namespace)
    controller = make_controller(client)
    async with working(controller):
        controller.observe(await make(client, namespace), deleted=False)
        await until(lambda: controller.queue._running)
    assert not controller.queue._running


@pytest.mark.parametrize("fate", ["deleted", "recreated", "changed"])
async def test_an_object_that_is_no_more_as_it_was_writes_nothing(client: Client, namespace: str, fate: str) -> None:
    """Nobody tells of what happened while the watch was down."""
    store, body = await fill(namespace), await make(client, namespace, cluster=DECLARED)
    config = await store.read(f"{CLUSTER}/config")
    if fate == "changed":
        await client.merge_patch(CLUSTER_STATES, namespace, "prod", {"spec": {"cluster": None}})
    else:
        await client.delete(CLUSTER_STATES, namespace, "prod")
    if fate == "recreated":
        await make(client, namespace)
    key, controller = (namespace, "prod"), make_controller(client)
    controller.presence_changed(*key, body["metadata"]["uid"])
    async with working(controller):
        controller.observe(body, deleted=False)
        await until(lambda: controller._objects[key].failures)
        controller.presence_changed(*key, None)
        assert key not in controller._objects
        assert controller._context.claims.get(key) is None
        assert not controller.queue._timers
    assert await store.read(f"{CLUSTER}/config") == config
    assert [each async for each in client.list(CONTROLLER_REVISIONS, namespace)] == []
    assert [each async for each in client.list(EVENTS, namespace)] == []


async def test_an_object_that_vanishes_during_its_run_leaves_nothing(client: Client, namespace: str) -> None:
    await fill(namespace)
    key, body, gone = (namespace, "prod"), await make(client, namespace), False

    def now() -> datetime:
        nonlocal gone
        if not gone:
            gone = True
            controller.presence_changed(*key, None)
        return datetime.now(UTC)

    controller = make_controller(client, now=now)
    controller.presence_changed(*key, body["metadata"]["uid"])
    async with working(controller):
        controller.observe(body, deleted=False)
        await until(lambda: gone and not controller.queue._running)
        assert controller._context.claims.claimants() == []
        assert not controller.queue._timers


@pytest.mark.parametrize("foreign", [None, {"summary": "All is lost.", "conditions": None}])
async def test_a_status_that_somebody_else_wrote_is_told_again(client: Client, namespace: str, foreign: Any) -> None:
    await fill(namespace)
    key, body, looked = (namespace, "prod"), await make(client, namespace), []

    def now() -> datetime:
        looked.append(True)
        return NOW

    async def look() -> Body:
        looked.clear()
        controller.queue.add(key)
        await until(lambda: looked and not controller.queue._running)
        return await get(client, body)

    controller = make_controller(client, now=now)
    async with working(controller):
        controller.observe(body, deleted=False)
        told = await look()
        assert told["status"]["summary"]
        assert await look() == told, "there is nothing new to tell"
        wiped = await client.merge_patch(CLUSTER_STATES, *key, {"status": foreign}, subresource="status")
        controller.observe(wiped, deleted=False)
        restored = await look()
        assert restored["status"] == told["status"]
        assert await look() == restored
