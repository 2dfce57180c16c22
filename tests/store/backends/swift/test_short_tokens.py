"""Tokens that live shortly: each serves as many requests as others do, and ends in time."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from tests.store.backends.swift.doubles import LOGIN, Answer, inputs_of, token
from tests.store.backends.swift.stores import bare
from tests.store.canned import Canned, canned
from tests.store.conformance import keys_of


def living(seconds: float, listing: Answer = lambda _: web.Response(text="[]")) -> Answer:
    """Give a Keystone whose tokens live so long, with a Swift beside it."""

    def answer(request: web.Request) -> web.Response:
        if request.path != LOGIN:
            return listing(request)
        end = datetime.now(UTC) + timedelta(seconds=seconds)
        return token(f"http://{request.host}/v1/AUTH_1", expires_at=end.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))

    return answer


def logins(server: Canned) -> int:
    return sum(request.path == LOGIN for request in server.requests)


@pytest.mark.parametrize("seconds", [100, 130, 3600])
async def test_a_token_serves_many_requests_however_long_it_lives(seconds: int) -> None:
    async with canned(living(seconds)) as server, bare("acme", inputs_of(server.endpoint)) as store:
        for _ in range(10):
            await keys_of(store)
        await asyncio.gather(*(keys_of(store) for _ in range(10)))
        assert logins(server) == 1
        assert len(server.requests) == 21


async def test_a_token_of_seconds_is_renewed_by_time() -> None:
    async with canned(living(3)) as server, bare("acme", inputs_of(server.endpoint)) as store:
        while logins(server) < 2:
            await keys_of(store)
            await asyncio.sleep(0.1)
        assert len(server.requests) > 3, "the first one served several requests"


async def test_a_token_that_is_over_before_its_time_is_renewed_once() -> None:
    refusals = iter([200, 401, 200, 200])
    listing: Callable[[web.Request], web.Response] = lambda _: web.Response(text="[]", status=next(refusals))  # noqa: E731
    async with canned(living(100, listing)) as server, bare("acme", inputs_of(server.endpoint)) as store:
        for _ in range(3):
            await keys_of(store)
        assert [request.path == LOGIN for request in server.requests] == [True, False, False, True, False, False]
