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
    KubeUnavailable,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.store.backends.oss.config import FederatedRole, TokenFile
from clusterstate.store.backends.oss.identity import LAST, MARGIN, RENEWAL_PAUSE, Renewed
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


def saying(*answers: Lent | Exception) -> tuple[list[Lent | Exception], Callable[[], Lent]]:
    """Give a token service that answers so, one after the other, and what it hasn't said yet."""
    left = list(answers)

    def lend() -> Lent:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return left, lend


@pytest.mark.parametrize("outage", [StoreUnavailable("no"), KubeUnavailable("no")])
def test_what_still_lives_outlasts_an_outage(outage: Exception) -> None:
    clock = Clock()
    old, new = (Lent(key, "s", "t", clock() + 3600) for key in ("old", "new"))
    left, lend = saying(old, outage, outage, new)
    source = Renewed(lend, clock)
    source.take()
    clock.now += 3600 - MARGIN
    assert [source.take() for _ in range(9)] == [old] * 9
    assert left == [outage, new], "there is a pause between the tries"
    clock.now += RENEWAL_PAUSE
    assert source.take() is old
    clock.now += RENEWAL_PAUSE
    assert source.take() is new
    assert not left


def test_shortly_before_the_end_an_outage_is_told_and_nothing_old_is_used() -> None:
    clock = Clock()
    old, new = (Lent(key, "s", "t", clock() + 3600) for key in ("old", "new"))
    left, lend = saying(old, StoreUnavailable("no"), StoreUnavailable("no"), new)
    source = Renewed(lend, clock)
    source.take()
    clock.now += 3600 - LAST - 1
    assert source.take() is old
    clock.now += 1
    with pytest.raises(StoreUnavailable):
        source.take()
    assert source.take() is new, "where nothing is left, there is no pause"
    assert not left


def test_a_refusal_is_told_at_once() -> None:
    clock = Clock()
    _, lend = saying(Lent("old", "s", "t", clock() + 3600), AccessDenied("no longer"))
    source = Renewed(lend, clock)
    source.take()
    clock.now += 3600 - MARGIN
    with pytest.raises(AccessDenied):
        source.take()


class Queue:
    """A lock that tells how many have come for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()


def test_who_waited_for_a_try_that_failed_does_not_repeat_it() -> None:
    queue, tries = Queue(), []

    def lend() -> Lent:
        tries.append(1)
        for _ in range(8 if len(tries) == 1 else 0):
            queue.came.acquire()
        raise StoreUnavailable("no", retry_after=7)

    source: Any = Renewed(lend, Clock())
    source._lock = queue

    def ask(_: int) -> float | None:
        with pytest.raises(StoreUnavailable, match="no") as caught:
            source.take()
        return caught.value.retry_after

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [7] * 8
    assert len(tries) == 1
    ask(0)
    assert len(tries) == 2, "whoever comes later tries again"


def test_who_renews_holds_up_nobody() -> None:
    clock, begun, done = Clock(), threading.Event(), threading.Event()
    old, new = (Lent(key, "s", "t", clock() + 3600) for key in ("old", "new"))
    left = [old, new]

    def lend() -> Lent:
        if left[0] is new:
            begun.set()
            done.wait(30)  # where somebody is held up, the test fails in the end
        return left.pop(0)

    source = Renewed(lend, clock)
    source.take()
    clock.now += 3600 - MARGIN
    with ThreadPoolExecutor(1) as threads:
        renewed = threads.submit(source.take)
        begun.wait()
        meanwhile = source.take()
        done.set()
        assert renewed.result() is new
    assert meanwhile is old


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
