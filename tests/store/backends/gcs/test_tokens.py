"""Access tokens: renewed in time, shared by all who ask, and shown to nobody."""

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from clusterstate.errors import AuthenticationFailed, EndpointRefused, IntegrityFailed, StoreUnavailable
from clusterstate.store.base import Store
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.options import StoreOptions
from clusterstate.store.wrappers import ATTEMPTS
from tests.store.backends.gcs.stores import federation, knowing, secret
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.opening import opened
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.gcs.server import GcsServer, GoogleAccount
from tests.support.tokens import Issuer

pytestmark = pytest.mark.objectstore
ISSUER = Issuer()


@pytest.fixture
def face(gcs_server: GcsServer) -> Iterator[FaultProxy]:
    """The server's face in plain HTTP; counts what is asked there, tokens too."""
    with FaultProxy(gcs_server.endpoint) as face:
        yield face


def at_face(
    gcs_server: GcsServer, face: FaultProxy, bucket: str, *, lifetime: int = 3600
) -> AbstractAsyncContextManager[Store]:
    """Open a store whose files and tokens both come from there."""
    account = gcs_server.create_account(lifetime=lifetime, token_uri=f"{face.endpoint}/token")
    return opened(
        f"gs://{bucket}", secret(account.document), StoreOptions(endpoint=face.endpoint), knowing(face.endpoint)
    )


def tokens(face: FaultProxy) -> int:
    return face.counts["POST", "/token"]


async def test_one_token_serves_all_who_ask(gcs_server: GcsServer, face: FaultProxy, bucket: str) -> None:
    async with at_face(gcs_server, face, bucket) as store:
        await asyncio.gather(*(keys_of(store) for _ in range(16)))
        await store.write("file", b"x")
        await keys_of(store)
    assert tokens(face) == 1


async def test_a_token_that_ends_in_mid_run_is_renewed(gcs_server: GcsServer, face: FaultProxy, bucket: str) -> None:
    async with at_face(gcs_server, face, bucket, lifetime=1) as store:
        version = await store.write("file", b"one")
        await asyncio.sleep(1.1)
        assert (await store.read("file")).version == version
        await store.write("file", b"two", expect=version)


async def test_a_token_that_ends_before_its_time_is_renewed(
    gcs_server: GcsServer, face: FaultProxy, bucket: str
) -> None:
    """One request more to learn it, one for the token, and the first one again; the next ones know."""
    account = gcs_server.create_account(token_uri=f"{face.endpoint}/token")
    options = StoreOptions(endpoint=face.endpoint)
    async with opened(f"gs://{bucket}", secret(account.document), options, knowing(face.endpoint)) as store:
        await store.write("file", b"x")
        gcs_server.end_tokens(account.email)
        face.counts.clear()
        assert (await store.read("file")).data == b"x"
        assert await keys_of(store) == ["file"]
        read = face.counts["GET", f"/download/storage/v1/b/{bucket}/o/file"]
        assert (read, tokens(face), face.counts.total()) == (2, 1, 4)
        await store.write("file", b"y")


async def test_a_new_token_that_is_not_taken_is_told_at_once(
    gcs_server: GcsServer, face: FaultProxy, bucket: str
) -> None:
    async with at_face(gcs_server, face, bucket) as store:
        with face.failing(Fault(path="/storage", status=401)), pytest.raises(AuthenticationFailed):
            await keys_of(store)
        assert face.counts.total() == 2


def impersonating(
    gcs_server: GcsServer, face: FaultProxy, who: GoogleAccount, target: GoogleAccount, bucket: str
) -> AbstractAsyncContextManager[Store]:
    """Open a store as an account that another one acts as, all at the face."""
    gcs_server.let_impersonate(who.email, target.email)
    url = f"{face.endpoint}/v1/projects/-/serviceAccounts/{target.email}:generateAccessToken"
    document = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": url,
        "source_credentials": json.loads(who.changed(token_uri=f"{face.endpoint}/token")),
    }
    options = StoreOptions(endpoint=face.endpoint)
    return opened(f"gs://{bucket}", secret(json.dumps(document)), options, knowing(face.endpoint))


async def test_tokens_of_a_whole_chain_that_end_before_their_time_are_renewed(
    gcs_server: GcsServer, face: FaultProxy, bucket: str
) -> None:
    """The source's too, by which the account's would be renewed."""
    who, target = gcs_server.create_account([]), gcs_server.create_account()
    async with impersonating(gcs_server, face, who, target, bucket) as store:
        await store.write("file", b"x")
        gcs_server.end_tokens(target.email)
        gcs_server.end_tokens(who.email)
        face.counts.clear()
        assert await keys_of(store) == ["file"]
        assert face.counts["GET", f"/storage/v1/b/{bucket}/o"] == 2
        assert (tokens(face), face.counts.total()) == (1, 4)


async def test_a_token_of_a_source_that_ends_before_its_time_is_renewed(
    gcs_server: GcsServer, face: FaultProxy, bucket: str
) -> None:
    """It is noticed when the account's token is over, which is soon here, and noticed once."""
    who, target = gcs_server.create_account([]), gcs_server.create_account(lifetime=1)
    async with impersonating(gcs_server, face, who, target, bucket) as store:
        await store.write("file", b"x")
        gcs_server.end_tokens(who.email)
        face.counts.clear()
        assert await keys_of(store) == ["file"]
        assert tokens(face) == 1
        with face.failing(Fault(path="/v1/projects", status=401)):
            face.counts.clear()
            with pytest.raises(AuthenticationFailed):
                await keys_of(store)
            assert face.counts.total() == 3, "it is refused with an old token, then with a new one"
        assert await keys_of(store) == ["file"]


async def test_an_outage_of_the_token_service_is_an_outage(
    gcs_server: GcsServer, face: FaultProxy, bucket: str
) -> None:
    async with at_face(gcs_server, face, bucket) as store:
        with face.failing(Fault(path="/token", status=503)):
            with pytest.raises(StoreUnavailable, match=rf"{face.endpoint} gave no access token for sa-.* \(503\)"):
                await keys_of(store)
            assert tokens(face) == face.counts.total() == ATTEMPTS, "the SDK asks once each time"
        with face.failing(Fault(path="/token", status=429, retry_after=60)), pytest.raises(StoreUnavailable) as caught:
            await keys_of(store)
        assert caught.value.retry_after == 60
        with face.failing(Fault(path="/token", cut_after=0, times=1)):
            assert await keys_of(store) == []


async def test_a_token_that_lives_a_little_outlasts_an_outage(
    gcs_server: GcsServer, face: FaultProxy, bucket: str
) -> None:
    """It is renewed some minutes before it ends, so there is time, and nobody asks at each request."""
    async with at_face(gcs_server, face, bucket, lifetime=100) as store:
        await store.write("file", b"x")
        face.counts.clear()
        with face.failing(Fault(path="/token", status=503)):
            for _ in range(3):
                assert await keys_of(store) == ["file"]
            assert tokens(face) == 1


async def test_a_token_of_a_service_account_is_fresh_at_each_renewal(gcs_server: GcsServer, bucket: str) -> None:
    exchange = federation(gcs_server, ISSUER.key, lifetime=1)
    credentials = secret(exchange.document, GOOGLE_SUBJECT_TOKEN=ISSUER.issue(exchange.audience, seconds=1))
    options = StoreOptions(endpoint=gcs_server.endpoint)
    async with opened(f"gs://{bucket}", credentials, options, knowing(gcs_server.endpoint)) as store:
        await store.write("file", b"x")
        await asyncio.sleep(1.1)
        with pytest.raises(AuthenticationFailed, match="time is over"):
            await keys_of(store)
    renewed = secret(exchange.document, GOOGLE_SUBJECT_TOKEN=ISSUER.issue(exchange.audience))
    async with opened(f"gs://{bucket}", renewed, options, knowing(gcs_server.endpoint)) as store:
        assert await keys_of(store) == ["file"]


ODD = [
    "",
    "null",
    "[]",
    "{}",
    '{"access_token": 7}',
    '{"access_token": "x", "expires_in": "soon"}',
    "[" * 5000,
    "<html>",
]


@pytest.mark.parametrize("body", ODD)
async def test_what_is_no_token_is_told_and_not_kept(gcs_server: GcsServer, bucket: str, body: str) -> None:
    answers = iter([body] * 2 * ATTEMPTS)

    def answer(request: web.Request) -> web.Response:
        assert request.path.endswith("/token"), "nothing is asked with what is none"
        return web.Response(text=next(answers))

    exchange = federation(gcs_server, ISSUER.key)
    async with canned(answer) as server:
        key = gcs_server.create_account(token_uri=f"{server.endpoint}/token").document
        document = json.dumps({**json.loads(exchange.document), "token_url": f"{server.endpoint}/v1/token"})
        for credentials in (secret(key), secret(document, GOOGLE_SUBJECT_TOKEN="x")):
            options = StoreOptions(endpoint=server.endpoint)
            async with opened(f"gs://{bucket}", credentials, options, knowing(server.endpoint)) as store:
                with pytest.raises(IntegrityFailed, match="no access token"):
                    await keys_of(store)
    assert len(server.requests) == 2 * ATTEMPTS


@pytest.mark.parametrize("value", ["canary-subject-token", ISSUER.issue("anybody")])
async def test_what_a_token_service_repeats_is_not_shown(
    gcs_server: GcsServer, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    caplog.set_level(logging.DEBUG)

    def answer(request: web.Request) -> web.Response:
        form = dict(parse_qsl((request._read_bytes or b"").decode()))
        assert form["subject_token"] == value
        return web.json_response({"error": "invalid_grant", "error_description": f"no; {value}"}, status=400)

    exchange = federation(gcs_server, ISSUER.key)
    async with canned(answer) as server:
        document = json.dumps({**json.loads(exchange.document), "token_url": f"{server.endpoint}/v1/token"})
        credentials, options = secret(document, GOOGLE_SUBJECT_TOKEN=value), StoreOptions(endpoint=server.endpoint)
        async with opened("gs://acme", credentials, options, knowing(server.endpoint)) as store:
            with pytest.raises(AuthenticationFailed, match=r"invalid_grant: no; \*\*\*") as caught:
                await keys_of(store)
    assert value not in caught.value.message
    assert value not in caplog.text + str([vars(record) for record in caplog.records])


async def test_a_token_service_may_not_be_the_operators_own_network(gcs_server: GcsServer, bucket: str) -> None:
    """Listed by the operator or not, nobody is sent to loopback unless that is allowed."""
    account = gcs_server.create_account()
    policy = EndpointPolicy(token_urls=(gcs_server.endpoint,))
    with pytest.raises(EndpointRefused, match="loopback"):
        async with opened(f"gs://{bucket}", secret(account.document), policy=policy):
            pass


async def test_no_log_shows_a_key_or_a_token(
    gcs_server: GcsServer, face: FaultProxy, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with at_face(gcs_server, face, bucket) as store:
        await store.write("file", b"canary-content")
        assert (await store.read("file")).data == b"canary-content"
    assert not logging.getLogger("google.auth").isEnabledFor(logging.DEBUG), "it would show what is exchanged"
    records = str([vars(record) for record in caplog.records])
    assertion = face.posted[0].partition("assertion=")[2][:200]
    assert assertion
    for secret_text in ("canary", "ya29.", "PRIVATE", assertion):
        assert secret_text not in records + caplog.text
