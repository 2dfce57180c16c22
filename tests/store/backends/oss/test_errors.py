"""Each answer of a service becomes the right error, in words for a person and without secrets."""

import base64
import logging
import traceback
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import web

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    IntegrityFailed,
    KeyNotFound,
    LostRace,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
    StoreUnsupported,
)
from clusterstate.store.backends.oss.config import Keys
from clusterstate.store.base import Version
from clusterstate.store.buckets import BucketStore
from tests.store.backends.oss.stores import GIVEN, bare, by_role, custom
from tests.store.canned import Canned, canned, check_answer, error
from tests.store.conformance import keys_of

ANSWERS: list[tuple[int, str, type[StoreError]]] = [
    (404, "NoSuchKey", KeyNotFound),
    (404, "", KeyNotFound),
    (404, "NoSuchBucket", StoreNotFound),
    (403, "AccessDenied", AccessDenied),
    (403, "", AccessDenied),
    (401, "Unauthorized", AuthenticationFailed),
    (403, "SignatureDoesNotMatch", AuthenticationFailed),
    (403, "InvalidAccessKeyId", AuthenticationFailed),
    (403, "RequestTimeTooSkewed", AuthenticationFailed),
    (403, "SecurityTokenExpired", AuthenticationFailed),
    (403, "InvalidSecurityToken", AuthenticationFailed),
    (403, "AccessKeyIdAndSecurityTokenNotMatch", AuthenticationFailed),
    (403, "InDebt", StoreRefused),
    (403, "InvalidObjectState", StoreRefused),
    (409, "FileAlreadyExists", LostRace),
    (412, "PreconditionFailed", LostRace),
    (409, "StaleFile", StoreUnavailable),
    (409, "FileImmutable", StoreRefused),
    (409, "PositionNotEqualToLength", StoreRefused),
    (400, "InvalidDigest", IntegrityFailed),
    (400, "RequestTimeout", StoreUnavailable),
    (400, "InvalidObjectName", StoreRefused),
    (400, "InvalidArgument", StoreRefused),
    (400, "NotImplemented", StoreUnsupported),
    (501, "NotImplemented", StoreUnsupported),
    (407, "", StoreRefused),
    (429, "QpsLimitExceeded", StoreUnavailable),
    (500, "InternalError", StoreUnavailable),
    (503, "ServiceUnavailable", StoreUnavailable),
    (503, "TotalQpsLimitExceeded", StoreUnavailable),
    (503, "", StoreUnavailable),
]


def acme(server: Canned) -> AbstractAsyncContextManager[BucketStore]:
    """Open the bucket acme at the server."""
    return bare("acme", custom(server.endpoint))


@pytest.mark.parametrize(("status", "code", "kind"), ANSWERS)
async def test_answers_become_errors(status: int, code: str, kind: type[StoreError]) -> None:
    async with canned(lambda _: error(status, code)) as server:
        await check_answer(acme(server), kind)
    assert len(server.requests) == 1


async def test_a_head_tells_its_code_in_a_header() -> None:
    body = base64.b64encode(b"<Error><Code>NoSuchBucket</Code><Message>no</Message></Error>").decode()
    async with (
        canned(lambda _: web.Response(status=404, headers={"x-oss-err": body})) as server,
        acme(server) as store,
    ):
        with pytest.raises(StoreNotFound, match="no bucket acme"):
            await store.delete("file", expect=Version("1"))


async def test_a_conflict_is_worth_a_quick_repetition() -> None:
    async with canned(lambda _: error(409, "StaleFile")) as server, acme(server) as store:
        with pytest.raises(StoreUnavailable) as caught:
            await store.write("file", b"x")
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after < 1


async def test_a_missing_bucket_is_no_missing_file() -> None:
    async with canned(lambda _: error(404, "")) as server, acme(server) as store:
        with pytest.raises(StoreNotFound, match="acme"):
            await keys_of(store)


async def test_who_is_denied_is_named_as_the_service_does() -> None:
    detail = (
        "<Error><Code>AccessDenied</Code><Message>no right</Message><AccessDeniedDetail>\n"
        "<AuthPrincipalType>SubUser</AuthPrincipalType>\n<AuthPrincipalDisplayName>2058</AuthPrincipalDisplayName>"
        "</AccessDeniedDetail></Error>"
    )
    async with canned(lambda _: web.Response(status=403, text=detail)) as server, acme(server) as store:
        with pytest.raises(AccessDenied, match=r"Grant oss:PutObject to RAM user 2058\."):
            await store.write("file", b"x")
    async with canned(lambda _: error(403, "AccessDenied")) as server, acme(server) as store:
        with pytest.raises(AccessDenied, match=r"Grant oss:GetObject to access key access\."):
            await store.read("file")


async def test_a_name_without_end_is_not_told() -> None:
    detail = (
        "<Error><Code>AccessDenied</Code><AuthPrincipalType>SubUser</AuthPrincipalType>"
        f"<AuthPrincipalDisplayName>{'1' * 3000}</AuthPrincipalDisplayName></Error>"
    )
    async with canned(lambda _: web.Response(status=403, text=detail)) as server, acme(server) as store:
        with pytest.raises(AccessDenied, match=r"Grant oss:GetObject to access key access\.") as caught:
            await store.read("file")
    assert len(caught.value.message) < 600


async def test_a_bucket_elsewhere_is_told_with_its_place() -> None:
    elsewhere = (
        "<Error><Code>AccessDenied</Code><Message>use the specified endpoint</Message>"
        "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint></Error>"
    )
    async with canned(lambda _: web.Response(status=403, text=elsewhere)) as server, acme(server) as store:
        with pytest.raises(StoreRefused, match=r"The bucket is at oss-cn-beijing\.aliyuncs\.com\."):
            await store.read("file")


def repeat_everything(request: web.Request) -> web.Response:
    """Answer as OSS does to a wrong signature, and more carelessly: with all that it was sent."""
    heard = " ".join(f"{name}: {value}" for name, value in request.headers.items())
    link, token = "https://acme/x?x-oss-signature=canary-signature", request.headers["x-oss-security-token"]
    return error(403, "SignatureDoesNotMatch", f"Your request\n is wrong; {token} {link} {heard}")


async def test_what_a_server_repeats_is_not_shown() -> None:
    async with canned(repeat_everything) as server, acme(server) as store:
        with pytest.raises(AuthenticationFailed, match="Your request is wrong") as caught:
            await store.read("file")
    assert "canary-token" in server.requests[0].headers["x-oss-security-token"]
    assert "canary" not in caught.value.message
    assert len(caught.value.message) < 600
    assert caught.value.__cause__ is None
    assert "During handling" not in "".join(traceback.format_exception(caught.value))


async def test_a_roles_token_is_not_shown_either() -> None:
    def answer(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.json_response(GIVEN)
        return repeat_everything(request)

    async with canned(answer) as server, bare("acme", by_role(server.endpoint)) as store:
        with pytest.raises(AuthenticationFailed) as caught:
            await store.read("file")
    assert server.requests[1].headers["x-oss-security-token"] == "canary-token"
    assert "canary" not in caught.value.message


async def test_no_log_shows_what_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with canned(repeat_everything) as server, acme(server) as store:
        with pytest.raises(AuthenticationFailed):
            await store.write("file", b"canary-content")
        assert server.requests
    assert caplog.records
    assert "canary" not in caplog.text
    assert "Signature=" not in caplog.text


ENTRY = (
    "<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{follows}<Contents><Key>config</Key>"
    "<LastModified>{year}-01-01T00:00:00.000Z</LastModified><ETag>1</ETag><Type>Normal</Type><Size>{size}</Size>"
    "<StorageClass>Standard</StorageClass></Contents></ListBucketResult>"
)
GOOD = {"truncated": "false", "follows": "", "year": "2026", "size": "1"}


@pytest.mark.parametrize(
    "change",
    [
        {"truncated": "true"},
        {"truncated": "true", "follows": "<NextContinuationToken></NextContinuationToken>"},
        {"truncated": "maybe"},
        {"year": "99999"},
        {"year": "9" * 30},
        {"size": "much"},
    ],
)
async def test_a_listing_that_makes_no_sense_is_damage(change: dict[str, str]) -> None:
    async with canned(lambda _: web.Response(text=ENTRY.format(**GOOD))) as server, acme(server) as store:
        assert await keys_of(store) == ["config"]
    async with canned(lambda _: web.Response(text=ENTRY.format(**GOOD | change))) as server, acme(server) as store:
        with pytest.raises(IntegrityFailed, match="oss://acme"):
            await keys_of(store)


async def test_keys_that_no_header_can_hold_are_told() -> None:
    async with canned(lambda _: web.Response()) as server:
        async with bare("acme", custom(server.endpoint, keys=Keys("日本", "canary"))) as store:
            with pytest.raises(AuthenticationFailed, match="UnicodeEncodeError") as caught:
                await store.read("file")
        assert server.requests == []
    assert "日本" not in caught.value.message


@pytest.mark.parametrize("body", [b"", b"<html>log in</html>", b"{}", b"\xff\xfe", b"<ListBucketResult/>"])
async def test_a_page_that_is_no_listing_is_never_an_empty_bucket(body: bytes) -> None:
    async with canned(lambda _: web.Response(body=body)) as server, acme(server) as store:
        with pytest.raises(IntegrityFailed):
            await keys_of(store)


async def test_an_outage_with_garbage_is_an_outage() -> None:
    async with canned(lambda _: web.Response(status=502, body=b"\xff<Error></Error>")) as server, acme(server) as store:
        with pytest.raises((StoreUnavailable, IntegrityFailed)):
            await store.read("file")


async def test_a_write_without_etag_is_not_taken_for_done() -> None:
    async with canned(lambda _: web.Response()) as server, acme(server) as store:
        with pytest.raises(IntegrityFailed, match="ETag"):
            await store.write("file", b"x")


@pytest.mark.parametrize(
    ("headers", "whole"),
    [
        ({"Content-MD5": "XUFAKrxLKna5cZ2REBfFkg=="}, True),
        ({"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, False),
        ({"x-oss-hash-crc64ecma": "11177612005948864433"}, True),
        ({"x-oss-hash-crc64ecma": "1"}, False),
        ({}, True),
    ],
)
async def test_bytes_are_compared_with_what_the_service_tells_of_them(headers: dict[str, str], whole: bool) -> None:  # noqa: FBT001 (a parameter)
    async with (
        canned(lambda _: web.Response(body=b"hello", headers={"ETag": '"1-2"', **headers})) as server,
        acme(server) as store,
    ):
        if whole:
            assert (await store.read("file")).data == b"hello"
        else:
            with pytest.raises(IntegrityFailed, match="oss://acme/file"):
                await store.read("file")


async def test_what_is_kept_packed_comes_packed() -> None:
    async with (
        canned(
            lambda _: web.Response(body=b"no gzip at all", headers={"ETag": '"1"', "Content-Encoding": "gzip"})
        ) as server,
        acme(server) as store,
    ):
        assert (await store.read("file")).data == b"no gzip at all"
