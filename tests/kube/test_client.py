"""The verbs against a real API server: what comes back, and which error says what went wrong."""

import asyncio
from typing import Any

import pytest

from clusterstate.errors import KubeError, KubeForbidden, KubeRefused, ObjectChanged, ObjectExists, ObjectNotFound
from clusterstate.kube.client import Client, connect
from clusterstate.kube.kinds import CONFIG_MAPS, NAMESPACES, SECRETS
from clusterstate.sandbox.controlplane import ControlPlane

pytestmark = pytest.mark.apiserver


def config_map(namespace: str, name: str, **data: str) -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def same_as(item: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: item["metadata"][key] for key in ("namespace", "name", "uid")}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}


async def test_create_get_and_delete(client: Client, namespace: str) -> None:
    created = await client.create(CONFIG_MAPS, config_map(namespace, "a", k="v"))
    assert await client.get(CONFIG_MAPS, namespace, "a") == created
    assert created["metadata"]["managedFields"][0]["manager"] == "clusterstate"
    await client.delete(CONFIG_MAPS, namespace, "a")
    with pytest.raises(ObjectNotFound, match=f"get configmaps {namespace}/a"):
        await client.get(CONFIG_MAPS, namespace, "a")


async def test_a_taken_name_is_another_error_than_a_changed_object(client: Client, namespace: str) -> None:
    first = await client.create(CONFIG_MAPS, config_map(namespace, "a"))
    with pytest.raises(ObjectExists):
        await client.create(CONFIG_MAPS, config_map(namespace, "a"))
    await client.replace(CONFIG_MAPS, first | {"data": {"k": "1"}})
    with pytest.raises(ObjectChanged):
        await client.replace(CONFIG_MAPS, first | {"data": {"k": "2"}})
    assert (await client.get(CONFIG_MAPS, namespace, "a"))["data"] == {"k": "1"}


async def test_a_namesake_is_neither_replaced_nor_patched_nor_deleted(client: Client, namespace: str) -> None:
    gone = await client.create(CONFIG_MAPS, config_map(namespace, "a"))
    await client.delete(CONFIG_MAPS, namespace, "a", uid=gone["metadata"]["uid"])
    namesake = await client.create(CONFIG_MAPS, config_map(namespace, "a"))
    metadata = {"uid": gone["metadata"]["uid"]}
    with pytest.raises(ObjectChanged):
        await client.replace(CONFIG_MAPS, gone)
    with pytest.raises(ObjectChanged):
        await client.merge_patch(CONFIG_MAPS, namespace, "a", {"metadata": metadata, "data": {"k": "v"}})
    with pytest.raises(ObjectChanged):
        await client.apply(CONFIG_MAPS, same_as(gone))
    with pytest.raises(ObjectChanged):
        await client.delete(CONFIG_MAPS, namespace, "a", **metadata)
    with pytest.raises(ObjectChanged):
        await client.delete(CONFIG_MAPS, namespace, "a", resource_version=gone["metadata"]["resourceVersion"])
    assert await client.get(CONFIG_MAPS, namespace, "a") == namesake


async def test_an_apply_with_a_uid_creates_nothing(client: Client, namespace: str) -> None:
    gone = await client.create(CONFIG_MAPS, config_map(namespace, "a"))
    await client.delete(CONFIG_MAPS, namespace, "a")
    with pytest.raises(ObjectChanged):
        await client.apply(CONFIG_MAPS, same_as(gone))
    with pytest.raises(ObjectNotFound):
        await client.get(CONFIG_MAPS, namespace, "a")


async def test_merge_patch_removes_with_null(client: Client, namespace: str) -> None:
    await client.create(CONFIG_MAPS, config_map(namespace, "a", k="1", l="2"))
    patched = await client.merge_patch(CONFIG_MAPS, namespace, "a", {"data": {"k": None, "m": "3"}}, manager="tester")
    assert patched["data"] == {"l": "2", "m": "3"}
    assert "tester" in {entry["manager"] for entry in patched["metadata"]["managedFields"]}


async def test_apply_leaves_what_others_own(client: Client, namespace: str) -> None:
    await client.apply(CONFIG_MAPS, config_map(namespace, "a", k="theirs"), manager="them")
    with pytest.raises(KubeRefused, match="them"):
        await client.apply(CONFIG_MAPS, config_map(namespace, "a", k="ours"))


async def test_objects_without_a_namespace(client: Client, namespace: str) -> None:
    assert (await client.get(NAMESPACES, None, namespace))["kind"] == "Namespace"
    assert namespace in [item["metadata"]["name"] async for item in client.list(NAMESPACES)]


async def test_a_list_goes_through_all_pages(client: Client, control_plane: ControlPlane, namespace: str) -> None:
    names = {f"n{number:04}" for number in range(1200)}
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(client.create(CONFIG_MAPS, config_map(namespace, name)))
    mark = control_plane.audit_mark()
    found = [item["metadata"]["name"] async for item in client.list(CONFIG_MAPS, namespace)]
    assert len(found) == len(names) + ("kube-root-ca.crt" in found)
    assert names <= set(found)
    assert sum(call.verb == "list" and namespace in call.uri for call in control_plane.calls(mark)) == 3


async def test_a_list_may_be_left_early(client: Client, namespace: str) -> None:
    for name in "abc":
        await client.create(CONFIG_MAPS, config_map(namespace, name))
    async for item in client.list(CONFIG_MAPS, namespace, chunk=1, fields="metadata.name=b"):
        assert item["metadata"]["name"] == "b"
        break


async def test_metadata_without_bodies(client: Client, namespace: str) -> None:
    labelled = config_map(namespace, "a", k="v")
    labelled["metadata"]["labels"] = {"on": "yes"}
    await client.create(CONFIG_MAPS, labelled)
    await client.create(CONFIG_MAPS, config_map(namespace, "b", k="v"))
    kind = CONFIG_MAPS.without_bodies
    assert "data" not in await client.get(kind, namespace, "a")
    (item,) = [item async for item in client.list(kind, namespace, labels="on=yes")]
    assert item["metadata"]["name"] == "a"
    assert "data" not in item
    assert [item async for item in client.list(kind, namespace, labels="on=no")] == []


async def test_what_rbac_denies_names_verb_resource_and_place(control_plane: ControlPlane, namespace: str) -> None:
    token = control_plane.service_account_token(namespace, "nobody")
    async with await connect(control_plane.kubeconfig_for(token)) as client:
        with pytest.raises(KubeForbidden) as denied:
            await client.get(SECRETS, namespace, "s")
        assert f'User "system:serviceaccount:{namespace}:nobody" cannot get resource "secrets"' in denied.value.message
        assert f"allow it to get secrets in namespace {namespace} by RBAC" in denied.value.message
        with pytest.raises(KubeForbidden, match=r"cannot list resource.*allow it to list secrets in all namespaces"):
            _ = [item async for item in client.list(SECRETS)]


async def test_unknown_credentials(control_plane: ControlPlane, namespace: str) -> None:
    async with await connect(control_plane.kubeconfig_for("made-up")) as client:
        with pytest.raises(KubeForbidden, match="doesn't know the operator's credentials") as denied:
            await client.get(SECRETS, namespace, "s")
    assert "made-up" not in denied.value.message


@pytest.mark.parametrize(
    "broken",
    [
        {"data": {"key": "CANARY not base64"}},
        {"data": {"key CANARY": "eA=="}, "stringData": {"k": ["CANARY"]}},
        {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{CANARY"}},
        {"type": "kubernetes.io/tls", "stringData": {"tls.key": "CANARY"}},
    ],
)
async def test_a_refused_secret_is_never_quoted(client: Client, namespace: str, broken: dict[str, Any]) -> None:
    metadata = {"namespace": namespace, "name": "s"}
    for send in (client.create, client.apply):
        with pytest.raises(KubeError, match=f"secrets {namespace}/s") as refused:
            await send(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **broken})
        assert "CANARY" not in refused.value.message
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__ or refused.value.__context__ is None


async def test_a_refused_object_says_which_field(client: Client, namespace: str) -> None:
    with pytest.raises(KubeRefused, match=r"metadata\.name"):
        await client.create(CONFIG_MAPS, config_map(namespace, "Not A Name"))
