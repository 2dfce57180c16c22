"""Answers with odd bodies: the status of a refusal decides, and what makes no sense in a success is damage."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from clusterstate.errors import (
    AccessDenied,
    IntegrityFailed,
    KeyNotFound,
    StoreError,
    StoreNotFound,
    StoreUnavailable,
)
from clusterstate.store.backends.gcs.config import ClientInputs, Config, Own
from clusterstate.store.base import Store, Version
from tests.store.backends.gcs.stores import of_config
from tests.store.backends.gcs.test_errors import acme, refuse
from tests.store.canned import canned
from tests.store.conformance import keys_of

BODIES = [
    b"",
    b"null",
    b"[]",
    b"[1]",
    b'"busy"',
    b'{"error": "bad gateway"}',
    b'{"error": null}',
    b'{"error": [1]}',
    b'{"error": {"errors": 5}}',
    b'{"error": {"errors": [5], "status": 5}}',
    b'{"error": {"errors": {"a": 1}, "message": 5}}',
    b'{"error": {"details": [1]}}',
    b'{"error": {"errors": [{"reason": ["authError"]}]}}',
    b'{"error": {"message": "\\ud800"}}',
    b"[" * 5000,
    b"\xff\xfe\x00",
]
WORKS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "list": keys_of,
    "get": lambda store: store.read("file"),
    "insert": lambda store: store.write("file", b"x"),
    "delete": lambda store: store.delete("file"),
    "reload": lambda store: store.delete("file", expect=Version("5")),
}
GONE = {"list": StoreNotFound, "insert": StoreNotFound, "get": KeyNotFound}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", [403, 404, 502, 503])
@pytest.mark.parametrize("work", WORKS)
async def test_the_status_of_a_refusal_decides(work: str, status: int, body: bytes) -> None:
    def answer(_: web.Request) -> web.Response:
        headers = {"Retry-After": "7", "Content-Type": "application/json; charset=idna"}
        return web.Response(status=status, body=body, headers=headers)

    async with acme(answer) as (store, _):
        if status == 404 and work not in GONE:
            await WORKS[work](store)  # what is gone already is deleted
            return
        with pytest.raises(StoreError) as caught:
            await WORKS[work](store)
    kinds = {403: AccessDenied, 404: GONE.get(work), 502: StoreUnavailable, 503: StoreUnavailable}
    assert type(caught.value) is kinds[status]
    assert caught.value.retry_after == 7
    assert caught.value.message.isprintable()


@asynccontextmanager
async def shared(bucket: str, status: int, body: bytes) -> AsyncIterator[Store]:
    """Open a bucket that says this about itself, and answers everything else so."""

    def answer(request: web.Request) -> web.Response:
        about_bucket = request.path == "/storage/v1/b/acme"
        return web.Response(text=bucket) if about_bucket else web.Response(status=status, body=body)

    async with canned(answer) as server:
        yield of_config("acme", Config(ClientInputs(Own.NOBODY, server.endpoint), ()))


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("status", "kind"), [(403, AccessDenied), (404, StoreNotFound), (503, StoreUnavailable)])
async def test_so_it_does_when_lists_are_asked_for(status: int, kind: type[StoreError], body: bytes) -> None:
    async with shared("{}", status, body) as store:
        with pytest.raises(kind):
            await store.write("file", b"x")


@pytest.mark.parametrize("access", [[], 5, "no", None, {"enabled": "no"}, {"enabled": None}])
async def test_a_bucket_that_says_nothing_clear_is_not_written_to(access: object) -> None:
    for said in ({"uniformBucketLevelAccess": access}, access or 7):
        async with shared(json.dumps({"iamConfiguration": said}), 200, b"{}") as store:
            with pytest.raises(IntegrityFailed):
                await store.write("file", b"x")


@pytest.mark.parametrize(
    "items",
    [5, ["a"], [{"entity": "x"}], [{"entity": 7, "role": "OWNER"}], [{"entity": "user-a", "role": 5}], [None]],
)
async def test_a_list_that_makes_no_sense_is_not_taken_over(items: object) -> None:
    async with shared("{}", 200, json.dumps({"items": items}).encode()) as store:
        with pytest.raises(IntegrityFailed):
            await store.write("file", b"x")


def repeat_token(request: web.Request) -> web.Response:
    """Answer with the token where the name of whoever asks stands, and where the permission does."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    if request.method == "GET":
        return refuse(403, "forbidden", f"{token}@x does not have storage.objects.get access")
    return refuse(403, "forbidden", f"kops@x does not have storage.{token}.get access")


async def test_a_token_in_the_place_of_a_name_is_not_shown() -> None:
    async with acme(repeat_token) as (store, _):
        for work in WORKS.values():
            with pytest.raises(AccessDenied, match=r"Grant storage\.\S+ to kops@acme\.iam") as caught:
                await work(store)
            assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    "words",
    [
        f"{'a' * 3_000_000}@x does not have storage.objects.get access",
        f"a@{'x' * 3_000_000} does not have storage.objects.get access",
        f"a@x does not have storage.{'a.' * 500_000} access",
        "a@x\x1b[31m does not have storage.objects.get access",
        "a@x does not have storage.\x1b[31m access",
    ],
)
async def test_a_name_that_is_none_is_not_taken_over(words: str) -> None:
    async with acme(lambda _: refuse(403, "forbidden", words)) as (store, _):
        for work in WORKS.values():
            with pytest.raises(AccessDenied, match=r"Grant storage\.\S+ to kops@acme\.iam") as caught:
                await work(store)
            assert len(caught.value.message) < 600
            assert caught.value.message.isprintable()
