"""What is told reaches the object that it is about, once, whole, and no other."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from clusterstate.api.status import UNSEEN
from clusterstate.errors import ObjectChanged, StoreUnavailable
from clusterstate.kube.client import Client, connect
from clusterstate.kube.kinds import CLUSTER_STATES, EVENTS
from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan
from clusterstate.plan.outcome import AppliedRevision, Certificate, Mirrored, MirrorReport, Request
from clusterstate.sandbox.audit import WRITES
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.status.report import report
from tests.kube.owners import Body, create, get
from tests.status.outcomes import NOW, STORE, failed, good

pytestmark = pytest.mark.apiserver
BUSY = failed(StoreUnavailable("Busy."))
LATER = NOW + timedelta(hours=1)


async def events(client: Client, namespace: str) -> list[Body]:
    return [item async for item in client.list(EVENTS, namespace)]


async def test_it_is_written_once_and_events_tell_what_is_new(
    client: Client, plane: ControlPlane, namespace: str
) -> None:
    body = await create(client, namespace)
    written = await report(client, body, BUSY, NOW)
    assert written == await get(client, body)
    mark = plane.audit_mark()
    assert await report(client, written, BUSY, LATER) is None
    assert not [call for call in plane.calls(mark, verbs=WRITES) if call.namespace == namespace]
    (event,) = await events(client, namespace)
    assert (event["type"], event["reason"], event["message"]) == ("Warning", "StoreUnavailable", "Busy.")
    assert event["involvedObject"]["uid"] == body["metadata"]["uid"]
    assert event["involvedObject"]["resourceVersion"] == written["metadata"]["resourceVersion"]


REPAIRED = good(mirrors=MirrorReport(written=("a",)))


async def test_a_deed_is_told_though_the_status_says_the_same(
    client: Client, plane: ControlPlane, namespace: str
) -> None:
    written = await report(client, await create(client, namespace), REPAIRED, NOW)
    assert written is not None
    mark = plane.audit_mark()
    assert await report(client, written, REPAIRED, LATER) is None
    (call,) = [call for call in plane.calls(mark, verbs=WRITES) if call.namespace == namespace]
    assert (call.verb, call.resource) == ("create", "events")
    assert [each["message"] for each in await events(client, namespace)] == ["Wrote Secrets a."] * 2


@pytest.mark.parametrize("deleted", [True, False])
async def test_a_deed_is_told_though_the_status_cannot_be(client: Client, namespace: str, *, deleted: bool) -> None:
    body = await create(client, namespace)
    if deleted:
        await client.delete(CLUSTER_STATES, namespace, "prod")
        assert await report(client, body, REPAIRED, NOW) is None
    else:
        await client.merge_patch(CLUSTER_STATES, namespace, "prod", {"spec": {"suspend": True}})
        with pytest.raises(ObjectChanged):
            await report(client, body, REPAIRED, NOW)
    (event,) = await events(client, namespace)
    assert (event["type"], event["message"]) == ("Normal", "Wrote Secrets a.")
    assert event["involvedObject"]["uid"] == body["metadata"]["uid"]


async def test_the_largest_status_is_taken_and_nothing_of_it_is_pruned(client: Client, namespace: str) -> None:
    field = FieldChange(f"/spec/{'€' * 9000}", Action.UPDATE, {"a": "x" * 9000}, "y" * 9000)
    difference = Difference("config", field.pointer, field.old, field.new)
    outcome = good(
        error=StoreUnavailable("€" * 9000),
        store=replace(STORE, url=f"s3://b/{'%20' * 1024}"),
        plan=Plan((Change("instancegroup/" + "n" * 999, Action.CREATE, (field,) * 60),), (difference,) * 60),
        pushed=False,
        certificates=tuple(Certificate("€" * 999 + str(n), "7" * 999, NOW + timedelta(days=90)) for n in range(200)),
        mirrors=MirrorReport(tuple(Mirrored(f"m{n}", "keyset/" + "c" * 999, "7" * 999, NOW) for n in range(200))),
        history=tuple(AppliedRevision(n, "2026-01-01T00:00:00Z", 1, "m" * 999, "€" * 999) for n in range(101)),
    )
    written = await report(client, await create(client, namespace), outcome, NOW)
    assert written is not None
    assert await report(client, written, outcome, NOW) is None


async def test_what_is_gone_from_a_run_goes_from_the_status(client: Client, namespace: str) -> None:
    planned = good(plan=Plan((Change("config", Action.UPDATE, (FieldChange("/a", Action.UPDATE),)),)), pushed=False)
    written = await report(client, await create(client, namespace), planned, NOW)
    assert written is not None
    written = await report(client, written, good(request=Request(2)), LATER)
    assert written is not None
    assert not {"plan", "drift", "lastHandledReconcileAt"} & written["status"].keys()


async def test_a_deleted_object_is_left_alone(client: Client, namespace: str) -> None:
    body = await create(client, namespace)
    leaving = {**body, "metadata": {**body["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert await report(client, leaving, BUSY, NOW) is None
    assert (await get(client, body))["status"] == {"observedGeneration": UNSEEN}
    await client.delete(CLUSTER_STATES, namespace, "prod")
    assert await report(client, body, BUSY, NOW) is None
    assert await events(client, namespace) == []


async def test_a_namesake_hears_nothing(client: Client, namespace: str) -> None:
    body = await create(client, namespace)
    await client.delete(CLUSTER_STATES, namespace, "prod")
    namesake = await create(client, namespace)
    with pytest.raises(ObjectChanged):
        await report(client, body, BUSY, NOW)
    assert await get(client, body) == namesake
    assert await events(client, namespace) == []


async def test_nothing_is_said_of_a_text_that_changed_meanwhile(client: Client, namespace: str) -> None:
    body = await create(client, namespace)
    await client.merge_patch(CLUSTER_STATES, namespace, "prod", {"spec": {"suspend": True}})
    with pytest.raises(ObjectChanged):
        await report(client, body, BUSY, NOW)
    assert (await get(client, body))["status"] == {"observedGeneration": UNSEEN}


def without_events(plane: ControlPlane, namespace: str) -> Path:
    """Give a kubeconfig of somebody who may write nothing but a status."""
    token = plane.service_account_token(namespace, "mute")
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rule = {"apiGroups": ["clusterstate.dev"], "resources": ["clusterstates/status"], "verbs": ["patch"]}
    plane.api().request("POST", f"{rbac}/roles", {"metadata": {"name": "mute"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "mute"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "mute"},
        "subjects": [{"kind": "ServiceAccount", "name": "mute", "namespace": namespace}],
    }
    plane.api().request("POST", f"{rbac}/rolebindings", binding)
    return plane.kubeconfig_for(token, namespace=namespace)


async def test_a_lost_event_does_not_undo_the_status(
    client: Client, plane: ControlPlane, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    body = await create(client, namespace)
    async with await connect(without_events(plane, namespace)) as restricted:
        assert await report(restricted, body, BUSY, NOW) is not None
    assert f"{namespace}/prod: an Event is lost" in caplog.text
    assert (await get(client, body))["status"]["conditions"][0]["reason"] == "StoreUnavailable"
