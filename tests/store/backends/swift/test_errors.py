"""Each answer of Swift or Keystone becomes the right error, in words for a person and without secrets."""

import json
import logging
import traceback
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

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
from clusterstate.store.buckets import BucketStore
from tests.store.backends.swift.doubles import LOGIN, PASSWORD, TOKEN, Answer, asked, inputs_of, openstack, token
from tests.store.backends.swift.stores import bare
from tests.store.canned import Canned, canned, check_answer
from tests.store.conformance import keys_of
from tests.store.opening import ambient, opened


def acme(server: Canned) -> AbstractAsyncContextManager[BucketStore]:
    """Open the container acme at the server."""
    return bare("acme", inputs_of(server.endpoint))


def error(status: int, **headers: str) -> web.Response:
    text = f"<html><h1>Title {status}</h1><p>Words of it.</p></html>"
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


ANSWERS: list[tuple[int, type[StoreError]]] = [
    (202, StoreUnavailable),
    (304, StoreRefused),
    (400, StoreRefused),
    (401, AuthenticationFailed),
    (403, AccessDenied),
    (404, StoreNotFound),
    (405, StoreRefused),
    (408, StoreUnavailable),
    (409, StoreUnavailable),
    (412, LostRace),
    (413, StoreRefused),
    (422, IntegrityFailed),
    (429, StoreUnavailable),
    (498, StoreUnavailable),
    (499, StoreUnavailable),
    (500, StoreUnavailable),
    (501, StoreUnsupported),
    (503, StoreUnavailable),
    (507, StoreUnavailable),
]


@pytest.mark.parametrize(("status", "kind"), ANSWERS)
async def test_answers_to_a_write_become_errors(status: int, kind: type[StoreError]) -> None:
    async with canned(openstack(lambda _: error(status))) as server:
        await check_answer(acme(server), kind)
    assert len(asked(server)) == (2 if status == 401 else 1)


@pytest.mark.parametrize(
    ("status", "kind"), [(204, IntegrityFailed), (404, StoreNotFound), (409, StoreUnavailable), (412, StoreRefused)]
)
async def test_answers_to_a_listing_become_errors(status: int, kind: type[StoreError]) -> None:
    async with canned(openstack(lambda _: error(status))) as server, acme(server) as store:
        with pytest.raises(kind, match="acme"):
            await keys_of(store)


async def test_a_token_that_was_renewed_is_not_shown_either() -> None:
    tokens = iter(["canary-one", "canary-two"])

    def answer(request: web.Request) -> web.Response:
        if request.path == LOGIN:
            granted = token(f"http://{request.host}/v1/AUTH_1")
            granted.headers["X-Subject-Token"] = next(tokens)
            return granted
        sent = request.headers["X-Auth-Token"]
        return web.Response(status=401 if sent == "canary-one" else 403, text=f"who is {sent}?")

    async with canned(answer) as server, acme(server) as store:
        with pytest.raises(AccessDenied, match=r"who is \*\*\*\?"):
            await keys_of(store)


async def test_the_services_words_are_told_without_their_dress() -> None:
    async with canned(openstack(lambda _: error(403))) as server, acme(server) as store:
        with pytest.raises(AccessDenied, match=r"\(403 Forbidden: Title 403 Words of it\.\)"):
            await store.read("file")


@pytest.mark.parametrize("status", [413, 498, 503])
async def test_a_pause_that_is_asked_for_is_told(status: int) -> None:
    async with canned(openstack(lambda _: error(status, **{"Retry-After": "7"}))) as server, acme(server) as store:
        with pytest.raises(StoreUnavailable) as caught:
            await store.write("file", b"x")
    assert caught.value.retry_after == 7


@pytest.mark.parametrize("status", [202, 409])
async def test_a_newer_write_is_worth_a_quick_repetition(status: int) -> None:
    async with canned(openstack(lambda _: error(status))) as server, acme(server) as store:
        with pytest.raises(StoreUnavailable) as caught:
            await store.write("file", b"x")
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after < 1


async def test_where_the_container_may_not_be_asked_for_the_file_is_missing() -> None:
    def answer(request: web.Request) -> web.Response:
        return error(403 if request.method == "HEAD" else 404)

    async with canned(openstack(answer)) as server, acme(server) as store:
        with pytest.raises(KeyNotFound, match="no file swift://acme/file"):
            await store.read("file")
    assert asked(server) == [("GET", "/v1/AUTH_1/acme/file"), ("HEAD", "/v1/AUTH_1/acme")]


def repeat_everything(request: web.Request) -> web.Response:
    """Answer as a malicious or careless server: with all that it was sent."""
    heard = " ".join(f"{name}: {value}" for name, value in request.headers.items())
    return web.Response(status=403, text=f"<p>no {heard} https://acme/x?temp_url_sig=canary</p>")


async def test_what_a_server_repeats_is_not_shown() -> None:
    async with canned(openstack(repeat_everything)) as server, acme(server) as store:
        with pytest.raises(AccessDenied, match="no Host: ") as caught:
            await store.read("file")
    assert server.requests[-1].headers["X-Auth-Token"] == TOKEN
    assert "canary" not in caught.value.message
    assert len(caught.value.message) < 700
    assert caught.value.__cause__ is None
    assert "During handling" not in "".join(traceback.format_exception(caught.value))


async def test_what_keystone_repeats_is_not_shown() -> None:
    said = {"error": {"message": f"{PASSWORD} is wrong", "code": 401}}
    async with canned(lambda _: web.json_response(said, status=401)) as server, acme(server) as store:
        with pytest.raises(
            AuthenticationFailed, match=r"doesn't accept the credentials for swift://acme .*is wrong"
        ) as caught:
            await keys_of(store)
    assert "canary" not in caught.value.message
    assert caught.value.__suppress_context__


PROJECT = {"project_name": "team", "user_domain_name": "Default", "project_domain_name": "Default"}
OWN: dict[str, dict[str, Any]] = {
    "password": {"username": "me", "password": PASSWORD, **PROJECT},
    "v3totp": {"username": "me", "passcode": PASSWORD, **PROJECT},
    "v3applicationcredential": {"application_credential_id": "17", "application_credential_secret": PASSWORD},
}


@pytest.mark.filterwarnings("ignore:Support for InfluxDB requires:PendingDeprecationWarning")
@pytest.mark.parametrize("way", OWN)
@pytest.mark.parametrize("who", ["keystone", "swift"])
async def test_what_is_repeated_of_the_operators_own_cloud_is_not_shown(
    way: str, who: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: web.Request) -> web.Response:
        if request.method == "POST" and who == "swift":
            return token(f"http://{request.host}/v1/AUTH_1")
        said = {"error": {"message": f"{PASSWORD} is wrong", "code": 403}}
        return web.json_response(said, status=403)

    async with canned(answer) as server:
        cloud = {"auth_type": way, "auth": {"auth_url": f"{server.endpoint}/v3", **OWN[way]}}
        path = tmp_path / "clouds.yaml"
        path.write_text(json.dumps({"clouds": {"acme": cloud}}))
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
        async with opened("swift://acme", ambient("swift", {"OS_CLOUD": "acme"})) as store:
            with pytest.raises((AuthenticationFailed, AccessDenied), match=r"\*\*\* is wrong") as caught:
                await keys_of(store)
    assert "canary" not in caught.value.message


GARBAGE: dict[str, Answer] = {
    "empty": lambda _: web.Response(),
    "a page": lambda _: web.Response(text="<html>log in</html>", content_type="text/html"),
    "no token": lambda _: web.json_response({}, status=201),
    "no header": lambda _: web.json_response({"token": {}}, status=201),
    "nothing in it": lambda _: web.json_response({"token": {}}, status=201, headers={"X-Subject-Token": TOKEN}),
    "a list": lambda _: web.json_response([], status=201, headers={"X-Subject-Token": TOKEN}),
    "a token that is a list": lambda _: web.json_response({"token": [1]}, headers={"X-Subject-Token": TOKEN}),
    "deep": lambda _: web.Response(text="[" * 100_000, content_type="application/json"),
    "no time": lambda _: token("http://x", expires_at="canary"),
    "no user": lambda _: token("http://x", user=None),
    "no catalog": lambda _: token("http://x", catalog=1),
    "odd catalog": lambda _: token("http://x", catalog=[{"endpoints": 1}]),
    "odd errors": lambda _: web.json_response({"errors": [1]}, status=400),
    "a riddle": lambda _: web.Response(status=401, headers={"Openstack-Auth-Receipt": "canary"}),
}


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_is_no_token_is_told(garbage: str) -> None:
    async with canned(GARBAGE[garbage]) as server, acme(server) as store:
        with pytest.raises(IntegrityFailed, match=f"What {server.endpoint}/v3 answered isn't a token") as caught:
            await keys_of(store)
    assert "canary" not in caught.value.message
    assert caught.value.__suppress_context__


async def test_a_second_proof_that_is_wanted_is_told() -> None:
    receipt = {"receipt": {"methods": ["password"], "expires_at": "2999-01-01T00:00:00Z", "issued_at": "", "user": {}}}
    body = {**receipt, "required_auth_methods": [["password", "totp"]]}
    headers = {"Openstack-Auth-Receipt": "canary"}
    async with canned(lambda _: web.json_response(body, status=401, headers=headers)) as server, acme(server) as store:
        with pytest.raises(AuthenticationFailed, match="more than one proof"):
            await keys_of(store)


@pytest.mark.parametrize("where", ["login", "list", "read"])
async def test_no_redirect_is_followed(where: str) -> None:
    def answer(request: web.Request) -> web.Response:
        if request.path != LOGIN or where == "login":
            return web.Response(status=302, headers={"Location": f"http://{request.host}/elsewhere"})
        return token(f"http://{request.host}/v1/AUTH_1")

    async with canned(answer) as server, acme(server) as store:
        with pytest.raises(StoreRefused, match="leads elsewhere by a redirect"):
            await (store.read("file") if where == "read" else keys_of(store))
    assert "/elsewhere" not in {request.path for request in server.requests}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>log in</html>",
        "{}",
        "[1]",
        '[{"name": 1}]',
        '[{"name": "a", "hash": "b", "bytes": 1, "last_modified": "canary"}]',
        "[" * 100_000,
        '[{"x": ' + "[" * 100_000,
        '["\\ud800"]',
    ],
)
async def test_a_page_that_is_no_listing_is_never_an_empty_container(body: str) -> None:
    async with canned(openstack(lambda _: web.Response(text=body))) as server, acme(server) as store:
        with pytest.raises(IntegrityFailed, match="listing of swift://acme arrived damaged"):
            await keys_of(store)


async def test_a_listing_of_another_make_is_read() -> None:
    """Ceph writes times with a zone, and more fields."""
    line = '{"name":"a","hash":"b","bytes":1,"content_type":"x","last_modified":"2026-01-01T00:00:00.5Z","more":{}}'
    async with canned(openstack(lambda _: web.Response(text=f"[{line}]"))) as server, acme(server) as store:
        assert await keys_of(store) == ["a"]


async def test_an_answer_without_etag_is_not_taken_for_done() -> None:
    async with canned(openstack(lambda _: web.Response(status=201))) as server, acme(server) as store:
        for work in (store.write("file", b"x"), store.read("file")):
            with pytest.raises(IntegrityFailed, match="ETag"):
                await work


async def test_a_write_of_which_other_bytes_arrived_is_not_taken_for_done() -> None:
    answer = openstack(lambda _: web.Response(status=201, headers={"ETag": "0" * 32}))
    async with canned(answer) as server, acme(server) as store:
        with pytest.raises(IntegrityFailed, match="Other bytes than those sent arrived in swift://acme/file"):
            await store.write("file", b"x")


async def test_what_is_sent_is_what_swift_knows() -> None:
    answer = openstack(lambda _: web.Response(status=201, headers={"ETag": '"9dd4e461268c8034f5c8564e155c67a6"'}))
    async with canned(answer) as server, acme(server) as store:
        await store.write("a b/é~+%.txt", b"x")
    sent = server.requests[-1]
    assert sent.raw_path == "/v1/AUTH_1/acme/a%20b/%C3%A9~%2B%25.txt"
    assert sent.headers["ETag"] == "9dd4e461268c8034f5c8564e155c67a6"
    assert "If-None-Match" not in sent.headers
    assert sent.headers["User-Agent"].startswith("clusterstate ")


async def test_no_log_shows_what_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with canned(openstack(repeat_everything)) as server, acme(server) as store:
        with pytest.raises(AccessDenied):
            await store.write("file", b"canary-content")
    assert "/v1/AUTH_1/acme/file" in caplog.text, "the connections do log"
    assert "canary" not in caplog.text
