"""A change of what an object refers to makes a run at once, without its interval and without its next try."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from clusterstate.context import Context
from clusterstate.handlers.controller import LEARNING, Controller
from clusterstate.handlers.distance import FREE_ANSWERS, PEACE
from clusterstate.handlers.references import References
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CONFIG_MAPS, CONTROLLER_REVISIONS, SECRETS
from clusterstate.plan.references import Reference, ReferenceKind
from clusterstate.sandbox.s3server import S3Server
from clusterstate.settings import Settings
from tests.handlers.clock import now, play
from tests.handlers.objects import KEY, body, make_controller
from tests.handlers.test_runs import reasons, until, working
from tests.kube.owners import Body, create

CREATED = {
    "authorization": {"rbac": {}},
    "channel": "stable",
    "cloudProvider": "aws",
    "kubernetesVersion": "v1.32.10",
}


class Scene:
    """A controller with its watches, an S3 store, and nothing but a reference's change that leads to a run."""

    def __init__(self, client: Client, server: S3Server, bucket: str, namespace: str) -> None:
        self.client = client
        self.server = server
        self.url = f"s3://{bucket}"
        self.namespace = namespace
        self.key = (namespace, "prod")
        self.runs = 0
        self.references = References(client)
        context = Context(
            client, Settings(allowed_endpoints=("127.0.0.1",)), {}, lambda *_: {}, references=self._versions
        )
        self.controller = Controller(context, self.references.set)
        self.references.on_change = self.controller.reference_changed

    def _versions(self, key: tuple[str, str]) -> tuple[object, ...]:
        self.runs += 1
        return self.references.versions(key)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        watching = asyncio.create_task(self.references.run())
        try:
            async with working(self.controller):
                yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def observe(self, **spec: Any) -> Body:
        store = {"url": self.url, "credentialsSecretRef": {"name": "store"}, **spec.pop("store", {})}
        made = await create(
            self.client, self.namespace, "prod", store=store, cluster=CREATED, sync={"interval": "24h"}, **spec
        )
        self.controller.observe(made, deleted=False)
        return made

    async def ran(self, runs: int) -> None:
        """Wait until so many runs have ended; none of them is to be tried again."""
        await until(lambda: self.runs == runs and not self.controller.queue._running)
        self.controller.queue.forget(self.key)

    async def set_credentials(self, secret_key: str | None = None, **metadata: Any) -> None:
        data = {
            "S3_ENDPOINT": self.server.endpoint,
            "S3_REGION": self.server.region,
            "S3_ACCESS_KEY_ID": self.server.access_key,
            "S3_SECRET_ACCESS_KEY": secret_key or self.server.secret_key,
        }
        metadata |= {"name": "store", "namespace": self.namespace}
        await self.client.apply(
            SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}
        )


@pytest.fixture
def scene(client: Client, s3_server: S3Server, bucket: str, namespace: str) -> Scene:
    return Scene(client, s3_server, bucket, namespace)


@pytest.mark.apiserver
@pytest.mark.objectstore
async def test_who_stalls_goes_on_when_its_secret_is_corrected(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "clusterstate")
    await scene.set_credentials("wrong" * 8)
    async with scene.running():
        made = await scene.observe()
        await scene.ran(1)
        assert (await reasons(scene.client, made))["Stalled"] == "AuthenticationFailed"
        await scene.set_credentials()
        await scene.ran(2)
        assert (await reasons(scene.client, made))["Ready"] == "Succeeded"
        revisions = [
            each["metadata"]["name"] async for each in scene.client.list(CONTROLLER_REVISIONS, scene.namespace)
        ]
        fingerprint = scene.controller._objects[scene.key].memory.fingerprint
        scene.controller.queue.add(scene.key)
        await scene.ran(3)
        assert "nothing has changed" in caplog.text
        assert scene.controller._objects[scene.key].memory.fingerprint == fingerprint
        caplog.clear()
        await scene.set_credentials(labels={"any": "change"})
        await scene.ran(4)
        assert "nothing has changed" not in caplog.text, "who refers to it looks at everything anew"
        assert scene.controller._objects[scene.key].memory.fingerprint not in {None, fingerprint}
        names = [each["metadata"]["name"] async for each in scene.client.list(CONTROLLER_REVISIONS, scene.namespace)]
        assert names == revisions


@pytest.mark.apiserver
@pytest.mark.objectstore
async def test_what_was_missing_makes_a_run_when_it_appears_and_when_it_goes(scene: Scene) -> None:
    await scene.set_credentials()
    bundle = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bundle", "namespace": scene.namespace}}
    async with scene.running():
        made = await scene.observe(store={"caBundleRef": {"name": "bundle"}})
        await scene.ran(1)
        assert (await reasons(scene.client, made))["Ready"] == "ReferenceNotFound"
        foreign = {**bundle, "metadata": {**bundle["metadata"], "name": "foreign"}}
        await scene.client.create(CONFIG_MAPS, foreign)
        await scene.client.create(CONFIG_MAPS, {**bundle, "data": {"ca.crt": "no certificate"}})
        await scene.ran(2)
        assert (await reasons(scene.client, made))["Ready"] != "ReferenceNotFound"
        await scene.client.delete(CONFIG_MAPS, scene.namespace, "bundle")
        await scene.ran(3)
        assert (await reasons(scene.client, made))["Ready"] == "ReferenceNotFound"


@pytest.mark.apiserver
@pytest.mark.parametrize("how", ["suspended", "deleted", "invalid"])
async def test_nothing_is_watched_for_whom_nothing_matters_to(scene: Scene, how: str) -> None:
    async with scene.running():
        made = await scene.observe()
        await scene.ran(1)
        assert list(scene.references.versions(scene.key)) == [("", "")]
        spec = {**made["spec"], **{"suspended": {"suspend": True}, "invalid": {"nonsense": 1}}.get(how, {})}
        metadata = {**made["metadata"], "resourceVersion": "9" * 15, "generation": 2}
        scene.controller.observe({**made, "metadata": metadata, "spec": spec}, deleted=how == "deleted")
        assert scene.references.versions(scene.key) == ()
        assert not any(watch._places for watch in scene.references._watches.values())
        assert not scene.references._users


@pytest.mark.apiserver
async def test_all_that_refer_to_one_object_are_told_once_all_of_theirs_is_known(
    client: Client, namespace: str
) -> None:
    """Two share a Secret; one of them refers to what may not be there, too."""
    shared, own = Reference(ReferenceKind.SECRET, "shared"), Reference(ReferenceKind.CONFIG_MAP, "own")
    one, other = (namespace, "one"), (namespace, "other")
    told: list[tuple[str, str]] = []
    references = References(client)
    references.on_change = told.append
    watching = asyncio.create_task(references.run())
    try:
        assert not references.set(one, frozenset({shared}))
        assert not references.set(other, frozenset({shared, own}))
        await until(lambda: len(told) == 2)
        assert sorted(told) == [one, other], "each is told once, whatever it refers to"
        assert references.set(one, frozenset({shared, own})), "that much is known by now"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "shared", "namespace": namespace}}
        await client.create(SECRETS, secret)
        await until(lambda: len(told) == 4)
        assert sorted(told[2:]) == [one, other]
        references.set(one, frozenset())
        await client.merge_patch(SECRETS, namespace, "shared", {"metadata": {"labels": {"any": "change"}}})
        await until(lambda: len(told) == 5)
        assert told[4] == other
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def starts(seconds: float, pause: float, took: float) -> list[float]:
    """Give when runs begin while a reference changes after each pause and a run takes some time."""

    async def story() -> list[float]:
        loop, begun = asyncio.get_running_loop(), list[float]()
        controller = make_controller(clock=lambda: 1000 + loop.time())
        controller.observe(body(1), deleted=False)

        async def run(_: tuple[str, str]) -> None:
            begun.append(now())
            await asyncio.sleep(took)

        async def meddle() -> None:
            while True:
                await asyncio.sleep(pause)
                controller.reference_changed(KEY)

        tasks = [asyncio.create_task(each) for each in (controller.queue.work(run), meddle())]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return begun

    return play(story())


def test_who_changes_a_secret_in_a_loop_is_answered_at_a_growing_distance() -> None:
    begun = starts(600, pause=0.25, took=0.1)
    distances = [later - earlier for earlier, later in pairwise(begun)]
    assert max(distances[: FREE_ANSWERS + 1]) < 1
    assert [round(each) for each in distances[FREE_ANSWERS + 1 :]][:6] == [2, 4, 8, 16, 32, PEACE]
    assert max(distances) < PEACE + 1, "and is answered for as long as it goes on"


def test_a_burst_counts_as_one() -> None:
    """`kubectl apply` of all Secrets at once: what a run that is due will see makes no further one."""
    begun = starts(1.005, pause=0.01, took=1.0)
    assert begun == [0, 1.0]


def test_after_a_while_of_peace_the_answer_is_at_once() -> None:
    begun = starts(3000, pause=PEACE + 1, took=0.1)
    assert begun == [0, *(each * (PEACE + 1) for each in range(1, len(begun)))]


def test_a_run_waits_a_little_for_what_its_object_refers_to() -> None:
    """A run before that would be followed by another, since the versions were unknown to it."""

    async def first_run(heard: float | None) -> float:
        loop, begun = asyncio.get_running_loop(), list[float]()
        controller = Controller(make_controller()._context, lambda *_: False)
        controller.observe(body(1), deleted=False)

        async def run(_: tuple[str, str]) -> None:
            begun.append(now())

        if heard is not None:
            loop.call_later(heard, controller.reference_changed, KEY)
        worker = asyncio.create_task(controller.queue.work(run))
        await asyncio.sleep(10)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        (only,) = begun
        return only

    assert play(first_run(0.1)) == 0.1
    assert play(first_run(None)) == LEARNING


async def test_a_change_begins_anew_with_the_tries() -> None:
    controller = make_controller()
    controller.observe(body(1), deleted=False)
    controller.queue.forget(KEY)
    controller._objects[KEY].failures = 7
    controller.reference_changed(KEY)
    assert controller._objects[KEY].failures == 0
    assert controller.queue.is_due(KEY)
    controller.reference_changed(("clusters", "nobody"))
