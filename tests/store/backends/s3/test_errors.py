"""Each answer of a service becomes the right error, in words for a person and without secrets."""

import logging
import socketserver
import threading
import traceback
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

from clusterstate.api.store import Encryption
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
from clusterstate.store.backends.s3.config import ClientInputs, Keys
from clusterstate.store.buckets import BucketStore
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.wire import Wire
from tests.store.backends.s3.stores import bare, config_of
from tests.store.canned import EMPTY_LIST, Canned, canned, check_answer, error
from tests.store.conformance import keys_of

KEYS = Keys("access", "canary-secret", "canary-token")


def acme(
    server: Canned, region: str = "us-east-1", *, ask_region: bool = False
) -> AbstractAsyncContextManager[BucketStore]:
    """Open the bucket acme at the server."""
    return bare("acme", config_of(ClientInputs(KEYS, server.endpoint, region), ask_region=ask_region))


ANSWERS: list[tuple[int, str, type[StoreError]]] = [
    (404, "NoSuchKey", KeyNotFound),
    (404, "", KeyNotFound),
    (404, "NoSuchBucket", StoreNotFound),
    (403, "AccessDenied", AccessDenied),
    (403, "AllAccessDisabled", AccessDenied),
    (403, "", AccessDenied),
    (401, "Unauthorized", AuthenticationFailed),
    (403, "SignatureDoesNotMatch", AuthenticationFailed),
    (403, "InvalidAccessKeyId", AuthenticationFailed),
    (403, "RequestTimeTooSkewed", AuthenticationFailed),
    (400, "ExpiredToken", AuthenticationFailed),
    (400, "InvalidToken", AuthenticationFailed),
    (412, "PreconditionFailed", LostRace),
    (409, "ConditionalRequestConflict", StoreUnavailable),
    (409, "OperationAborted", StoreUnavailable),
    (409, "ObjectParentIsFile", StoreRefused),
    (400, "BadDigest", IntegrityFailed),
    (400, "XAmzContentSHA256Mismatch", IntegrityFailed),
    (400, "RequestTimeout", StoreUnavailable),
    (400, "KeyTooLongError", StoreRefused),
    (429, "TooManyRequests", StoreUnavailable),
    (500, "InternalError", StoreUnavailable),
    (503, "SlowDown", StoreUnavailable),
    (503, "", StoreUnavailable),
    (501, "NotImplemented", StoreUnsupported),
]


@pytest.mark.parametrize(("status", "code", "kind"), ANSWERS)
async def test_answers_become_errors(status: int, code: str, kind: type[StoreError]) -> None:
    async with canned(lambda _: error(status, code)) as server:
        await check_answer(acme(server), kind)
    assert len(server.requests) == 1


async def test_a_conflict_is_worth_a_quick_repetition() -> None:
    async with canned(lambda _: error(409, "ConditionalRequestConflict")) as server, acme(server) as store:
        with pytest.raises(StoreUnavailable) as caught:
            await store.write("file", b"x")
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after < 1


async def test_a_missing_bucket_is_no_missing_file() -> None:
    async with canned(lambda _: error(404, "")) as server, acme(server) as store:
        with pytest.raises(StoreNotFound, match="acme"):
            await keys_of(store)


def repeat_everything(request: web.Request) -> web.Response:
    """Answer as a malicious or careless server: with all that it was sent."""
    heard = " ".join(f"{name}: {value}" for name, value in request.headers.items())
    link = "https://acme/x?X-Amz-Signature=canary-signature"
    return error(403, "AccessDenied", f"User arn:aws:iam::1:user/kops\n is denied; {link} {heard}")


async def test_what_a_server_repeats_is_not_shown() -> None:
    async with canned(repeat_everything) as server, acme(server) as store:
        with pytest.raises(AccessDenied, match="arn:aws:iam::1:user/kops is denied") as caught:
            await store.read("file")
    assert "canary-token" in server.requests[0].headers["X-Amz-Security-Token"]
    assert "canary" not in caught.value.message
    assert len(caught.value.message) < 600
    assert caught.value.__cause__ is None
    assert "During handling" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("body", ["", "<html>log in</html>", "{}"])
async def test_a_page_that_is_no_listing_is_never_an_empty_bucket(body: str) -> None:
    async with canned(lambda _: web.Response(text=body)) as server, acme(server) as store:
        with pytest.raises((IntegrityFailed, StoreUnavailable)):
            await keys_of(store)


async def test_a_write_without_etag_is_not_taken_for_done() -> None:
    async with canned(lambda _: web.Response()) as server, acme(server) as store:
        with pytest.raises(IntegrityFailed, match="ETag"):
            await store.write("file", b"x")


@pytest.mark.parametrize("body", ["", "<html>log in</html>", "<ServerSideEncryptionConfiguration/>"])
async def test_what_tells_of_no_encryption_is_no_default(body: str) -> None:
    async with canned(lambda _: web.Response(text=body, headers={"ETag": '"1"'})) as server:
        inputs = ClientInputs(KEYS, server.endpoint, "us-east-1")
        async with bare("acme", config_of(inputs, encryption=Encryption.AUTO)) as store:
            await store.write("file", b"x")
    assert server.requests[1].headers["x-amz-server-side-encryption"] == "AES256"


class Babble(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"SSH-2.0-OpenSSH_9\r\n")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_is_no_http_is_an_outage(scheme: str) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Babble) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        inputs = ClientInputs(KEYS, f"{scheme}://127.0.0.1:{server.server_address[1]}", "us-east-1")
        async with bare("acme", config_of(inputs)) as store:
            with pytest.raises(StoreUnavailable):
                await store.read("file")
        server.shutdown()
        thread.join()


async def test_a_name_that_turns_to_loopback_after_the_check_gets_no_request() -> None:
    async with canned(lambda _: web.Response(text="secret of the metadata service")) as server:
        inputs = ClientInputs(KEYS, server.endpoint, "us-east-1", wire=Wire(guard=EndpointPolicy()))
        async with bare("latest", config_of(inputs)) as store:
            with pytest.raises(EndpointRefused, match="loopback"):
                await store.read("meta-data/iam")
    assert server.requests == []


async def test_the_header_of_a_refusal_tells_the_region() -> None:
    def answer(request: web.Request) -> web.Response:
        if request.method == "HEAD":
            return error(403, "", **{"x-amz-bucket-region": "eu-west-3"})
        if "location" in request.query:
            return error(403, "AccessDenied")
        return web.Response(text=EMPTY_LIST, content_type="application/xml")

    async with canned(answer) as server, acme(server, "us-east-1", ask_region=True) as store:
        assert await keys_of(store) == []
        assert await keys_of(store) == []
    assert [request.method for request in server.requests] == ["GET", "HEAD", "GET", "GET"]
    assert "/eu-west-3/s3/" in server.requests[-1].headers["Authorization"]


@pytest.mark.parametrize(("constraint", "region"), [("", "us-east-1"), ("EU", "eu-west-1"), ("ap-east-1", "ap-east-1")])
async def test_old_names_of_regions_are_known(constraint: str, region: str) -> None:
    def answer(request: web.Request) -> web.Response:
        text = f"<LocationConstraint>{constraint}</LocationConstraint>" if "location" in request.query else EMPTY_LIST
        return web.Response(text=text, content_type="application/xml")

    async with canned(answer) as server, acme(server, "eu-south-1", ask_region=True) as store:
        assert await keys_of(store) == []
    assert f"/{region}/s3/" in server.requests[-1].headers["Authorization"]


async def test_without_any_hint_the_missing_permission_is_named() -> None:
    async with (
        canned(lambda _: error(403, "AccessDenied")) as server,
        acme(server, "us-east-1", ask_region=True) as store,
    ):
        with pytest.raises(AccessDenied, match="s3:GetBucketLocation"):
            await keys_of(store)


async def test_no_log_shows_what_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with canned(repeat_everything) as server, acme(server) as store:
        with pytest.raises(AccessDenied):
            await store.write("file", b"canary-content")
    assert "canary" not in caplog.text
