"""A role's credentials: when they are renewed, and what is told where they can't be had."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.store.backends.oss.config import FederatedRole, TokenFile
from clusterstate.store.backends.oss.identity import MARGIN, Renewed
from clusterstate.store.backends.oss.sts import AUDIENCE, ROLE_SECONDS, Lent, assume_role
from clusterstate.store.connections import LARGEST_ANSWER
from clusterstate.store.sessions import wired
from clusterstate.store.threads import Lane
from clusterstate.store.wire import Wire
from tests.store.backends.oss.stores import GIVEN, ROLE, Tokens, role_at
from tests.store.canned import canned

LANE = Lane()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def lender(clock: Clock, seconds: float = 3600) -> tuple[list[Lent], Callable[[], Lent]]:
    lent: list[Lent] = []

    def lend() -> Lent:
        lent.append(Lent(f"key-{len(lent)}", "secret", "token", clock() + seconds))
        return lent[-1]

    return lent, lend


def test_credentials_are_used_until_shortly_before_their_end() -> None:
    clock = Clock()
    lent, lend = lender(clock)
    source = Renewed(lend, clock)
    for moment in (0, 10, 3600 - MARGIN - 11):
        clock.now += moment
        assert source.take().access_key == "key-0"
    clock.now += 2
    assert source.take().access_key == "key-1"
    assert len(lent) == 2


def test_what_no_text_may_show_is_what_is_in_use() -> None:
    clock = Clock()
    _, lend = lender(clock)
    source = Renewed(lend, clock)
    assert source.secrets == ()
    source.take()
    assert source.secrets == ("secret", "token")


def test_many_who_need_them_ask_once() -> None:
    clock = Clock()
    lent, lend = lender(clock)
    source, together = Renewed(lend, clock), threading.Barrier(8)

    def ask(_: int) -> str:
        together.wait()
        return source.take().token

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ask, range(8))) == {"token"}
    assert len(lent) == 1


def test_a_renewal_that_fails_leaves_nothing_old_behind() -> None:
    clock = Clock()
    answers: list[Any] = [Lent("old", "s", "t", clock() + 3600), StoreUnavailable("no"), Lent("new", "s", "t", 1e9)]

    def lend() -> Lent:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Lent)
        return answer

    source = Renewed(lend, clock)
    source.take()
    clock.now += 3600
    with pytest.raises(StoreUnavailable):
        source.take()
    assert source.take().access_key == "new"


async def exchange(role: FederatedRole) -> Lent:
    return await LANE.run(assume_role, wired(requests.Session(), Wire()), role)


async def test_what_is_asked_of_the_token_service() -> None:
    tokens = Tokens()
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> None:
        asked.append({**request.query, **{name: str(value) for name, value in (await request.post()).items()}})

    async with canned(lambda _: web.json_response(GIVEN)) as server:
        lent = await exchange(role_at(server.endpoint, tokens))
        await answer(server.requests[0])
    assert (lent.access_key, lent.secret_key, lent.token) == ("STS.1", "canary-secret", "canary-token")
    assert tokens.audiences == [AUDIENCE] == ["sts.aliyuncs.com"]
    assert asked[0].pop("Timestamp")
    assert asked == [
        {
            "Action": "AssumeRoleWithOIDC",
            "Version": "2015-04-01",
            "Format": "JSON",
            "OIDCProviderArn": "acs:ram::1:oidc-provider/ack",
            "RoleArn": ROLE,
            "OIDCToken": "canary-oidc-token",
            "RoleSessionName": "clusterstate-clusters-state",
            "DurationSeconds": str(ROLE_SECONDS),
        }
    ]
    assert "canary" not in repr(lent)


async def test_credentials_never_live_longer_than_was_asked_for() -> None:
    async with canned(lambda _: web.json_response(GIVEN)) as server:
        lent = await exchange(role_at(server.endpoint))
        near = {"Credentials": {**GIVEN["Credentials"], "Expiration": "2001-01-01T00:00:00Z"}}
    assert lent.until < 4_000_000_000
    async with canned(lambda _: web.json_response(near)) as server:
        assert (await exchange(role_at(server.endpoint))).until < 1_000_000_000


def refusal(status: int, code: str) -> Callable[[web.Request], web.Response]:
    told = {"Code": code, "Message": "no canary-oidc-token", "RequestId": "1", "HostId": "sts.aliyuncs.com"}
    return lambda _: web.json_response(told, status=status)


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (
            403,
            "AuthenticationFail.NoPermission",
            AccessDenied,
            f"Grant sts:AssumeRole in the trust policy of {ROLE} to service account clusters/state.",
        ),
        (403, "NoPermission", AccessDenied, "trust policy"),
        (404, "EntityNotExist.Role", AuthenticationFailed, ROLE),
        (400, "AuthenticationFail.OIDCToken.Expired", AuthenticationFailed, "OIDCToken.Expired"),
        (400, "Throttling.User", StoreUnavailable, "tried again"),
        (429, "", StoreUnavailable, "429"),
        (503, "ServiceUnavailable", StoreUnavailable, "503"),
    ],
)
async def test_a_role_that_is_not_given_is_told(status: int, code: str, kind: type[StoreError], words: str) -> None:
    async with canned(refusal(status, code)) as server:
        with pytest.raises(StoreError) as caught:
            await exchange(role_at(server.endpoint))
    assert type(caught.value) is kind
    assert words in caught.value.message
    assert "AssumeRoleWithOIDC" in caught.value.message
    assert "canary" not in caught.value.message
    assert caught.value.__context__ is None


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"\xff", b'{"Credentials": {}}'])
@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_that_is_none_is_an_outage(body: bytes, status: int) -> None:
    async with canned(lambda _: web.Response(status=status, body=body)) as server:
        with pytest.raises(StoreUnavailable):
            await exchange(role_at(server.endpoint))


async def test_nobody_there_is_an_outage() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9 didn't answer AssumeRoleWithOIDC"):
        await exchange(role_at("http://127.0.0.1:9"))


async def test_an_answer_without_end_is_refused() -> None:
    async with canned(lambda _: web.Response(body=bytes(LARGEST_ANSWER + 1))) as server:
        with pytest.raises(StoreRefused, match="more than"):
            await exchange(role_at(server.endpoint))


async def test_the_operators_token_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with canned(lambda _: web.json_response(GIVEN)) as server:
        role = FederatedRole(ROLE, "provider", TokenFile(str(file)), server.endpoint)
        with pytest.raises(AuthenticationFailed, match=f"{file} can't be read"):
            await exchange(role)
        for token in ("one", "two"):
            file.write_text(f"{token}\n")
            await exchange(role)
        sent = [(await request.post())["OIDCToken"] for request in server.requests]
    assert sent == ["one", "two"]
