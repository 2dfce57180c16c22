"""Deletions run by run: what a person does meanwhile, and what a process that knows little can do."""

from typing import Any

import pytest

from clusterstate.api.annotations import FINALIZER
from clusterstate.context import Context, Memory, Result
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.reasons import Reason
from clusterstate.reconcile import run
from clusterstate.settings import Settings
from clusterstate.store.backends.memory import MemoryStore
from tests.handlers.test_runs import fill, make
from tests.kube.owners import Body, get

pytestmark = pytest.mark.apiserver


async def delete(client: Client, namespace: str, **spec: Any) -> Body:
    """Give an object that is being deleted, and waits for us."""
    body = await make(client, namespace, sync={"deletionPolicy": "Delete"}, **spec)
    held = {"metadata": {"finalizers": [FINALIZER, "example.com/theirs"]}}
    await client.merge_patch(CLUSTER_STATES, namespace, "prod", held)
    await client.delete(CLUSTER_STATES, namespace, "prod")
    return await get(client, body)


async def attempt(client: Client, body: Body, **settings: Any) -> Result:
    context = Context(client, Settings(memory_allowed=True, **settings), {}, lambda *_: {})
    return await run(context, body, Memory())


async def keys(store: MemoryStore) -> set[str]:
    return {entry.key async for page in store.list() for entry in page.entries}


async def test_nothing_is_deleted_once_a_person_lets_the_object_go(client: Client, namespace: str) -> None:
    """The one-line patch that takes the finalizer off is meant to keep the files."""
    store, body = await fill(namespace), await delete(client, namespace)
    before = await keys(store)
    freed = {"metadata": {"finalizers": ["example.com/theirs"]}}
    await client.merge_patch(CLUSTER_STATES, namespace, "prod", freed)
    result = await attempt(client, body)
    assert result.outcome is not None
    assert "was changed during the attempt" in result.outcome.message
    assert await keys(store) == before
    assert (await attempt(client, await get(client, body))).outcome is None
    assert await keys(store) == before


async def test_an_object_that_is_gone_leaves_its_files(client: Client, namespace: str) -> None:
    store, body = await fill(namespace), await delete(client, namespace)
    before = await keys(store)
    await client.merge_patch(CLUSTER_STATES, namespace, "prod", {"metadata": {"finalizers": None}})
    assert await attempt(client, body) == Result(None, None)
    assert await keys(store) == before


async def test_a_state_goes_and_finalizers_of_others_stay(client: Client, namespace: str) -> None:
    store, body = await fill(namespace), await delete(client, namespace)
    assert await attempt(client, body) == Result(None, None)
    assert await keys(store) == set()
    body = await get(client, body)
    assert body["metadata"]["finalizers"] == ["example.com/theirs"]
    assert await attempt(client, body) == Result(None, None)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"store": {"url": "s3://nowhere"}}, Reason.AMBIENT_CREDENTIALS_REFUSED),
        ({"cluster": {"channel": None}}, Reason.SPEC_INVALID),
    ],
)
async def test_an_object_that_cannot_be_served_waits_for_its_end(
    client: Client, namespace: str, spec: dict[str, Any], reason: Reason
) -> None:
    body = await delete(client, namespace)
    body["spec"] |= spec
    result = await attempt(client, body)
    assert result.outcome is not None
    assert result.outcome.failure is not None
    assert result.outcome.failure.reason is reason
    assert "60 minutes after its deletion" in result.outcome.message
    assert result.interval is not None
    assert 3000 < result.interval <= 3600
    body["metadata"]["deletionTimestamp"] = "2020-01-01T00:00:00Z"
    assert await attempt(client, body) == Result(None, None)
    assert (await get(client, body))["metadata"]["finalizers"] == ["example.com/theirs"]
