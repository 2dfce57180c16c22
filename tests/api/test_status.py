"""A status goes through the API server as it is, and only to the object that it is about."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from msgspec.json import decode, encode

from clusterstate.api.status import (
    UNSEEN,
    CertificateStatus,
    Condition,
    DifferenceStatus,
    FieldPlan,
    HistoryEntry,
    MirrorStatus,
    PlanStatus,
    Status,
    StoreStatus,
)
from clusterstate.errors import ObjectChanged
from clusterstate.kube.client import Client, connect
from clusterstate.kube.kinds import Kind
from clusterstate.sandbox.controlplane import ControlPlane
from tests.api.samples import PLURAL, ResourceServer, make_body

pytestmark = pytest.mark.apiserver
NOW = "2026-11-23T16:00:00Z"
DIFFERENCE = DifferenceStatus(path="config", field="/spec/channel", declared='"stable"', observed='"alpha"')
FULL = Status(
    cluster_name="prod",
    observed_generation=3,
    last_handled_reconcile_at="token",
    conditions=(
        Condition(type="Ready", status="True", reason="Succeeded", message="", last_transition_time=NOW),
        Condition(
            type="InSync",
            status="False",
            reason="Drifted",
            message="m",
            last_transition_time=NOW,
            observed_generation=3,
        ),
    ),
    summary="1 field differs",
    store=StoreStatus(
        url="s3://a/prod", files=3, bytes=9, digest="d", last_change_time=NOW, unproven=("atomic update",)
    ),
    plan=PlanStatus(
        update=1, changes=(FieldPlan(path="config", field="/spec/channel", action="update", new='"stable"'),)
    ),
    drift=(DIFFERENCE,) * 50,
    conflicts=(DIFFERENCE,),
    mirrors=(MirrorStatus(secret="prod-keyset-ca", from_="keyset/ca", primary_id="1", not_after=NOW),),
    certificates=(CertificateStatus(keyset="ca", primary_id="1", not_after=NOW, phase="LastWeek"),),
    history=(HistoryEntry(revision=1, time=NOW, changes=2),),
)


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> Iterator[ResourceServer]:
    with ResourceServer(control_plane) as server:
        yield server


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(control_plane.kubeconfig) as client:
        yield client


async def create(client: Client, server: ResourceServer) -> tuple[Kind, dict[str, Any]]:
    kind = Kind(server.group, "v1alpha1", PLURAL, "ClusterState")
    body = make_body(name=f"c{secrets.token_hex(4)}", namespace="default")
    return kind, await client.create(kind, body | {"apiVersion": f"{server.group}/v1alpha1"})


async def test_every_field_is_kept_and_a_removed_one_goes(client: Client, server: ResourceServer) -> None:
    kind, stored = await create(client, server)
    name, status = stored["metadata"]["name"], decode(encode(FULL))
    written = await client.merge_patch(kind, "default", name, {"status": status}, subresource="status")
    assert written["status"] == status
    assert written["metadata"]["generation"] == stored["metadata"]["generation"]
    emptied = await client.merge_patch(kind, "default", name, {"status": {"plan": None}}, subresource="status")
    assert emptied["status"] == {key: value for key, value in status.items() if key != "plan"}


async def test_a_namesake_gets_no_status(client: Client, server: ResourceServer) -> None:
    """Only the resource version tells it apart: the API server passes over a uid in a patch of the status."""
    kind, stored = await create(client, server)
    name, version = stored["metadata"]["name"], stored["metadata"]["resourceVersion"]
    await client.delete(kind, "default", name)
    await client.create(kind, make_body(name=name, namespace="default") | {"apiVersion": stored["apiVersion"]})
    patch = {"metadata": {"resourceVersion": version}, "status": {"summary": "not mine"}}
    with pytest.raises(ObjectChanged):
        await client.merge_patch(kind, "default", name, patch, subresource="status")
    assert (await client.get(kind, "default", name))["status"] == {"observedGeneration": UNSEEN}
