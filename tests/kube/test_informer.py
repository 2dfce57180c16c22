"""The informer's picture stays true through broken connections, forgotten versions and denied access."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from clusterstate.kube.client import Client, connect
from clusterstate.kube.informer import Informer
from clusterstate.kube.kinds import CONFIG_MAPS, JsonObject, Kind
from clusterstate.sandbox.controlplane import ControlPlane
from tests.kube.granting import allow_reading
from tests.kube.proxies import TcpProxy, forgetful, scripted, write_kubeconfig

pytestmark = pytest.mark.apiserver
ON = "on=yes"


class Watched:
    """An informer of ConfigMaps labelled `on=yes` that keeps their value `k`, and what it told."""

    def __init__(
        self, client: Client, *namespaces: str, kind: Kind = CONFIG_MAPS, labels: str = ON, silence: float = 60
    ) -> None:
        self.told: list[tuple[str, str | None]] = []
        self._records: dict[tuple[str, str], str] = {}
        self.informer = Informer(client, kind, namespaces or None, labels, self.reduce, self.note, silence=silence)

    @staticmethod
    def reduce(item: JsonObject) -> str:
        return str(item.get("data", {}).get("k", ""))

    def note(self, namespace: str, name: str, record: str | None) -> None:
        self.told.append((name, record))
        self._records.pop((namespace, name), None)
        if record is not None:
            self._records[namespace, name] = record

    def records(self, namespace: str) -> dict[str, str]:
        """What it has told of one namespace so far, by name."""
        return {name: record for (of, name), record in self._records.items() if of == namespace}

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Watched"]:
        async with self.started():
            async with asyncio.timeout(20):
                await self.informer.synced.wait()
            yield self

    @asynccontextmanager
    async def started(self) -> AsyncIterator["Watched"]:
        """Run it, whether it gets to see anything or not; it has ended before its client closes."""
        task = asyncio.create_task(self.informer.run())
        try:
            yield self
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task


def config_map(namespace: str, name: str, value: str = "", *, on: str = "yes") -> dict[str, Any]:
    metadata = {"namespace": namespace, "name": name, "labels": {"on": on}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}}


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.02)


async def test_what_is_there_and_what_happens(client: Client, namespace: str) -> None:
    await client.create(CONFIG_MAPS, config_map(namespace, "before", "1"))
    await client.create(CONFIG_MAPS, config_map(namespace, "foreign", on="no"))
    async with Watched(client, namespace).running() as watched:
        assert watched.records(namespace) == {"before": "1"}
        await client.create(CONFIG_MAPS, config_map(namespace, "after", "2"))
        await client.merge_patch(CONFIG_MAPS, namespace, "after", {"data": {"k": "3"}})
        await client.delete(CONFIG_MAPS, namespace, "before")
        await client.merge_patch(CONFIG_MAPS, namespace, "after", {"metadata": {"labels": {"on": "no"}}})
        await until(lambda: not watched.records(namespace))
    assert watched.told == [("before", "1"), ("after", "2"), ("after", "3"), ("before", None), ("after", None)]


async def test_all_namespaces_by_one_watch_or_some_by_one_each(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    labels = f"on={namespace}"
    there = f"there-{namespace}"
    await client.create(CONFIG_MAPS, config_map(namespace, "here", on=namespace))
    await client.create(CONFIG_MAPS, config_map("default", there, on=namespace))
    mark = control_plane.audit_mark()
    async with Watched(client, labels=labels).running() as all_of_them:
        assert sorted(all_of_them.told) == [("here", ""), (there, "")]
        assert "here" in all_of_them.records(namespace)
        assert there in all_of_them.records("default")
    async with Watched(client, namespace, "kube-system", labels=labels).running() as some:
        assert some.told == [("here", "")]
    await client.delete(CONFIG_MAPS, "default", there)
    lists = [call.uri for call in control_plane.calls(mark, verbs=["list"]) if namespace in call.uri]
    assert sorted(uri.partition("?")[0] for uri in lists) == [
        "/api/v1/configmaps",
        "/api/v1/namespaces/kube-system/configmaps",
        f"/api/v1/namespaces/{namespace}/configmaps",
    ]


async def test_a_cut_connection_goes_on_without_a_new_list(
    client: Client,
    far_client: Client,
    proxy: TcpProxy,
    control_plane: ControlPlane,
    namespace: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await client.create(CONFIG_MAPS, config_map(namespace, "a", "1"))
    async with Watched(far_client, namespace).running() as watched:
        mark = control_plane.audit_mark()
        await proxy.refuse()
        await until(lambda: f"Could not watch configmaps {namespace}" in caplog.text)
        await client.delete(CONFIG_MAPS, namespace, "a")
        await client.create(CONFIG_MAPS, config_map(namespace, "b", "2"))
        proxy.accept()
        await until(lambda: watched.records(namespace) == {"b": "2"})
        lists = control_plane.calls(mark, verbs=["list"])
    assert watched.told == [("a", "1"), ("a", None), ("b", "2")]
    assert not [call for call in lists if namespace in call.uri]


async def test_a_connection_that_went_silent_is_given_up(
    client: Client, far_client: Client, proxy: TcpProxy, namespace: str
) -> None:
    async with Watched(far_client, namespace, silence=1).running() as watched:
        await client.create(CONFIG_MAPS, config_map(namespace, "a", "1"))
        await until(lambda: bool(watched.told))
        proxy.freeze()
        await client.merge_patch(CONFIG_MAPS, namespace, "a", {"data": {"k": "2"}})
        await until(lambda: watched.told[-1] == ("a", "2"))


async def test_a_forgotten_version_leads_to_a_new_list_that_finds_deletions(
    client: Client, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    for name in ("kept", "lost"):
        await client.create(CONFIG_MAPS, config_map(namespace, name, "1"))
    async with (
        forgetful(control_plane) as (url, watches),
        await connect(write_kubeconfig(tmp_path / "k", url)) as far_client,
        Watched(far_client, namespace).running() as watched,
    ):
        await until(lambda: len(watches) == 1)
        await client.delete(CONFIG_MAPS, namespace, "lost")
        await until(lambda: len(watches) == 3)
        await client.merge_patch(CONFIG_MAPS, namespace, "kept", {"data": {"k": "2"}})
        await until(lambda: watched.records(namespace) == {"kept": "2"})
    assert watched.told == [("kept", "1"), ("lost", "1"), ("lost", None), ("kept", "2")]


async def test_deletions_while_nobody_could_watch_are_found_by_the_next_list(client: Client, namespace: str) -> None:
    for name in "abc":
        await client.create(CONFIG_MAPS, config_map(namespace, name, "1"))
    async with Watched(client, namespace).running() as watched:
        scope = watched.informer._scopes[0]
    await client.delete(CONFIG_MAPS, namespace, "b")
    await client.merge_patch(CONFIG_MAPS, namespace, "c", {"data": {"k": "2"}})
    watched.told.clear()
    scope.version = ""
    async with watched.running():
        await until(lambda: watched.records(namespace) == {"a": "1", "c": "2"})
    assert watched.told == [("c", "2"), ("b", None)]


async def test_many_objects_come_in_pages(client: Client, control_plane: ControlPlane, namespace: str) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(600):
            group.create_task(client.create(CONFIG_MAPS, config_map(namespace, f"n{number}")))
    mark = control_plane.audit_mark()
    async with Watched(client, namespace).running() as watched:
        assert len(watched.records(namespace)) == 600
    assert len([call for call in control_plane.calls(mark, verbs=["list"]) if namespace in call.uri]) == 2


async def test_metadata_alone_can_be_watched(client: Client, namespace: str) -> None:
    async with Watched(client, namespace, kind=CONFIG_MAPS.without_bodies).running() as watched:
        await client.create(CONFIG_MAPS, config_map(namespace, "a", "body"))
        await until(lambda: bool(watched.told))
    assert watched.told == [("a", "")]


async def test_denied_access_is_logged_once_and_tried_again(
    control_plane: ControlPlane, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = control_plane.service_account_token(namespace, "reader")
    mark = control_plane.audit_mark()
    async with (
        await connect(control_plane.kubeconfig_for(token)) as denied,
        Watched(denied, namespace).started() as watched,
    ):
        # The audit may know of a list before its answer is read; the third shows that two answers were.
        await until(lambda: sum(namespace in call.uri for call in control_plane.calls(mark, verbs=["list"])) > 2)
        assert caplog.text.count("allow it to list configmaps") == 1
        assert not watched.informer.synced.is_set()
        allow_reading(control_plane, namespace, "reader", "configmaps")
        async with asyncio.timeout(30):
            await watched.informer.synced.wait()


async def test_trouble_is_met_with_growing_patience(tmp_path: Path) -> None:
    asked: list[float] = []

    async def fail(_: web.Request) -> web.StreamResponse:
        asked.append(asyncio.get_running_loop().time())
        return web.Response(status=503)

    async with (
        scripted(fail) as url,
        await connect(write_kubeconfig(tmp_path / "k", url)) as client,
        Watched(client).started(),
    ):
        await until(lambda: len(asked) == 5)
    assert asked[4] - asked[3] > asked[1] - asked[0]
    assert asked[4] - asked[0] > (0.2 + 0.4 + 0.8 + 1.6) / 2


async def test_a_watch_that_ends_at_once_is_not_repeated_at_once(tmp_path: Path) -> None:
    watches = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal watches
        watches += "watch" in request.query
        return web.Response(text="" if "watch" in request.query else '{"metadata":{"resourceVersion":"1"},"items":[]}')

    async with (
        scripted(answer) as url,
        await connect(write_kubeconfig(tmp_path / "k", url)) as client,
        Watched(client).running(),
    ):
        await asyncio.sleep(1)
    assert 1 <= watches <= 5


CANARY = "value-canary"


class Fragile(Watched):
    """One that can't make sense of some values, and trips over others."""

    @staticmethod
    def reduce(item: JsonObject) -> str:
        value = Watched.reduce(item)
        if value.startswith("odd"):
            raise RecursionError(CANARY)
        return value

    def note(self, namespace: str, name: str, record: str | None) -> None:
        super().note(namespace, name, record)
        if record == "trap":
            raise ValueError(CANARY)


async def test_one_object_that_fails_does_not_hold_up_the_others(
    client: Client, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in {"a": "odd", "b": "trap", "c": "1"}.items():
        await client.create(CONFIG_MAPS, config_map(namespace, name, value))
    async with Fragile(client, namespace).running() as watched:
        assert watched.told == [("a", None), ("b", "trap"), ("c", "1")]
        for name, value in {"c": "odd2", "b": "2", "a": "3"}.items():
            await client.merge_patch(CONFIG_MAPS, namespace, name, {"data": {"k": value}})
        await until(lambda: watched.records(namespace) == {"a": "3", "b": "2"})
        await client.delete(CONFIG_MAPS, namespace, "c")
        await client.delete(CONFIG_MAPS, namespace, "a")
        await until(lambda: watched.records(namespace) == {"b": "2"})
    failures = [record.getMessage() for record in caplog.records if "can't be taken in" in record.getMessage()]
    assert failures == [
        f"{namespace}/a can't be taken in: RecursionError",
        f"{namespace}/b can't be taken in: ValueError",
        f"{namespace}/c can't be taken in: RecursionError",
    ]
    assert CANARY not in caplog.text
