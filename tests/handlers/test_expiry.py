"""When a certificate comes nearer to its end, somebody looks at that very moment, though nothing else changes."""

import asyncio
import base64
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.context import CLOCKS_DIFFER, Context, Memory, Result
from clusterstate.errors import AccessDenied, KubeUnavailable
from clusterstate.handlers.controller import Controller
from clusterstate.handlers.shards import NOWHERE
from clusterstate.handlers.watched import Watched
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, EVENTS
from clusterstate.plan.outcome import Outcome, Request
from clusterstate.reconcile import run
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.settings import Settings
from clusterstate.status.report import report
from clusterstate.store.backends.memory import MemoryStore
from tests.handlers.clock import now, play
from tests.handlers.objects import KEY, body, make_controller
from tests.handlers.test_controller import runs_of
from tests.handlers.test_runs import CLUSTER, NOW, fill
from tests.kube.owners import Body, create
from tests.support.keypairs import certificate

DAY = timedelta(days=1)
KEYSET = f"{CLUSTER}/pki/private/kubernetes-ca/keyset.yaml"


@pytest.mark.parametrize("failing", [False, True])
def test_a_run_comes_at_that_moment_and_not_about_then(failing: bool) -> None:  # noqa: FBT001 - a column of the table
    async def story() -> list[tuple[float, tuple[str, str]]]:
        controller: Controller = make_controller()
        outcome = Outcome(Request(1), AccessDenied("No.")) if failing else None
        controller._schedule(KEY, Watched(body(1), NOWHERE), Result(outcome, 600.0, turn=3.5))
        assert now() == 0
        return await runs_of(controller, 5)

    assert play(story()) == [(3.5, KEY)]


@dataclass
class Scene:
    """One object on a day of the test's choice, and what the operator remembers of it."""

    client: Client
    body: Body
    store: MemoryStore
    now: datetime
    memory: Memory = field(default_factory=Memory)

    async def look(self) -> Result:
        context = Context(self.client, Settings(memory_allowed=True), {}, lambda *_: {}, now=lambda: self.now)
        result = await run(context, self.body, self.memory)
        if result.outcome is not None:
            self.body = dict(await report(self.client, self.body, result.outcome, self.now) or self.body)
        return result

    async def end(self, ends: datetime) -> None:
        """Have the primary's certificate end at a time."""
        blob = await self.store.read(KEYSET)
        keyset = yaml.safe_load(blob.data)
        pem = certificate(ec.generate_private_key(ec.SECP256R1()), begins=NOW - DAY, ends=ends)
        for key in keyset["spec"]["keys"]:
            key["publicMaterial"] = base64.b64encode(pem).decode()
        await self.store.write(KEYSET, yaml.safe_dump(keyset).encode())

    def row(self) -> Mapping[str, Any]:
        return next(row for row in self.body["status"]["certificates"] if row["keyset"] == "kubernetes-ca")

    async def told(self) -> list[str]:
        events = [each async for each in self.client.list(EVENTS, self.body["metadata"]["namespace"])]
        return [each["message"] for each in events if each["reason"].startswith("CertificateExpire")]


@pytest.fixture
async def scene(client: Client, namespace: str) -> Scene:
    store = await fill(namespace)
    spec: dict[str, Any] = {"store": {"url": f"memfs://{namespace}"}, "clusterName": CLUSTER, "expiryWarning": "48h"}
    scene = Scene(client, await create(client, namespace, "prod", **spec), store, NOW)
    await scene.end(NOW + 5 * DAY)
    return scene


@pytest.mark.apiserver
async def test_each_phase_is_seen_when_it_comes_and_told_once(scene: Scene) -> None:
    phases = []
    for _ in range(3):
        result = await scene.look()
        phases.append(scene.row()["phase"])
        assert result.turn is not None
        again = await scene.look()
        assert (again.outcome, again.turn) == (None, result.turn), "until then nothing is to be told"
        scene.now += timedelta(seconds=result.turn)
    assert (await scene.look()).turn == pytest.approx(CLOCKS_DIFFER + (10 * 365 * DAY).total_seconds(), rel=0.2)
    assert [*phases, scene.row()["phase"]] == ["Valid", "LastWeek", "LastDay", "Expired"]
    assert scene.now - (NOW + 5 * DAY) < timedelta(seconds=4 * CLOCKS_DIFFER)
    assert len(await scene.told()) == 3


@pytest.mark.apiserver
async def test_whoever_starts_anew_tells_nothing_again(scene: Scene) -> None:
    """A restart, a status that was lost, and a death between the Event and the status that notes it."""
    scene.now = NOW + 3 * DAY
    first = scene.body
    await scene.look()
    scene.memory = Memory()
    await scene.look()
    scene.memory, scene.body = Memory(), {**first, "metadata": scene.body["metadata"]}
    await scene.look()
    assert len(await scene.told()) == 1
    assert scene.row()["phase"] == "LastWeek"


@pytest.mark.apiserver
async def test_a_keyset_that_cannot_be_read_ends_as_it_was_known(scene: Scene) -> None:
    await scene.look()
    blob = await scene.store.read(KEYSET)
    await scene.store.write(KEYSET, b"kind: [")
    for days, truth, words in (
        (1, "Unknown", "pki/private/kubernetes-ca/keyset.yaml"),
        (6, "False", "kubernetes-ca expi"),
    ):
        scene.now = NOW + days * DAY
        broken = await scene.look()
        assert broken.turn is not None, "the other keysets are sound"
        condition = next(each for each in scene.body["status"]["conditions"] if each["type"] == "CertificatesValid")
        assert condition["status"] == truth
        assert words in condition["message"]
    assert scene.row()["phase"] == "Expired"
    await scene.store.write(KEYSET, blob.data)
    await scene.look()
    assert scene.row()["phase"] == "Expired"
    assert len(await scene.told()) == 1


@pytest.mark.apiserver
async def test_a_step_whose_event_is_lost_is_told_by_the_next_run(
    scene: Scene, plane: ControlPlane, namespace: str
) -> None:
    scene.now = NOW + 3 * DAY
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    plane.api().request("POST", path, no_events(namespace))
    try:
        await until_refused(scene, namespace)
        with pytest.raises(KubeUnavailable):
            await scene.look()
    finally:
        plane.api().request("DELETE", f"{path}/{namespace}")
    (scene.body,) = [each async for each in scene.client.list(CLUSTER_STATES, namespace)]
    assert (scene.row()["phase"], await scene.told()) == ("Valid", [])
    scene.memory = Memory()
    async with asyncio.timeout(20):
        while not await scene.told():
            with suppress(KubeUnavailable):
                await scene.look()
    assert scene.row()["phase"] == "LastWeek"


def no_events(namespace: str) -> Body:
    """Give what has every Event of a namespace refused as a passing fault: a webhook that can't be reached."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["events"], "operations": ["CREATE"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    webhook = {
        "name": "events.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [rule],
        "namespaceSelector": selector,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
    }
    return {"metadata": {"name": namespace}, "webhooks": [webhook]}


async def until_refused(scene: Scene, namespace: str) -> None:
    """Wait until the API server heeds the webhook."""
    involved = {"kind": "ConfigMap", "namespace": namespace, "name": "any"}
    async with asyncio.timeout(20):
        with suppress(KubeUnavailable):
            while True:
                metadata = {"name": secrets.token_hex(8), "namespace": namespace}
                await scene.client.create(EVENTS, {"metadata": metadata, "involvedObject": involved, "reason": "Probe"})
