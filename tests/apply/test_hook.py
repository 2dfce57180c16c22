"""Killed between any two steps, raced by another process, or with a stranger's Job in the way: never two Jobs run."""

import asyncio

import pytest
import yaml

from clusterstate.apply.history import History, Keeping
from clusterstate.apply.hook import GONE, HookRunner, Order
from clusterstate.errors import AfterPushRefused, ClusterStateError, ObjectChanged, ReferenceNotFound, SpecInvalid
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CONFIG_MAPS, JOBS, JsonObject
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import list_revisions
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.hook import WANTED, HookReport, JobState, job_name
from clusterstate.plan.observed import Applied
from tests.kube.owners import create, owner_of

pytestmark = pytest.mark.apiserver
PUSH = Plan(changes=(Change("config", Action.UPDATE),))
JOB = {
    "kind": "Job",
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b"}]}}},
}


async def unchanged() -> None:
    """The object is what it was."""


ORDER = Order("update", {}, unchanged)


@pytest.fixture
async def owner(client: Client, namespace: str) -> Owner:
    return owner_of(await create(client, namespace))


async def template(client: Client, namespace: str, text: str) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "update", "namespace": namespace}}
    await client.apply(CONFIG_MAPS, {**body, "data": {"job.yaml": text}})


async def runner(client: Client, owner: Owner) -> HookRunner:
    """Give it as a fresh process finds it."""
    history = History(client, owner, await list_revisions(client, owner), Keeping(10, hook=WANTED))
    return HookRunner(client, owner, history, ORDER)


async def push(client: Client, owner: Owner, channel: str = "stable") -> None:
    history = (await runner(client, owner)).history
    await history.intend(Applied({"channel": channel}), PUSH)
    await history.settle(Applied({"channel": channel}))


async def jobs(client: Client, owner: Owner) -> list[JsonObject]:
    return [each async for each in client.list(JOBS, owner.namespace)]


async def pushed(client: Client, owner: Owner) -> None:
    await template(client, owner.namespace, yaml.safe_dump(JOB))
    await push(client, owner)


async def test_killed_between_any_two_steps(client: Client, owner: Owner) -> None:
    await pushed(client, owner)
    killed = await runner(client, owner)
    [hook] = killed.history.hooks
    created = await killed._create(hook, ORDER)
    again = await runner(client, owner)
    assert (await again._create(hook, ORDER))["metadata"]["uid"] == created["metadata"]["uid"]
    await again.history.mark_hook(1, created["metadata"]["uid"])
    assert [each["spec"]["suspend"] for each in await jobs(client, owner)] == [True]
    report = await (await runner(client, owner)).follow()
    assert report is not None
    assert report.state is JobState.RUNNING
    assert [each["spec"]["suspend"] for each in await jobs(client, owner)] == [False]


async def test_two_processes_make_one_job(client: Client, owner: Owner) -> None:
    await pushed(client, owner)
    runners = [await runner(client, owner) for _ in range(4)]
    results = await asyncio.gather(*(each.follow() for each in runners), return_exceptions=True)
    assert all(isinstance(each, HookReport | ObjectChanged) for each in results), results
    assert len(await jobs(client, owner)) == 1
    report = await (await runner(client, owner)).follow()
    assert report is not None
    assert report.state is JobState.RUNNING


async def test_a_removed_job_is_a_failed_one_for_ever(client: Client, owner: Owner) -> None:
    await pushed(client, owner)
    await (await runner(client, owner)).follow()
    await client.delete(JOBS, owner.namespace, job_name(owner.name, owner.uid, 1))
    while await jobs(client, owner):  # noqa: ASYNC110 - it goes when its Pods were let go, and nobody tells
        await asyncio.sleep(0.05)
    for news in (True, False):
        report = await (await runner(client, owner)).follow()
        assert report == HookReport(1, job_name(owner.name, owner.uid, 1), JobState.FAILED, GONE, news=news)
    assert await jobs(client, owner) == []


async def test_the_end_outlives_the_job_and_the_revision_as_it_was_kept(client: Client, owner: Owner) -> None:
    await pushed(client, owner)
    run = await runner(client, owner)
    await run.follow()
    await run.history.end_hook(1, JobState.SUCCEEDED, "")
    assert run.history.pushes("").hooked == 1
    await push(client, owner, "alpha")  # the first revision is kept as a way back now
    assert [each.result for each in (await runner(client, owner)).history.hooks] == [JobState.SUCCEEDED, None]


async def test_a_strangers_job_is_left_alone(client: Client, owner: Owner) -> None:
    await pushed(client, owner)
    theirs = {"name": job_name(owner.name, owner.uid, 1), "namespace": owner.namespace}
    await client.create(JOBS, {"apiVersion": "batch/v1", "metadata": theirs, **JOB})
    with pytest.raises(AfterPushRefused, match="isn't controlled by this ClusterState"):
        await (await runner(client, owner)).follow()


@pytest.mark.parametrize(
    ("text", "error"), [(None, ReferenceNotFound), ("kind: Pod", SpecInvalid), ("a: [", SpecInvalid)]
)
async def test_a_template_that_is_none(
    client: Client, owner: Owner, text: str | None, error: type[ClusterStateError]
) -> None:
    if text is not None:
        await template(client, owner.namespace, text)
    await push(client, owner)
    with pytest.raises(error):
        await (await runner(client, owner)).follow()
    assert await jobs(client, owner) == []


async def test_who_keeps_a_revision_in_another_form_loses_no_mark(client: Client, owner: Owner) -> None:
    """It was marked after the other process had read it, which would write it anew without."""
    await pushed(client, owner)
    late = (await runner(client, owner)).history
    await (await runner(client, owner)).follow()
    await late.intend(Applied({"channel": "alpha"}), PUSH)
    with pytest.raises(ObjectChanged):
        await late.settle(Applied({"channel": "alpha"}))
    assert [each.started for each in (await runner(client, owner)).history.hooks] == [True, False]


async def test_a_push_that_was_cut_off_is_a_part_of_the_next(client: Client, owner: Owner) -> None:
    """What it wrote is in the store, though the declaration has no change left to make."""
    await (await runner(client, owner)).history.intend(Applied({"channel": "alpha"}), PUSH)
    await (await runner(client, owner)).history.settle(Applied({"channel": "stable"}))
    assert [(each.revision, each.job) for each in (await runner(client, owner)).history.hooks] == [(2, WANTED)]


async def test_an_adoption_that_writes_nothing_asks_for_none(client: Client, owner: Owner) -> None:
    await (await runner(client, owner)).history.settle(Applied({"channel": "stable"}))
    assert (await runner(client, owner)).history.hooks == ()
