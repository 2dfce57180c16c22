"""What follows a push, run by run: what a Job came to is told at once, and nothing starts that may not."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from clusterstate.context import Context, Memory, Result
from clusterstate.errors import ObjectExists
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, CONFIG_MAPS, CONTROLLER_REVISIONS, JOBS, JsonObject
from clusterstate.plan.outcome import Outcome
from clusterstate.reconcile import JOB_LOOK, run
from clusterstate.settings import Settings
from clusterstate.status.report import report
from clusterstate.store.backends.memory import MemoryStore
from tests.handlers.test_runs import CLUSTER, fill
from tests.kube.owners import Body, create, get

pytestmark = pytest.mark.apiserver
HOOK = {"jobTemplateRef": {"name": "update"}}
JOB = {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "kops", "image": "kops"}]}}}
GROUP = {"name": "batch", "spec": {"role": "Node", "machineType": "a", "minSize": 1, "maxSize": 2}}
INTERVAL = 600.0


@dataclass
class Scene:
    """One object, its store, and the operator's memory of it."""

    client: Client
    namespace: str
    store: MemoryStore
    memory: Memory = field(default_factory=Memory)
    allowed: str = "*"

    async def declare(self, **spec: Any) -> None:
        """Create the object, or change what it says."""
        usual = {"store": {"url": f"memfs://{self.namespace}"}, "clusterName": CLUSTER, "afterPush": HOOK}
        try:
            await create(self.client, self.namespace, "prod", **usual | spec)
        except ObjectExists:
            await self.client.merge_patch(CLUSTER_STATES, self.namespace, "prod", {"spec": spec})

    async def body(self) -> Body:
        return await self.client.get(CLUSTER_STATES, self.namespace, "prod")

    async def run(self, memory: Memory | None = None) -> Result:
        settings = Settings(memory_allowed=True, after_push_namespaces=(self.allowed,))
        return await run(Context(self.client, settings, {}, lambda *_: {}), await self.body(), memory or self.memory)

    async def outcome(self) -> Outcome:
        outcome = (await self.run()).outcome
        assert outcome is not None, "something has changed"
        return outcome

    async def jobs(self) -> list[JsonObject]:
        return sorted([each async for each in self.client.list(JOBS, self.namespace)], key=name_of)

    async def end(self, job: JsonObject, kind: str, **more: str) -> None:
        """End a Job as its controller does."""
        now = "2026-01-02T03:04:05Z"
        first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
        ended = [{"type": each, "status": "True", "lastTransitionTime": now, **more} for each in (first, kind)]
        status: Body = {"startTime": now, "conditions": ended} | ({"completionTime": now} if kind == "Complete" else {})
        patch = {"status": status}
        await self.client.merge_patch(JOBS, self.namespace, name_of(job), patch, subresource="status")

    async def versions(self) -> list[str]:
        """Give the versions of all that a run may write."""
        objects = [await self.body(), *await self.jobs()]
        objects += [each async for each in self.client.list(CONTROLLER_REVISIONS, self.namespace)]
        return sorted(each["metadata"]["resourceVersion"] for each in objects)


def name_of(job: JsonObject) -> str:
    name: str = job["metadata"]["name"]
    return name


def said(outcome: Outcome) -> tuple[bool | None, str]:
    """Give what the run says of the cloud."""
    assert outcome.cloud is not None
    return outcome.cloud.updated, outcome.cloud.reason.value


@pytest.fixture
async def scene(client: Client, namespace: str) -> Scene:
    store = await fill(namespace)
    config = (await store.read(f"{CLUSTER}/config")).data
    await store.write(f"{CLUSTER}/cluster-completed.spec", config)  # kops update has seen it
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "update", "namespace": namespace}}
    await client.create(CONFIG_MAPS, {**body, "data": {"job.yaml": yaml.safe_dump({"spec": JOB})}})
    return Scene(client, namespace, store)


async def test_a_look_at_a_job_reads_little_and_writes_nothing(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP])
    first = await scene.run()
    assert first.interval == JOB_LOOK
    before = await scene.versions()
    again = await scene.run()
    assert (again.outcome, again.interval) == (None, JOB_LOOK)
    assert await scene.versions() == before


async def test_what_a_job_came_to_is_told_by_the_run_that_sees_it(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP], sync={"requireCloudUpdate": True})
    outcome = await scene.outcome()
    assert said(outcome) == (False, "KopsUpdatePending")
    assert outcome.failure is not None
    assert outcome.failure.nature.value == "waiting"
    [job] = await scene.jobs()
    await scene.end(job, "Complete")
    outcome = await scene.outcome()
    assert said(outcome) == (True, "CloudUpdated")
    assert outcome.failure is None, "Ready waits no longer"
    result = await scene.run()
    assert (result.outcome, result.interval) == (None, INTERVAL), "nobody looks any more"


async def test_a_failed_job_is_told_until_a_person_confirms_the_update(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP])
    await scene.outcome()
    await scene.end((await scene.jobs())[0], "Failed", message="m" * 5000)
    outcome = await scene.outcome()
    assert said(outcome) == (False, "AfterPushFailed")
    assert outcome.failure is None, "the push is done"
    patch = {"metadata": {"annotations": {"clusterstate.dev/cloud-updated": "1"}}}
    await scene.client.merge_patch(CLUSTER_STATES, scene.namespace, "prod", patch)
    assert said(await scene.outcome()) == (True, "CloudUpdated")


async def test_a_newer_job_that_runs_has_not_failed(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP])
    await scene.outcome()
    await scene.end((await scene.jobs())[0], "Failed", message="no")
    await scene.outcome()
    await scene.declare(instanceGroups=[GROUP | {"spec": GROUP["spec"] | {"maxSize": 3}}])  # type: ignore[operator]
    assert said(await scene.outcome()) == (False, "KopsUpdatePending")


async def test_nothing_starts_where_it_is_not_allowed_any_more(scene: Scene) -> None:
    """A push asked for its Job while that was allowed, or somebody wrote so into the revision."""
    await scene.client.delete(CONFIG_MAPS, scene.namespace, "update")
    await scene.declare(instanceGroups=[GROUP])
    assert (await scene.outcome()).failure is not None
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "update", "namespace": scene.namespace}}
    await scene.client.create(CONFIG_MAPS, {**body, "data": {"job.yaml": yaml.safe_dump({"spec": JOB})}})
    scene.allowed = "elsewhere"
    outcome = await scene.outcome()
    assert outcome.failure is not None
    assert outcome.failure.reason.value == "AfterPushRefused"
    assert await scene.jobs() == []


@pytest.mark.parametrize("change", [{"afterPush": None}, {"sync": {"dryRun": True}}])
async def test_a_job_is_followed_to_its_end_though_none_may_start(scene: Scene, change: Any) -> None:
    await scene.declare(instanceGroups=[GROUP])
    await scene.outcome()
    await scene.declare(**change)
    await scene.run()
    [job] = await scene.jobs()
    await scene.end(job, "Complete")
    outcome = await scene.outcome()
    assert outcome.hook is not None
    assert outcome.hook.state.value == "Succeeded"
    result = await scene.run()
    assert (result.outcome, result.interval) == (None, INTERVAL)


async def test_a_dry_run_starts_nothing(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP], sync={"dryRun": True})
    await scene.outcome()
    await scene.declare(sync={"dryRun": False}, afterPush=None)
    await scene.outcome()
    await scene.declare(afterPush=HOOK)
    await scene.outcome()
    assert await scene.jobs() == [], "and no Job follows a push of before"


async def test_one_job_at_a_time_however_few_revisions_are_kept(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP], sync={"revisionHistoryLimit": 1})
    await scene.outcome()
    for size in (3, 4):
        await scene.declare(instanceGroups=[GROUP | {"spec": GROUP["spec"] | {"maxSize": size}}])  # type: ignore[operator]
        await scene.outcome()
    [job] = await scene.jobs()
    await scene.end(job, "Complete")
    await scene.outcome()
    await scene.outcome()
    assert [name_of(each)[-2:] for each in await scene.jobs()] == ["-1", "-3"], "the one between is skipped"


async def test_a_correction_of_drift_is_a_push(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP])
    await scene.outcome()
    await scene.end((await scene.jobs())[0], "Complete")
    await scene.outcome()
    key = f"{CLUSTER}/instancegroup/batch"
    await scene.store.write(key, (await scene.store.read(key)).data.replace(b"maxSize: 2", b"maxSize: 9"))
    outcome = await scene.outcome()
    assert outcome.hook is not None
    assert (outcome.hook.revision, outcome.hook.state.value) == (2, "Running")


async def test_a_job_and_a_confirmation_of_before_count_for_no_revision_of_after(scene: Scene) -> None:
    """A person deletes every revision; Jobs, and what people confirmed, go by number."""
    await scene.declare(instanceGroups=[GROUP])
    await report(scene.client, await scene.body(), await scene.outcome(), datetime.now(UTC))
    await scene.end((await scene.jobs())[0], "Complete")
    patch = {"metadata": {"annotations": {"clusterstate.dev/cloud-updated": "1"}}}
    await scene.client.merge_patch(CLUSTER_STATES, scene.namespace, "prod", patch)
    for each in [each async for each in scene.client.list(CONTROLLER_REVISIONS, scene.namespace)]:
        await scene.client.delete(CONTROLLER_REVISIONS, scene.namespace, name_of(each))
    await scene.declare(instanceGroups=[GROUP | {"spec": GROUP["spec"] | {"maxSize": 3}}])  # type: ignore[operator]
    outcome = (await scene.run(Memory())).outcome
    assert outcome is not None
    assert outcome.hook is not None
    assert (outcome.hook.revision, outcome.hook.state.value) == (2, "Running")
    assert said(outcome) == (False, "KopsUpdatePending")
    assert [name_of(each)[-2:] for each in await scene.jobs()] == ["-1", "-2"]


async def test_two_operators_make_one_job_and_let_it_run_once(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP])
    for _ in range(4):
        await asyncio.gather(*(scene.run(Memory()) for _ in range(3)))
    [job] = await scene.jobs()
    assert job["spec"]["suspend"] is False
    assert job["metadata"]["generation"] == 2, "made, and let run"


async def test_who_suspends_a_job_that_runs_has_the_say(scene: Scene) -> None:
    await scene.declare(instanceGroups=[GROUP])
    await scene.outcome()
    [job] = await scene.jobs()
    await scene.client.merge_patch(JOBS, scene.namespace, name_of(job), {"spec": {"suspend": True}})
    await scene.run(Memory())
    assert (await scene.jobs())[0]["spec"]["suspend"] is True


async def test_no_job_starts_for_an_object_that_changed_meanwhile(scene: Scene) -> None:
    """What the run was asked from is older than what the object says now."""
    await scene.declare(instanceGroups=[GROUP])
    await scene.client.delete(CONFIG_MAPS, scene.namespace, "update")
    await scene.outcome()
    old = await scene.body()
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "update", "namespace": scene.namespace}}
    await scene.client.create(CONFIG_MAPS, {**body, "data": {"job.yaml": yaml.safe_dump({"spec": JOB})}})
    await scene.declare(suspend=True)
    settings = Settings(memory_allowed=True, after_push_namespaces=("*",))
    await run(Context(scene.client, settings, {}, lambda *_: {}), old, Memory())
    assert await scene.jobs() == []
    assert (await get(scene.client, old))["spec"]["suspend"] is True
