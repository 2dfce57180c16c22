"""A server that somebody else names: nothing of ours goes anywhere but there, and no more comes back than is read."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from clusterstate.errors import KubeRefused, KubeUnavailable
from clusterstate.kube.client import Bounds, Client, Selection
from clusterstate.kube.failures import Damaged, Unauthorized
from clusterstate.kube.kinds import CONFIG_MAPS
from clusterstate.kube.remote import Server, connect_remote
from clusterstate.kube.transport import Limits
from tests.kube.proxies import Answer, scripted

OBJECT = {"metadata": {"namespace": "n", "name": "a", "resourceVersion": "1"}}


async def nowhere(host: str) -> tuple[str, ...]:
    raise AssertionError(f"{host} needs no resolver")


def client_of(url: str, **limits: Any) -> Client:
    server = Server(url, ssl.create_default_context(), nowhere, token="word")
    return connect_remote(server, Limits(patience=5, parallel=4, **limits))


class Script:
    """Gives the same answer each time, and keeps what was asked."""

    def __init__(self, **answer: Any) -> None:
        self._answer = answer
        self.requests: list[web.BaseRequest] = []

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        return web.Response(**self._answer)


@pytest.fixture
async def elsewhere() -> AsyncIterator[tuple[Script, str]]:
    script = Script(text="{}")
    async with scripted(script) as url:
        yield script, url


async def ask(answer: Answer, **limits: Any) -> Any:
    async with scripted(answer) as url, client_of(url, **limits) as client:
        return await client.get(CONFIG_MAPS, "n", "a")


async def test_the_token_goes_along() -> None:
    script = Script(body=b'{"metadata": {}}', content_type="application/json")
    assert await ask(script) == {"metadata": {}}
    assert script.requests[0].headers["Authorization"] == "Bearer word"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_error(elsewhere: tuple[Script, str], status: int) -> None:
    script, url = elsewhere
    with pytest.raises(KubeRefused, match=str(status)):
        await ask(Script(status=status, headers={"Location": url}))
    assert script.requests == []


async def test_a_token_that_is_turned_down_is_not_shown_again() -> None:
    script = Script(status=401)
    with pytest.raises(Unauthorized):
        await ask(script)
    assert len(script.requests) == 1


@pytest.mark.parametrize(("repeats", "count"), [(True, 2), (False, 1)])
async def test_too_many_requests_are_repeated_unless_the_caller_does(count: int, *, repeats: bool) -> None:
    script = Script(status=429, headers={"Retry-After": "3"})
    with pytest.raises(KubeUnavailable) as caught:
        await ask(script, repeats=repeats)
    assert caught.value.retry_after == 3
    assert len(script.requests) == count


async def test_the_same_client_repeats_or_leaves_it_to_its_caller() -> None:
    script = Script(status=429, headers={"Retry-After": "60"})
    async with scripted(script) as url, client_of(url) as client:
        with pytest.raises(KubeUnavailable):
            await client.once().get(CONFIG_MAPS, "n", "a")
    assert len(script.requests) == 1


async def test_the_same_client_may_read_less() -> None:
    script = Script(body=b" " * 2000)
    async with scripted(script) as url, client_of(url) as client:
        with pytest.raises(KubeRefused, match="more than 1000 bytes"):
            await client.once(1000).get(CONFIG_MAPS, "n", "a")


async def test_who_repeats_by_himself_takes_nobody_else_s_place() -> None:
    """Eight such callers have four places together, all taken by requests that hang; one of the others passes."""
    hanging, done, running = asyncio.Event(), asyncio.Event(), 0

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal running
        if "slow" in request.path:
            running += 1
            if running == 4:
                hanging.set()
            await done.wait()
        return web.json_response(OBJECT)

    async with scripted(answer) as url, client_of(url) as client:  # type: ignore[arg-type]
        slow = [asyncio.create_task(client.once().get(CONFIG_MAPS, "n", "slow")) for _ in range(8)]
        await hanging.wait()
        assert await client.get(CONFIG_MAPS, "n", "a") == OBJECT
        assert running == 4
        done.set()
        await asyncio.gather(*slow)


@pytest.mark.parametrize(("bounds", "words"), [(Bounds(requests=3), "no end after 3"), (Bounds(size=100), "100 bytes")])
async def test_a_list_has_bounds(bounds: Bounds, words: str) -> None:
    script = Script(body=b'{"metadata": {"continue": "x"}, "items": []}')
    async with scripted(script) as url, client_of(url) as client:
        with pytest.raises(KubeRefused, match=words):
            _ = [page async for page in client.pages(Selection(CONFIG_MAPS), bounds=bounds)]
    assert len(script.requests) == 3


async def test_only_so_much_is_read() -> None:
    script = Script(body=b" " * 2000)
    with pytest.raises(KubeRefused, match="more than 1000 bytes"):
        await ask(script, largest=1000)
    with pytest.raises(Damaged, match="not what Kubernetes sends"):
        await ask(script, largest=2000)


async def test_an_answer_that_is_cut_short_is_damage() -> None:
    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    with pytest.raises(Damaged, match="cut short"):
        await ask(cut)  # type: ignore[arg-type]


async def test_cookies_of_a_server_are_not_kept() -> None:
    script = Script(body=b"{}", headers={"Set-Cookie": "a=b"})
    async with scripted(script) as url, client_of(url) as client:
        for _ in range(2):
            await client.get(CONFIG_MAPS, "n", "a")
    assert "Cookie" not in script.requests[1].headers
