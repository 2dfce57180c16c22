"""Answers that no honest API server gives: too much of everything, and what isn't an object at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from clusterstate.errors import IntegrityFailed, KeyNotFound, StoreRefused
from clusterstate.kube.client import connect
from clusterstate.store.backends.kubernetes import files
from clusterstate.store.credentials import NO_CREDENTIALS
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.wrappers import Retrying
from tests.kube.proxies import Answer, scripted, write_kubeconfig
from tests.store.backends.kubernetes.stores import GARBAGE, everywhere, far, served_head, unretried
from tests.store.conformance import keys_of
from tests.store.opening import opened

DIGESTS = [f"{number:040x}" for number in range(100)]


@pytest.mark.parametrize("names", [DIGESTS[:10], DIGESTS[:1] * 2], ids=["too many", "one twice"])
async def test_a_small_secret_has_nobody_read_parts_without_end(names: list[str]) -> None:
    """Each name in the annotation would be a request and a mebibyte, whatever size the head tells."""
    asked: list[str] = []
    head = served_head(**{files.PARTS: ",".join(names)})

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.json_response(head)

    async with scripted(answer) as url, unretried(url) as store:
        with pytest.raises(KeyNotFound):
            await store.read("file")
    assert len(asked) == 1


@pytest.mark.parametrize(("size", "reads"), [(1 << 20, 2), ((1 << 20) + 1, 1)], ids=["of all", "of one"])
async def test_parts_are_left_as_soon_as_they_are_too_much(size: int, reads: int) -> None:
    asked: list[str] = []
    head = served_head(**{files.PARTS: ",".join(DIGESTS[:9]), files.SIZE: "1048576"})
    head["data"] = {"file": ""}

    async def answer(request: web.Request) -> web.StreamResponse:
        name = request.path.rpartition("/")[2]
        if name == files.name_of("file"):
            return web.json_response(head)
        asked.append(name)
        part = files.make_part("n", "file", bytes(size), "x")
        return web.json_response({**part, "metadata": {**head["metadata"], "name": name}})

    async with scripted(answer) as url, unretried(url) as store:
        with pytest.raises(IntegrityFailed, match="file can't be used"):
            await store.read("file")
    assert len(asked) == reads


async def test_a_file_that_nobody_could_read_is_not_written() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    async with scripted(answer) as url, unretried(url) as store:
        with pytest.raises(StoreRefused, match="the most that is read"):
            await Retrying(store).write("file", bytes(9 << 20))


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_is_no_object_is_told_and_named(garbage: str) -> None:
    """Every answer is the same Secret, with something odd in its metadata."""
    body = served_head()
    GARBAGE[garbage](body)
    async with scripted(everywhere(body)) as url, unretried(url) as store:
        for work in (keys_of(store), store.read("file"), store.write("file", b"y"), store.delete("file")):
            with pytest.raises(IntegrityFailed, match=r"Secret .* in namespace n has metadata") as caught:
                await work
            assert caught.value.__suppress_context__
            assert "canary" not in caught.value.message


async def test_another_secret_than_was_asked_for_is_told() -> None:
    async with scripted(everywhere(served_head("other"))) as url, unretried(url) as store:
        with pytest.raises(IntegrityFailed, match=f"another Secret than {files.name_of('file')}"):
            await store.read("file")


ODD_FILES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "data is a number": lambda body: body.update(data={"file": 1}),
    "data is a list": lambda body: body.update(data=["x"]),
    "no data": lambda body: body.pop("data"),
    "no base64": lambda body: body.update(data={"file": "é"}),
    "damaged": lambda body: body.update(data={"file": "eQ=="}),
}


@pytest.mark.parametrize("odd", ODD_FILES)
async def test_bytes_that_are_none_are_damage(odd: str) -> None:
    body = served_head()
    ODD_FILES[odd](body)
    async with scripted(everywhere(body)) as url, unretried(url) as store:
        with pytest.raises(IntegrityFailed, match="file can't be used"):
            await store.read("file")
        with pytest.raises(IntegrityFailed, match="others than were sent"):
            await store.write("file", b"z")


async def test_what_has_no_key_that_a_file_may_have_is_none() -> None:
    for key in ("../file", "a//b", "x" * 1025):
        body = served_head(key)
        async with scripted(everywhere(body)) as url, unretried(url) as store:
            assert await keys_of(store) == []


def same(*body: str, status: int = 200) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text="".join(body), status=status, content_type="application/json")

    return answer


ENDLESS = {
    "empty pages": same('{"metadata": {"continue": "more"}, "items": []}'),
    "pages of null": same('{"metadata": {"continue": "more"}, "items": null}'),
    "starts anew": same('{"kind": "Status", "code": 410, "metadata": {"continue": "more"}}', status=410),
    "large pages": same('{"metadata": {"continue": "more"}, "items": []}', " " * (15 << 20)),
}


@pytest.mark.parametrize("how", ENDLESS)
async def test_a_list_without_files_and_end_is_left(how: str) -> None:
    async with scripted(ENDLESS[how]) as url, opened("k8s:///n", far(url, "token")) as store:
        with pytest.raises(StoreRefused, match=r"no end after 1000 requests|more than \d+ bytes"):
            await keys_of(store)


async def test_the_operator_s_own_cluster_has_bounds_too(tmp_path: Path) -> None:
    """Whoever may write objects there decides what is in an answer."""
    policy = EndpointPolicy(namespaces=("*",))
    async with scripted(same('{"items": [', " " * (17 << 20), "]}")) as url:
        config = write_kubeconfig(tmp_path / "config", url)
        async with await connect(config) as kube, opened("k8s:///n", NO_CREDENTIALS, policy=policy, kube=kube) as store:
            for work in (keys_of(store), store.read("file")):
                with pytest.raises(StoreRefused, match="the most that is read"):
                    await work
