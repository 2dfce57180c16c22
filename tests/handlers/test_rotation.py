"""What people confirm of a rotation, from run to run: too early, taken back in time, or in the very moment."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.context import Context, Memory
from clusterstate.errors import ObjectChanged, ReferenceNotFound
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.reconcile import run
from clusterstate.settings import Settings
from clusterstate.state import codec, yaml
from clusterstate.state.keyset import trust_bundle
from clusterstate.state.layout import keyset_key
from clusterstate.state.objects import Keyset
from clusterstate.status.report import report
from clusterstate.store.backends.memory import MemoryStore
from tests.handlers.test_runs import CLUSTER, fill
from tests.kube.owners import Body, create
from tests.plan.test_rotation import CA, FIRST, NEW, OLD, SECOND, keyset
from tests.support.keypairs import pem

pytestmark = pytest.mark.apiserver
KEY = pem(ec.generate_private_key(ec.SECP256R1()))
CREATED = keyset(*(replace(item, private_key=KEY) for item in (OLD, NEW)))
ROTATED = {"name": CA, "rotation": {"promoteAfter": "0s"}}


@dataclass
class Scene:
    """One object, its store, and runs as an operator makes them."""

    client: Client
    namespace: str
    store: MemoryStore
    memory: Memory = field(default_factory=Memory)

    async def publish(self, found: Keyset) -> None:
        """Do what `kops update cluster` does."""
        config: Any = {"CAs": {CA: trust_bundle(found).decode()}, "KeypairIDs": {CA: found.primary_id}}
        key = f"{CLUSTER}/igconfig/control-plane/control-plane-us-east-1a/nodeupconfig.yaml"
        await self.store.write(key, yaml.dump(config))

    async def annotate(self, value: str) -> Body:
        change = {"metadata": {"annotations": {"clusterstate.dev/rolled": value}}}
        return await self.client.merge_patch(CLUSTER_STATES, self.namespace, "prod", change)

    async def run(self, body: Body | None = None) -> Exception | None:
        """Run, from an older body if one is given, and report."""
        body = body or await self.client.get(CLUSTER_STATES, self.namespace, "prod")
        context = Context(self.client, Settings(memory_allowed=True), {}, lambda *_: {})
        outcome = (await run(context, body, self.memory)).outcome
        if outcome is None:
            return None
        if not isinstance(outcome.error, ObjectChanged):
            await report(self.client, body, outcome, datetime.now(UTC))
        return outcome.error

    async def row(self) -> Body:
        (row,) = (await self.client.get(CLUSTER_STATES, self.namespace, "prod"))["status"]["keysets"]
        return dict(row)

    async def primary(self) -> str | None:
        key = keyset_key(CA)
        return codec.decode_keyset((await self.store.read(f"{CLUSTER}/{key}")).data, key).primary_id


@pytest.fixture
async def scene(client: Client, namespace: str) -> Scene:
    scene = Scene(client, namespace, await fill(namespace))
    await scene.store.write(f"{CLUSTER}/{keyset_key(CA)}", codec.encode_keyset(CREATED))
    await scene.publish(keyset(OLD))
    store = {"url": f"memfs://{namespace}"}
    await create(client, namespace, "prod", store=store, clusterName=CLUSTER, keysets=[ROTATED])
    return scene


async def test_a_confirmation_counts_once_it_was_given_after_the_update(scene: Scene) -> None:
    await scene.annotate(f"{FIRST},{SECOND}")
    assert await scene.run() is None
    assert (await scene.row())["ignoredConfirmations"] == [FIRST, SECOND]
    await scene.publish(CREATED)
    assert await scene.run() is None
    row = await scene.row()
    assert (await scene.primary(), row["ignoredConfirmations"]) == (OLD.id, [FIRST, SECOND]), "given before"
    assert f"-n {scene.namespace} clusterstate/prod clusterstate.dev/rolled= ." in row["message"]
    await scene.annotate("")
    assert await scene.run() is None
    assert "ignoredConfirmations" not in await scene.row()
    confirmed = await scene.annotate(FIRST)
    await scene.annotate("")
    assert isinstance(await scene.run(confirmed), ObjectChanged)
    assert await scene.primary() == OLD.id, "taken back while the run went"
    await scene.annotate(FIRST)
    assert await scene.run() is None
    row = await scene.row()
    assert (await scene.primary(), row["phase"], row["ignoredConfirmations"]) == (FIRST, "Promoted", [FIRST])
    await scene.store.write(f"{CLUSTER}/{keyset_key(CA)}", codec.encode_keyset(CREATED))
    assert await scene.run() is None
    assert (await scene.primary(), (await scene.row())["phase"]) == (OLD.id, "Created"), "what was undone stays so"


async def test_rows_stay_while_it_is_not_known_which_key_pairs_are_declared(scene: Scene) -> None:
    """One of them might seem to be an older one, which people would be asked to distrust."""
    assert await scene.run() is None
    before = await scene.row()
    keysets = [ROTATED | {"tlsSecretRef": {"name": "nowhere"}}]
    await scene.client.merge_patch(CLUSTER_STATES, scene.namespace, "prod", {"spec": {"keysets": keysets}})
    await scene.store.write(f"{CLUSTER}/{keyset_key(CA)}", codec.encode_keyset(keyset(*CREATED.items, primary=NEW)))
    assert isinstance(await scene.run(), ReferenceNotFound)
    assert await scene.row() == before
