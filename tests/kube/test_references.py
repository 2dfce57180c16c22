"""The versions of what is referred to stay true, and a namespace full of foreign Secrets leaves nothing behind."""

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, cast

import pytest

from clusterstate.kube.client import Client, ListMeta, Page, Selection, connect
from clusterstate.kube.kinds import CONFIG_MAPS, SECRETS, JsonObject, Kind
from clusterstate.kube.references import ABSENT, ReferenceWatch, Version, _Object
from clusterstate.kube.watching import WatchEvent
from clusterstate.sandbox.controlplane import ControlPlane
from tests.kube.granting import allow_reading
from tests.kube.proxies import TcpProxy, forgetful, write_kubeconfig
from tests.kube.test_informer import until

pytestmark = pytest.mark.apiserver


class Watched:
    """A watch, and the versions that it told."""

    def __init__(self, client: Client, kind: Kind = SECRETS, **options: Any) -> None:
        self.told: list[tuple[str, Version | None]] = []
        self.watch = ReferenceWatch(client, kind, self._note, **options)

    def _note(self, namespace: str, name: str) -> None:
        self.told.append((name, self.watch.version(namespace, name)))

    def last(self, name: str) -> Version | None:
        return next((version for each, version in reversed(self.told) if each == name), None)

    @asynccontextmanager
    async def running(self, namespace: str, *names: str) -> AsyncIterator["Watched"]:
        """Watch these names, and wait until something is known of each."""
        task = asyncio.create_task(self.watch.run())
        try:
            for name in names:
                self.watch.add(namespace, name)
            await until(lambda: all(self.watch.heard(namespace, name) for name in names))
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def secret(namespace: str, name: str, value: str = "1") -> JsonObject:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"k": value}}


def version_of(item: JsonObject) -> Version:
    return item["metadata"]["uid"], item["metadata"]["resourceVersion"]


async def change(client: Client, namespace: str, name: str) -> Version:
    data = {"k": secrets.token_hex(4)}
    return version_of(await client.merge_patch(SECRETS, namespace, name, {"stringData": data}))


@pytest.mark.parametrize("named", [False, True])
async def test_what_is_there_and_what_happens(client: Client, namespace: str, *, named: bool) -> None:
    first = version_of(await client.create(SECRETS, secret(namespace, "a")))
    async with Watched(client, named=named).running(namespace, "a", "b") as watched:
        assert sorted(watched.told) == [("a", first), ("b", ABSENT)]
        watched.told.clear()
        second = await change(client, namespace, "a")
        await until(lambda: watched.last("a") == second)
        created = version_of(await client.create(SECRETS, secret(namespace, "b")))
        await until(lambda: watched.last("b") == created)
        await client.delete(SECRETS, namespace, "a")
        await until(lambda: watched.last("a") == ABSENT)
        assert watched.told == [("a", second), ("b", created), ("a", ABSENT)]


async def test_names_come_and_go_while_the_watch_runs(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    versions = {name: version_of(await client.create(SECRETS, secret(namespace, name))) for name in "abc"}
    mark = control_plane.audit_mark()
    async with Watched(client).running(namespace, "a") as watched:
        watched.watch.add(namespace, "b")
        await until(lambda: watched.last("b") is not None)
        watched.watch.remove(namespace, "a")
        for name in "abc":
            versions[name] = await change(client, namespace, name)
        await until(lambda: watched.last("b") == versions["b"])
        assert [name for name, _ in watched.told] == ["a", "b", "b"]
        assert len(watches(control_plane, mark, namespace)) == 1
        watched.watch.remove(namespace, "b")
        await until(lambda: "ResponseComplete" in stages(control_plane, mark, namespace))
        assert not watched.watch._places
        assert not watched.watch._jobs._tasks
        watched.watch.add(namespace, "c")
        await until(lambda: watched.last("c") == versions["c"])
        await until(lambda: len(watches(control_plane, mark, namespace)) == 2)


def watches(control_plane: ControlPlane, mark: int, namespace: str) -> list[str]:
    calls = control_plane.calls(mark, verbs=["watch"])
    return [call.uri for call in calls if call.namespace == namespace and call.stage == "ResponseStarted"]


def stages(control_plane: ControlPlane, mark: int, namespace: str) -> set[str]:
    return {call.stage for call in control_plane.calls(mark, verbs=["watch"]) if call.namespace == namespace}


def reachable(root: object) -> set[str]:
    """Give every text that an object keeps, through whatever it refers to but its client and the event loop."""
    elsewhere = (type, ModuleType, FunctionType, Client, asyncio.AbstractEventLoop, Context)
    seen: set[int] = set()
    texts: set[str] = set()
    waiting: list[object] = [root]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            texts.add(each)
        elif id(each) not in seen and not isinstance(each, elsewhere):
            seen.add(id(each))
            waiting.extend(gc.get_referents(each))
    return texts


async def test_foreign_secrets_leave_nothing_behind(
    client: Client, control_plane: ControlPlane, namespace: str
) -> None:
    async def create(number: int) -> None:
        await client.create(SECRETS, secret(namespace, f"foreign-{number}"))

    async def create_many(numbers: range) -> None:
        async with asyncio.TaskGroup() as group:
            for number in numbers:
                group.create_task(create(number))

    await create_many(range(300))
    await client.create(SECRETS, secret(namespace, "mine"))
    mark = control_plane.audit_mark()
    async with Watched(client).running(namespace, "mine") as watched:
        await create_many(range(300, 500))
        version = await change(client, namespace, "mine")
        await until(lambda: watched.last("mine") == version)
        assert list(watched.watch._places[namespace].objects) == ["mine"]
        kept = reachable(watched.watch)
        assert {"mine", version[1]} <= kept
        assert not [text for text in kept if "foreign" in text]
        assert {name for name, _ in watched.told} == {"mine"}
    calls = control_plane.calls(mark, verbs=["get", "list", "watch"])
    asked = [(call.verb, call.uri.partition("?")[2]) for call in calls if call.namespace == namespace]
    lists = [query for verb, query in asked if verb == "list"]
    assert lists == ["limit=1", "fieldSelector=metadata.name%3Dmine&limit=500"], "nobody reads what is foreign"
    assert not [query for verb, query in asked if verb == "get"]


async def test_only_metadata_is_asked_for(client: Client, namespace: str) -> None:
    await client.create(SECRETS, secret(namespace, "a", "value-canary"))
    seen: list[JsonObject] = []
    async with Watched(client).running(namespace, "a") as watched:
        take = watched.watch._places[namespace]._take

        def note(event: WatchEvent) -> None:
            seen.append(event.object)
            take(event)

        following = watched.watch._places[namespace]._following
        assert following is not None
        following._take = note
        version = await change(client, namespace, "a")
        await until(lambda: watched.last("a") == version)
    assert [(each["kind"], "data" in each) for each in seen] == [("PartialObjectMetadata", False)]


@pytest.mark.parametrize("named", [False, True])
async def test_a_forgotten_version_begins_anew(
    client: Client, control_plane: ControlPlane, namespace: str, tmp_path: Path, *, named: bool
) -> None:
    await client.create(SECRETS, secret(namespace, "lost"))
    async with (
        forgetful(control_plane) as (url, watches),
        await connect(write_kubeconfig(tmp_path / "k", url)) as far_client,
        Watched(far_client, named=named).running(namespace, "lost") as watched,
    ):
        await until(lambda: len(watches) == 1)
        await client.delete(SECRETS, namespace, "lost")
        await until(lambda: watched.last("lost") == ABSENT)
        await until(lambda: len(watches) >= 3)
        found = version_of(await client.create(SECRETS, secret(namespace, "lost")))
        await until(lambda: watched.last("lost") == found)


@pytest.mark.parametrize("named", [False, True])
async def test_what_happened_while_the_server_was_away_is_found(
    client: Client, far_client: Client, proxy: TcpProxy, namespace: str, *, named: bool
) -> None:
    await client.create(SECRETS, secret(namespace, "a"))
    async with Watched(far_client, named=named).running(namespace, "a") as watched:
        await proxy.refuse()
        version = await change(client, namespace, "a")
        watched.watch.add(namespace, "b")
        found = version_of(await client.create(SECRETS, secret(namespace, "b")))
        proxy.accept()
        await until(lambda: watched.last("a") == version and watched.last("b") == found)


async def test_a_rule_for_one_name_is_enough_where_each_has_a_watch(
    control_plane: ControlPlane, client: Client, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = control_plane.service_account_token(namespace, "reader")
    allow_reading(control_plane, namespace, "reader", "secrets", "mine")
    for name in ("mine", "other"):
        await client.create(SECRETS, secret(namespace, name))
    mark = control_plane.audit_mark()
    async with await connect(control_plane.kubeconfig_for(token)) as reader:
        watched = Watched(reader, named=True)
        async with watched.running(namespace):
            watched.watch.add(namespace, "mine")
            await until(lambda: watched.last("mine") is not None)  # the rule takes a moment to be known
            watched.watch.add(namespace, "other")
            await until(lambda: watched.watch.heard(namespace, "other"))
            assert watched.watch.version(namespace, "other") is None, "nobody waits for what can't be known"
            version = await change(client, namespace, "mine")
            await until(lambda: watched.last("mine") == version)
            denied = control_plane.calls(mark, verbs=["list"])
            await until(lambda: len([call for call in denied if call.name == "other" and call.status == 403]) >= 1)
            assert caplog.text.count(f"Could not list secrets {namespace}/other") == 1
            allow_reading(control_plane, namespace, "reader", "secrets", "other")
            await until(lambda: watched.last("other") is not None)
            newest = await change(client, namespace, "other")
            await until(lambda: watched.last("other") == newest)
    user = f"system:serviceaccount:{namespace}:reader"
    calls = control_plane.calls(mark, user=user, verbs=["get", "list", "watch"])
    assert {(call.verb, call.name) for call in calls if call.resource == "secrets"} == {
        (verb, name) for verb in ("list", "watch") for name in ("mine", "other")
    }


async def test_denied_access_is_logged_once_and_tried_again(
    control_plane: ControlPlane, client: Client, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = control_plane.service_account_token(namespace, "reader")
    version = version_of(await client.create(SECRETS, secret(namespace, "a")))
    mark = control_plane.audit_mark()
    async with (
        await connect(control_plane.kubeconfig_for(token)) as denied,
        Watched(denied).running(namespace, "a", "b") as watched,
    ):
        user = f"system:serviceaccount:{namespace}:reader"
        # The audit may know of a list before its answer is read; the third shows that two answers were.
        await until(lambda: len(control_plane.calls(mark, user=user, verbs=["list"])) > 2)
        assert sorted(watched.told) == [("a", None), ("b", None)]
        assert caplog.text.count("allow it to list secrets") == 1
        allow_reading(control_plane, namespace, "reader", "secrets")
        await until(lambda: watched.last("a") == version and watched.last("b") == ABSENT)


async def test_namespaces_and_kinds_are_apart(client: Client, control_plane: ControlPlane, namespace: str) -> None:
    mark = control_plane.audit_mark()
    async with Watched(client, CONFIG_MAPS).running(namespace, "kube-root-ca.crt") as watched:
        watched.watch.add("default", "kube-root-ca.crt")
        await until(lambda: watched.watch.heard("default", "kube-root-ca.crt"))
        one, other = (watched.watch.version(each, "kube-root-ca.crt") for each in (namespace, "default"))
        assert one != other
    uris = {call.uri.partition("?")[0] for call in control_plane.calls(mark, verbs=["list", "watch"])}
    assert {uri for uri in uris if namespace in uri} == {f"/api/v1/namespaces/{namespace}/configmaps"}


def event(kind: str, version: int, uid: str = "u") -> WatchEvent:
    return WatchEvent(cast("Any", kind), {"metadata": {"name": "a", "uid": uid, "resourceVersion": str(version)}})


class Restored:
    """A server whose versions are lower than they were."""

    async def pages(self, _: Selection) -> AsyncIterator[Page]:
        yield Page(ListMeta("7"))


async def test_a_fresh_list_counts_whatever_its_version() -> None:
    told: list[Version | None] = []
    each = _Object(cast("Client", Restored()), Selection(SECRETS, "n"), lambda: told.append(each.version), 1)
    each._hear(20, ("u", "15"))
    assert await each._learn() == "7"
    each.take(event("ADDED", 8, "v"))
    assert told == [("u", "15"), ABSENT, ("v", "8")]


def test_old_news_from_the_slower_of_list_and_watch_change_nothing() -> None:
    told: list[Version | None] = []
    each = _Object(cast("Client", None), Selection(SECRETS, "n"), lambda: told.append(each.version), 1)
    each._hear(20, ("u", "15"))
    each.take(event("MODIFIED", 15))
    each.take(event("DELETED", 12, "older"))
    each.take(event("BOOKMARK", 30))
    assert told == [("u", "15")]
    each.take(event("DELETED", 21))
    each._hear(20, ("u", "15"))
    each.take(event("ADDED", 22, "v"))
    each.give_up()
    assert told == [("u", "15"), ABSENT, ("v", "22")]
