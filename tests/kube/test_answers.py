"""Answers that a real API server gives too rarely to wait for, from a server that says what a test wants."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from clusterstate.errors import KubeForbidden, KubeRefused, KubeUnavailable
from clusterstate.kube.client import Client, Selection, connect
from clusterstate.kube.failures import Expired
from clusterstate.kube.kinds import CONFIG_MAPS, SECRETS
from tests.kube.proxies import Answer, scripted, write_kubeconfig


def status(code: int, reason: str = "", **more: Any) -> web.Response:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, **more}
    headers = {"Retry-After": str(more["retry_after"])} if "retry_after" in more else None
    return web.json_response(body, status=code, headers=headers)


def item(name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "n", "name": name, "resourceVersion": "1"}}


async def client_of(url: str, path: Path, **more: Any) -> Client:
    return await connect(write_kubeconfig(path / "kubeconfig", url), **more)


def in_turn(*answers: web.Response) -> Answer:
    left = list(answers)

    async def answer(_: web.Request) -> web.StreamResponse:
        return left.pop(0)

    return answer


async def test_too_many_requests_are_sent_again_when_the_server_says(tmp_path: Path) -> None:
    answers = in_turn(status(429, "TooManyRequests", retry_after=1), web.json_response(item("a")))
    async with scripted(answers) as url, await client_of(url, tmp_path) as client:
        start = asyncio.get_running_loop().time()
        assert (await client.get(CONFIG_MAPS, "n", "a"))["metadata"]["name"] == "a"
        assert asyncio.get_running_loop().time() - start >= 1


async def test_too_many_requests_for_longer_than_the_time_limit(tmp_path: Path) -> None:
    answers = in_turn(status(429, "TooManyRequests", retry_after=60))
    async with scripted(answers) as url, await client_of(url, tmp_path, patience=5) as client:
        with pytest.raises(KubeUnavailable) as refused:
            await client.get(CONFIG_MAPS, "n", "a")
    assert refused.value.retry_after == 60


async def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        raise AssertionError

    async with scripted(silence) as url, await client_of(url, tmp_path, patience=0.3) as client:
        with pytest.raises(KubeUnavailable, match=r"Could not get configmaps n/a: .* did not answer in time"):
            await client.get(CONFIG_MAPS, "n", "a")


async def test_nobody_listens(tmp_path: Path) -> None:
    async with scripted(in_turn()) as url:
        pass
    async with await client_of(url, tmp_path) as client:
        with pytest.raises(KubeUnavailable, match=r"no answer from the API server .*127\.0\.0\.1"):
            await client.get(CONFIG_MAPS, "n", "a")


async def test_only_so_many_requests_at_once(tmp_path: Path) -> None:
    running = most = 0

    async def count(_: web.Request) -> web.StreamResponse:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return web.json_response(item("a"))

    async with scripted(count) as url, await client_of(url, tmp_path, parallel=3) as client:
        await asyncio.gather(*(client.get(CONFIG_MAPS, "n", "a") for _ in range(20)))
    assert most == 3


async def test_a_list_that_outlives_its_token_goes_on(tmp_path: Path) -> None:
    first = {"metadata": {"resourceVersion": "5", "continue": "old"}, "items": [item("a")]}
    last = {"metadata": {"resourceVersion": "9"}, "items": [item("b")]}
    asked: list[str] = []
    answers = [web.json_response(first), status(410, "Expired", metadata={"continue": "new"}), web.json_response(last)]

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request.query.get("continue", ""))
        return answers.pop(0)

    async with scripted(answer) as url, await client_of(url, tmp_path) as client:
        assert [each["metadata"]["name"] async for each in client.list(CONFIG_MAPS, "n")] == ["a", "b"]
    assert asked == ["", "old", "new"]


async def test_a_list_that_can_not_go_on(tmp_path: Path) -> None:
    async with scripted(in_turn(status(410, "Expired"))) as url, await client_of(url, tmp_path) as client:
        with pytest.raises(Expired):
            _ = [each async for each in client.list(CONFIG_MAPS, "n")]


@pytest.mark.parametrize("body", [b"<html>CANARY</html>", b'"CANARY"', b"{", b'{"items": 1}', b'{"items": "\xff"}'])
async def test_an_answer_of_something_else_than_kubernetes(tmp_path: Path, body: bytes) -> None:
    answers = in_turn(web.Response(body=body), web.Response(body=body), web.Response(body=body, status=502))
    async with scripted(answers) as url, await client_of(url, tmp_path) as client:
        with pytest.raises(KubeUnavailable) as unreadable:
            _ = [each async for each in client.list(CONFIG_MAPS, "n")]
        with pytest.raises(KubeUnavailable) as unwatchable:
            _ = [each async for each in client.watch(Selection(CONFIG_MAPS), "1")]
        with pytest.raises(KubeUnavailable) as broken:
            await client.get(CONFIG_MAPS, "n", "a")
    assert "CANARY" not in f"{unreadable.value}{unwatchable.value}{broken.value}"


DEEP = "[" * 5000 + "]" * 5000


async def test_an_object_that_is_nested_too_deeply_is_refused_by_name(tmp_path: Path) -> None:
    deep = f'{{"metadata": {{}}, "data": {DEEP}}}'
    answers = (deep, f'{{"metadata": {{}}, "items": [{deep}]}}', f'{{"type": "ADDED", "object": {deep}}}')
    served = in_turn(*(web.Response(text=text) for text in answers), web.Response(text=deep, status=500))
    async with scripted(served) as url, await client_of(url, tmp_path) as client:
        with pytest.raises(KubeRefused, match=r"Could not get configmaps n/a: .*nested too deeply"):
            await client.get(CONFIG_MAPS, "n", "a")
        with pytest.raises(KubeRefused, match=r"Could not list configmaps n: .*nested too deeply"):
            _ = [each async for each in client.list(CONFIG_MAPS, "n")]
        with pytest.raises(KubeRefused, match=r"Could not watch configmaps in all namespaces: .*nested too deeply"):
            _ = [each async for each in client.watch(Selection(CONFIG_MAPS), "1")]
        with pytest.raises(KubeUnavailable, match="HTTP status 500"):
            await client.get(CONFIG_MAPS, "n", "a")


async def test_a_message_about_a_secret_keeps_fields_and_loses_values(tmp_path: Path) -> None:
    details = {"causes": [{"reason": "FieldValueInvalid", "message": '"CANARY"', "field": "data[.dockercfg]"}]}
    answers = in_turn(status(422, "Invalid", message="Secret is invalid: CANARY", details=details))
    async with scripted(answers) as url, await client_of(url, tmp_path) as client:
        with pytest.raises(
            Exception, match=r"Could not create secrets n/s: Invalid, because of data\[\.dockercfg\]"
        ) as no:
            await client.create(SECRETS, {"metadata": {"namespace": "n", "name": "s"}})
    assert "CANARY" not in str(no.value)


async def test_a_webhook_that_quotes_a_secret_is_not_quoted(tmp_path: Path) -> None:
    answers = in_turn(status(403, "Forbidden", message='admission webhook "w" denied: CANARY'))
    async with scripted(answers) as url, await client_of(url, tmp_path) as client:
        with pytest.raises(KubeForbidden) as denied:
            await client.create(SECRETS, {"metadata": {"namespace": "n", "name": "s"}})
    assert "CANARY" not in denied.value.message


async def test_a_long_message_is_cut_and_kept_on_one_line(tmp_path: Path) -> None:
    answers = in_turn(status(500, "InternalError", message="a\n\x1b[31m" + "b" * 5000))
    async with scripted(answers) as url, await client_of(url, tmp_path) as client:
        with pytest.raises(KubeUnavailable) as failed:
            await client.get(CONFIG_MAPS, "n", "a")
    assert failed.value.message.isprintable()
    assert len(failed.value.message) < 600


async def test_a_watch_that_says_an_error(tmp_path: Path) -> None:
    gone = '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n'
    async with scripted(in_turn(web.Response(text=gone))) as url, await client_of(url, tmp_path) as client:
        with pytest.raises(Expired):
            _ = [each async for each in client.watch(Selection(CONFIG_MAPS), "1")]
