"""Runs that mirror: what is kept, absent or still being rolled costs a look, until something changes."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from clusterstate.context import Context, Memory, Result
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, DEPLOYMENTS, SECRETS
from clusterstate.mirror.record import MirrorRecord, reduce
from clusterstate.mirror.restart import MOST_ROLLS
from clusterstate.mirroring import FIRST_LOOK
from clusterstate.reconcile import run
from clusterstate.settings import Settings
from clusterstate.status.report import report
from clusterstate.store.backends.memory import MemoryStore
from tests.handlers.test_runs import CLUSTER, NOW
from tests.kube.owners import Body, create

pytestmark = pytest.mark.apiserver
CONFIG = b"apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: minimal.example.com}\nspec: {}\n"
INTERVAL = 600.0
TARGET = {"kind": "Deployment", "name": "web"}
COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")


@dataclass
class Scene:
    """One object, its store, and an informer that is always up to date."""

    client: Client
    namespace: str
    store: MemoryStore
    body: Body
    memory: Memory = field(default_factory=Memory)
    records: Mapping[str, MirrorRecord] = field(default_factory=dict)

    async def put(self, content: bytes) -> None:
        data = base64.b64encode(content).decode()
        await self.store.write(f"{CLUSTER}/secrets/one", f'{{"Data":"{data}"}}\n'.encode())

    async def look(self) -> Result:
        found = [reduce(each) async for each in self.client.list(SECRETS, self.namespace)]
        self.records = {each.name: each for each in found if each.owner_uid}
        settings = Settings(memory_allowed=True, operator_namespace=self.namespace)
        context = Context(self.client, settings, {}, lambda *_: self.records, now=lambda: NOW)
        result = await run(context, self.body, self.memory)
        if result.outcome is not None:
            self.body = dict(await report(self.client, self.body, result.outcome, NOW) or self.body)
        return result

    async def annotate(self, token: str) -> None:
        patch = {"metadata": {"annotations": {"clusterstate.dev/reconcile-requested-at": token}}}
        self.body = await self.client.merge_patch(CLUSTER_STATES, self.namespace, "prod", patch)

    async def roll_out(self) -> None:
        seen = (await self.client.get(DEPLOYMENTS, self.namespace, "web"))["metadata"]["generation"]
        status = {**dict.fromkeys(COUNTS, 1), "observedGeneration": seen}
        await self.client.merge_patch(DEPLOYMENTS, self.namespace, "web", {"status": status}, subresource="status")

    def says(self, kind: str) -> tuple[str, str]:
        found = {each["type"]: each for each in self.body["status"]["conditions"]}
        return found[kind]["reason"], found[kind]["message"]


@pytest.fixture
async def scene(client: Client, namespace: str) -> Scene:
    store = MemoryStore(namespace)
    await store.write(f"{CLUSTER}/config", CONFIG)
    mirror = {"secrets": {"include": ["*"]}, "immutable": True, "restart": [TARGET]}
    spec: dict[str, Any] = {"store": {"url": f"memfs://{namespace}"}, "clusterName": CLUSTER, "mirror": mirror}
    scene = Scene(client, namespace, store, await create(client, namespace, "prod", **spec))
    await scene.put(b"1")
    return scene


def deployment(namespace: str) -> Body:
    source = {"secretRef": {"name": "prod-secret-one"}}
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "example.com/main", "envFrom": [source]}]},
    }
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    metadata = {"name": "web", "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


async def test_what_is_missing_or_absent_is_told_once_and_costs_a_look(scene: Scene) -> None:
    await scene.look()
    assert scene.says("Mirrored") == (
        "Mirrored",
        "1 Secrets are equal to their source. Not there, so there is nothing to roll: Deployment web.",
    )
    assert (await scene.look()).outcome is None
    await scene.store.delete(f"{CLUSTER}/secrets/one")
    assert (await scene.look()).outcome is not None
    assert (scene.says("Mirrored")[0], scene.says("Ready")[0]) == ("SourceMissing", "Succeeded")
    again = await scene.look()
    assert (again.outcome, again.interval) == (None, INTERVAL)
    await scene.put(b"1")
    await scene.client.create(DEPLOYMENTS, deployment(scene.namespace))
    result = await scene.look()
    assert result.outcome is not None
    assert result.outcome.mirrors is not None
    assert result.outcome.mirrors.restarted == ("Deployment web (secret/one)",)


async def test_the_end_of_a_rollout_is_looked_for_and_then_the_old_secret_goes(scene: Scene) -> None:
    await scene.client.create(DEPLOYMENTS, deployment(scene.namespace))
    await scene.look()
    (old,) = scene.memory.mirrors
    await scene.put(b"2")
    assert (await scene.look()).interval == FIRST_LOOK
    assert f"Kept until no Pod of Deployment web needs them: Secrets {old}." in scene.says("Mirrored")[1]
    for looks in (1, 2):
        result = await scene.look()
        assert (result.outcome, result.interval) == (None, FIRST_LOOK * 2**looks)
    assert old in scene.records
    await scene.roll_out()
    result = await scene.look()
    assert result.interval == INTERVAL
    assert "Kept" not in scene.says("Mirrored")[1]
    assert (await scene.look()).outcome is None
    assert old not in scene.records


async def test_a_roll_that_is_always_undone_is_begun_anew_when_a_person_asks(scene: Scene) -> None:
    made = await scene.client.create(DEPLOYMENTS, deployment(scene.namespace))

    async def undone() -> str:
        there = await scene.client.get(DEPLOYMENTS, scene.namespace, "web")
        await scene.client.replace(DEPLOYMENTS, {**there, "spec": made["spec"]})
        await scene.look()
        return scene.says("Mirrored")[0]

    assert [await undone() for _ in range(MOST_ROLLS + 1)] == ["Mirrored"] * MOST_ROLLS + ["RestartFailed"]
    await scene.annotate("now")
    assert await undone() == "Mirrored"
