"""A role's credentials that the service rejects: others are lent, and the request is repeated once."""

from collections.abc import Iterator
from itertools import count

import pytest
from aiohttp import web

from clusterstate.errors import AccessDenied, AuthenticationFailed, StoreError, StoreUnavailable
from clusterstate.store.backends.oss.identity import Renewed
from clusterstate.store.backends.oss.sts import Lent
from tests.store.backends.oss.stores import GIVEN, bare, by_role, custom
from tests.store.canned import Answer, Canned, canned, error

REJECTIONS = ["SecurityTokenExpired", "InvalidSecurityToken", "InvalidAccessKeyId"]


def service(rejected: int, code: str) -> Answer:
    """Answer as a token service that lends something else each time, and as OSS, which rejects the first ones."""
    numbers: Iterator[int] = count()

    def answer(request: web.Request) -> web.Response:
        if request.method == "POST":
            lent = GIVEN["Credentials"] | {"SecurityToken": f"canary-{next(numbers)}"}
            return web.json_response({"Credentials": lent})
        number = int(request.headers["x-oss-security-token"].removeprefix("canary-"))
        if number < rejected:
            return error(403, code, f"what is canary-{number}?")
        return web.Response(body=b"hello" if request.method == "GET" else b"", headers={"ETag": '"1"'})

    return answer


def asked(server: Canned) -> list[str]:
    return [request.method for request in server.requests]


@pytest.mark.parametrize("code", REJECTIONS)
async def test_rejected_credentials_are_replaced(code: str) -> None:
    async with canned(service(1, code)) as server, bare("acme", by_role(server.endpoint)) as store:
        assert (await store.read("file")).data == b"hello"
        await store.write("file", b"x")
    assert asked(server) == ["POST", "GET", "POST", "GET", "PUT"]


async def test_a_write_is_repeated_whole() -> None:
    async with canned(service(1, REJECTIONS[0])) as server, bare("acme", by_role(server.endpoint)) as store:
        await store.write("file", b"content")
    first, second = (request for request in server.requests if request.method == "PUT")
    assert await first.read() == await second.read() == b"content"
    assert first.headers["Content-MD5"] == second.headers["Content-MD5"]
    assert first.headers["Authorization"] != second.headers["Authorization"]


async def test_each_request_is_repeated_once_at_most() -> None:
    async with canned(service(99, REJECTIONS[0])) as server, bare("acme", by_role(server.endpoint)) as store:
        for _ in range(2):
            with pytest.raises(AuthenticationFailed, match=r"SecurityTokenExpired: what is \*\*\*\?") as caught:
                await store.read("file")
            assert caught.value.__suppress_context__
    assert asked(server) == ["POST", "GET", "POST", "GET", "GET", "POST", "GET"]


@pytest.mark.parametrize(
    ("code", "kind"), [("AccessDenied", AccessDenied), ("SignatureDoesNotMatch", AuthenticationFailed)]
)
async def test_no_other_refusal_is_repeated(code: str, kind: type[StoreError]) -> None:
    async with canned(service(99, code)) as server, bare("acme", by_role(server.endpoint)) as store:
        with pytest.raises(kind):
            await store.read("file")
    assert asked(server) == ["POST", "GET"]


@pytest.mark.parametrize("code", REJECTIONS)
async def test_keys_are_never_tried_twice(code: str) -> None:
    async with canned(lambda _: error(403, code)) as server, bare("acme", custom(server.endpoint)) as store:
        with pytest.raises(AuthenticationFailed):
            await store.read("file")
    assert asked(server) == ["GET"]


async def test_where_nothing_else_is_lent_the_reason_is_told() -> None:
    lend = service(99, REJECTIONS[0])

    def answer(request: web.Request) -> web.Response:
        first = request.method != "POST" or asked(server).count("POST") == 1
        return lend(request) if first else error(503, "")

    async with canned(answer) as server, bare("acme", by_role(server.endpoint)) as store:
        with pytest.raises(StoreUnavailable, match="AssumeRoleWithOIDC") as caught:
            await store.read("file")
    assert asked(server) == ["POST", "GET", "POST"]
    assert caught.value.__context__ is None


def test_what_somebody_else_has_replaced_is_kept() -> None:
    source = Renewed(lambda: Lent("key", "secret", "token", 1e12))
    first = source.take()
    taken = []
    for _ in range(2):  # of two who were rejected
        assert source.reject(first)
        taken.append(source.take())
    assert taken[0] is taken[1]
    assert first is not taken[0]
