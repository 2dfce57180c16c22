"""Each answer of a service becomes the right error, in words for a person and without secrets."""

import json
import logging
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    EndpointRefused,
    IntegrityFailed,
    KeyNotFound,
    LostRace,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
    StoreUnsupported,
)
from clusterstate.store.backends.gcs.config import ClientInputs, Config
from clusterstate.store.backends.gcs.keyfile import Key
from clusterstate.store.base import ABSENT, Version
from clusterstate.store.buckets import BucketStore
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.expect import proof_of
from clusterstate.store.wire import Wire
from tests.store.backends.gcs.stores import of_config
from tests.store.canned import Canned, canned
from tests.store.conformance import keys_of
from tests.support.gcs.server import usual_key

EMAIL = "kops@acme.iam.gserviceaccount.com"
TOKEN = {"access_token": "canary-token", "expires_in": 3600}
UNIFORM = {"kind": "storage#bucket", "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}}}

Answer = Callable[[web.Request], web.Response]


@asynccontextmanager
async def acme(answer: Answer, wire: Wire | None = None) -> AsyncIterator[tuple[BucketStore, Canned]]:
    """Open the bucket acme, uniform, at a server that answers everything else so; requests for tokens don't count."""

    def answer_all(request: web.Request) -> web.Response:
        if request.path == "/token":
            return web.json_response(TOKEN)
        return web.json_response(UNIFORM) if request.path == "/storage/v1/b/acme" else answer(request)

    async with canned(answer_all) as server:
        key = Key(EMAIL, usual_key().as_pem(private=True).decode(), "canary-id", f"{server.endpoint}/token")
        inputs = ClientInputs(key, server.endpoint, wire=wire or Wire())
        yield of_config("acme", Config(inputs, ())), server


def asked(server: Canned) -> list[str]:
    return [request.path for request in server.requests if request.path not in {"/token", "/storage/v1/b/acme"}]


def refuse(status: int, reason: str = "", message: str = "no", **headers: str) -> web.Response:
    error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
    return web.json_response({"error": error}, status=status, headers=headers)


ANSWERS: list[tuple[int, str, str, type[StoreError]]] = [
    (404, "notFound", "The specified bucket does not exist.", StoreNotFound),
    (404, "notFound", "Not Found", StoreNotFound),
    (401, "authError", "Invalid Credentials", AuthenticationFailed),
    (401, "required", "Anonymous caller does not have storage.objects.create access", AuthenticationFailed),
    (403, "forbidden", "denied", AccessDenied),
    (403, "insufficientPermissions", "denied", AccessDenied),
    (403, "rateLimitExceeded", "slow down", StoreUnavailable),
    (403, "userRateLimitExceeded", "slow down", StoreUnavailable),
    (403, "quotaExceeded", "no more", StoreUnavailable),
    (412, "conditionNotMet", "At least one", LostRace),
    (409, "conflict", "The object was edited during the operation. Please try again.", StoreUnavailable),
    (409, "invalid", "no", StoreRefused),
    (409, "", "no", StoreRefused),
    (400, "conflict", "no", StoreRefused),
    (400, "invalid", "no", StoreRefused),
    (400, "invalid", 'Provided MD5 hash "a" doesn\'t match calculated MD5 hash "b".', IntegrityFailed),
    (400, "invalid", 'Provided CRC32C "a" doesn\'t match calculated CRC32C "b".', IntegrityFailed),
    (408, "", "no", StoreUnavailable),
    (429, "rateLimitExceeded", "The object exceeded the rate limit", StoreUnavailable),
    (500, "backendError", "no", StoreUnavailable),
    (503, "backendError", "no", StoreUnavailable),
    (501, "notImplemented", "no", StoreUnsupported),
]


@pytest.mark.parametrize(("status", "reason", "message", "kind"), ANSWERS)
async def test_answers_become_errors(status: int, reason: str, message: str, kind: type[StoreError]) -> None:
    async with acme(lambda _: refuse(status, reason, message)) as (store, server):
        with pytest.raises(StoreError) as caught:
            await store.write("folder/file", b"x")
    assert type(caught.value) is kind
    assert "acme" in caught.value.message
    assert caught.value.message.endswith(".")
    times = 2 if status == 401 else 1  # with a new token it could have been taken
    assert asked(server) == ["/upload/storage/v1/b/acme/o"] * times


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("No such object: acme/folder/file", KeyNotFound),
        ("", KeyNotFound),
        ("The specified bucket does not exist.", StoreNotFound),
    ],
)
async def test_downloads_tell_in_plain_words(text: str, kind: type[StoreError]) -> None:
    async with acme(lambda _: web.Response(status=404, text=text)) as (store, _):
        with pytest.raises(StoreError) as caught:
            await store.read("folder/file")
    assert type(caught.value) is kind


async def test_who_lacks_what_is_taken_from_the_services_words() -> None:
    said = (
        "robot@acme.iam.gserviceaccount.com does not have storage.objects.delete access to the Google Cloud Storage "
        "object. Permission 'storage.objects.delete' denied on resource (or it may not exist)."
    )
    async with acme(lambda _: refuse(403, "forbidden", said)) as (store, _):
        with pytest.raises(AccessDenied, match=r"Grant storage\.objects\.delete to robot@acme\.iam\."):
            await store.write("file", b"x")


async def test_where_the_service_does_not_say_who_we_know() -> None:
    said = "Caller does not have storage.objects.list access to the Google Cloud Storage bucket."
    async with acme(lambda _: refuse(403, "forbidden", said)) as (store, _):
        with pytest.raises(AccessDenied, match=rf"Grant storage\.objects\.list to {EMAIL}\."):
            await keys_of(store)


async def test_a_conflict_is_worth_a_quick_repetition() -> None:
    async with acme(lambda _: refuse(409, "conflict")) as (store, _):
        with pytest.raises(StoreUnavailable) as caught:
            await store.write("file", b"x")
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after < 1


async def test_a_pause_that_is_asked_for_is_told() -> None:
    headers = {"Retry-After": "7"}
    async with acme(lambda _: refuse(429, "rateLimitExceeded", **headers)) as (store, _):
        for work in (store.read("file"), store.write("file", b"x"), keys_of(store), store.delete("file")):
            with pytest.raises(StoreUnavailable) as caught:
                await work
            assert caught.value.retry_after == 7


def repeat_everything(request: web.Request) -> web.Response:
    """Answer as a malicious or careless server: with what it was sent, the most delicate first."""
    heard = f"{request.headers['Authorization']} {dict(request.headers)}"
    return refuse(403, "forbidden", f"no\n; https://acme/x?X-Goog-Signature=canary-signature {heard}")


async def test_what_a_server_repeats_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with acme(repeat_everything) as (store, server):
        for work in (store.read("file"), store.write("file", b"canary-content"), keys_of(store), store.delete("file")):
            with pytest.raises(AccessDenied, match=r"forbidden: no ; .* Bearer \*\*\*") as caught:
                await work
            assert "canary" not in caught.value.message
            assert len(caught.value.message) < 600
            assert caught.value.__cause__ is None
            assert "During handling" not in "".join(traceback.format_exception(caught.value))
    assert "canary-token" in server.requests[-1].headers["Authorization"]
    assert "canary" not in caplog.text


ODD = ["", "null", "[]", "{}", "<html>log in</html>", '{"kind": "storage#bucket"}', "[" * 5000, '{"kind": 7}']


@pytest.mark.parametrize("body", ODD)
async def test_a_page_that_is_no_listing_is_never_an_empty_bucket(body: str) -> None:
    async with acme(lambda _: web.Response(text=body)) as (store, _):
        with pytest.raises(IntegrityFailed):
            await keys_of(store)


ODD_ITEMS = [
    {"name": "a"},
    {"name": "a", "generation": "soon", "size": "1", "updated": "2026-01-01T00:00:00Z"},
    {"name": "a", "generation": "1", "size": "1", "updated": "yesterday"},
    {"generation": "1", "size": "1", "updated": "2026-01-01T00:00:00Z"},
    "a",
]


@pytest.mark.parametrize("item", ODD_ITEMS)
async def test_a_file_that_is_half_listed_is_damage(item: object) -> None:
    body = json.dumps({"kind": "storage#objects", "items": [item]})
    async with acme(lambda _: web.Response(text=body)) as (store, _):
        with pytest.raises(IntegrityFailed):
            await keys_of(store)


@pytest.mark.parametrize("body", ODD)
async def test_a_write_without_generation_is_not_taken_for_done(body: str) -> None:
    async with acme(lambda _: web.Response(text=body)) as (store, _):
        with pytest.raises(IntegrityFailed):
            await store.write("file", b"x")


async def test_a_file_without_generation_has_no_version() -> None:
    async with acme(lambda _: web.Response(text="x")) as (store, _):
        with pytest.raises(IntegrityFailed, match="generation"):
            await store.read("file")


async def test_a_digest_that_does_not_fit_is_damage() -> None:
    headers = {"X-Goog-Generation": "7", "X-Goog-Hash": "crc32c=AAAAAA==,md5=XUFAKrxLKna5cZ2REBfFkg=="}
    async with acme(lambda _: web.Response(text="hello", headers=headers)) as (store, _):
        with pytest.raises(IntegrityFailed):
            await store.read("file")


async def test_uploads_carry_both_digests() -> None:
    bodies: list[bytes] = []

    def answer(request: web.Request) -> web.Response:
        bodies.append(request._read_bytes or b"")
        return web.json_response({"kind": "storage#object", "generation": "7"})

    async with acme(answer) as (store, server):
        assert await store.write("a/b", b"hello") == Version("7")
    metadata = json.loads(bodies[0].partition(b"\r\n\r\n")[2].partition(b"\r\n--")[0])
    assert metadata == {"name": "a/b", "md5Hash": "XUFAKrxLKna5cZ2REBfFkg==", "crc32c": "mnG7TA=="}
    assert b"hello" in bodies[0]
    assert "ifGenerationMatch" not in server.requests[-1].query


async def test_an_expectation_is_a_generation() -> None:
    """Of a service that is proven: one request each."""
    expected: list[str | None] = []

    def answer(request: web.Request) -> web.Response:
        if request.method != "GET":
            expected.append(request.query.get("ifGenerationMatch"))
        return web.json_response({"kind": "storage#object", "generation": "7"})

    async with acme(answer) as (store, _):
        store._expectations._proof = proof_of("https://storage.googleapis.com", "", own=True)
        await store.write("file", b"x", expect=ABSENT)
        await store.write("file", b"x", expect=Version("5"))
        await store.write("file", b"x", expect=Version("no-generation"))
        await store.delete("file", expect=Version("5"))
        await store.delete("file")
    assert expected == ["0", "5", "1", "5", None]


async def test_a_redirect_is_followed_nowhere() -> None:
    def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})

    async with acme(answer) as (store, server):
        with pytest.raises(StoreRefused):
            await store.read("file")
    assert len(asked(server)) == 1


async def test_a_name_that_turns_to_loopback_after_the_check_gets_no_request() -> None:
    async with acme(lambda _: web.Response(), Wire(guard=EndpointPolicy())) as (store, server):
        with pytest.raises(EndpointRefused, match="loopback"):
            await store.read("file")
    assert server.requests == []
