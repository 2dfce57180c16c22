"""Keystones and Swifts that mean harm: no answer of theirs leads the operator astray, or takes what others need."""

import asyncio
import json
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from clusterstate.errors import EndpointRefused, StoreRefused, StoreUnavailable
from clusterstate.store.base import LARGEST_FILE
from clusterstate.store.connections import LARGEST_ANSWER
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.listing import MOST_PAGES, PAGE_SIZE
from clusterstate.store.resolver import RESOLVER
from clusterstate.store.threads import LANE
from clusterstate.store.wire import Wire
from tests.store.backends.swift.doubles import GUARDED, LOGIN, Answer, asked, inputs_of, openstack, token
from tests.store.backends.swift.stores import bare, secret
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.hostile import all_threads_come_back, make_head
from tests.store.opening import opened
from tests.store.serving import dripping, pouring, serving
from tests.support.faultproxy import FaultProxy
from tests.support.forwardproxy import ForwardProxy

METADATA = "http://169.254.169.254/latest"
HURRIED = replace(GUARDED, call_seconds=0.3)
ETAG = ("ETag", "1")
DRIPPING = dripping(make_head(ETAG, ("Content-Length", "100000")))
POURING = pouring(make_head(ETAG, ("Transfer-Encoding", "chunked")))
ME = {"OS_USERID": "17", "OS_PASSWORD": "canary", "OS_PROJECT_ID": "1"}


def leading(*urls: str) -> Answer:
    """Give a Keystone that knows accounts at these URLs, one after the other, and the last for ever."""
    left = list(urls)
    return lambda _: token(left.pop(0) if len(left) > 1 else left[0])


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000/v3", "http://169.254.169.254/v3", "http://metadata.google.internal/v3"]
)
async def test_a_tenants_keystone_is_not_in_the_operators_own_network(url: str) -> None:
    with pytest.raises(EndpointRefused):
        async with opened("swift://acme", secret({**ME, "OS_AUTH_URL": url}), policy=EndpointPolicy()):
            pass


@pytest.mark.parametrize("url", [METADATA, "http://metadata.google.internal/v1", "http://[fd00:ec2::254]/"])
async def test_a_catalog_leads_nobody_to_a_metadata_service(url: str) -> None:
    async with canned(leading(url)) as server, bare("acme", inputs_of(server.endpoint)) as store:
        with pytest.raises(EndpointRefused):
            await keys_of(store)
        assert store.endpoint is None


async def test_a_catalog_leads_nobody_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RESOLVER, "_lookup", lambda host: ("127.0.0.1",) if "keystone" in host else (host,))
    strict = Wire(guard=EndpointPolicy(allowed=("keystone.example",)))
    async with canned(lambda _: web.Response(text="own")) as own, canned(leading(own.endpoint)) as keystone:
        inputs = inputs_of(keystone.endpoint.replace("127.0.0.1", "keystone.example"), strict)
        async with bare("acme", inputs) as store:
            with pytest.raises(EndpointRefused, match="loopback"):
                await store.read("file")
        assert own.requests == []


async def test_a_catalog_is_judged_anew_with_each_token() -> None:
    def answer(request: web.Request) -> web.Response:
        return keystone(request) if request.path == LOGIN else web.Response(status=401)

    async with canned(answer) as server, bare("acme", inputs_of(server.endpoint)) as store:
        keystone = leading(f"{server.endpoint}/v1/AUTH_1", METADATA)
        with pytest.raises(EndpointRefused):
            await keys_of(store)
        assert asked(server) == [("GET", "/v1/AUTH_1/acme")]


@pytest.mark.parametrize("behind", [False, True], ids=["straight", "proxy"])
async def test_a_keystone_with_tls_leads_nobody_to_clear_text(
    tls: ssl.SSLContext,
    certificates: Path,
    behind: bool,  # noqa: FBT001 (a parameter)
) -> None:
    bundle = (certificates / "ca.crt").read_text()
    async with canned(leading("http://192.0.2.1/v1/AUTH_1")) as keystone:
        with FaultProxy(keystone.endpoint, context=tls) as front, ForwardProxy() as proxy:
            wire = replace(GUARDED, ca_bundle=bundle, proxy=proxy.url if behind else "")
            async with bare("acme", inputs_of(front.endpoint, wire)) as store:
                with pytest.raises(
                    EndpointRefused, match=r"without: http://192\.0\.2\.1/v1/AUTH_1\..*corrected to https"
                ):
                    await keys_of(store)
                assert store.endpoint is None
            assert not [target for target in proxy.targets if "192.0.2.1" in target]


async def test_clear_text_is_for_hosts_that_the_operator_allows(tls: ssl.SSLContext, certificates: Path) -> None:
    bundle = (certificates / "ca.crt").read_text()
    async with (
        canned(lambda _: web.Response(text="[]")) as swift,
        canned(leading(f"{swift.endpoint}/v1/AUTH_1")) as keystone,
    ):
        with FaultProxy(keystone.endpoint, context=tls) as front:
            for wire in (replace(GUARDED, ca_bundle=bundle), Wire(ca_bundle=bundle)):
                async with bare("acme", inputs_of(front.endpoint, wire)) as store:
                    assert await keys_of(store) == []


async def test_behind_a_proxy_a_catalog_is_judged_too() -> None:
    with ForwardProxy() as proxy:
        async with canned(leading(METADATA)) as server:
            inputs = inputs_of(server.endpoint, replace(GUARDED, proxy=proxy.url))
            async with bare("acme", inputs) as store:
                with pytest.raises(EndpointRefused):
                    await keys_of(store)
        assert proxy.targets == [server.endpoint.removeprefix("http://")]


async def test_a_keystone_that_drips_is_given_up_by_all_who_wait() -> None:
    async with serving(DRIPPING) as endpoint, bare("acme", inputs_of(endpoint, HURRIED)) as store:
        errors = await asyncio.gather(*(store.read("file") for _ in range(LANE)), return_exceptions=True)
        await all_threads_come_back()
    assert {str(error) for error in errors} == {"The store didn't finish a call within 0.3 seconds. It is tried again."}


@pytest.mark.parametrize("work", ["read", "list"])
async def test_a_swift_that_drips_is_given_up(work: str) -> None:
    async with serving(DRIPPING) as swift, canned(leading(swift)) as keystone:
        async with bare("acme", inputs_of(keystone.endpoint, HURRIED)) as store:
            with pytest.raises(StoreUnavailable, match=r"within 0\.3 seconds"):
                await (store.read("file") if work == "read" else keys_of(store))
        await all_threads_come_back()


async def test_a_file_without_end_is_refused() -> None:
    async with (
        serving(POURING) as swift,
        canned(leading(swift)) as keystone,
        bare("acme", inputs_of(keystone.endpoint)) as store,
    ):
        with pytest.raises(StoreRefused, match=f"swift://acme/prod/config has more than {LARGEST_FILE} bytes"):
            await store.read("prod/config")


async def test_any_other_answer_without_end_is_refused() -> None:
    words = rf"127\.0\.0\.1 gave an answer of more than {LARGEST_ANSWER} bytes"
    async with serving(POURING) as endless, canned(leading(endless)) as keystone:
        async with bare("acme", inputs_of(keystone.endpoint)) as store:
            with pytest.raises(StoreRefused, match=words):
                await keys_of(store)
        async with bare("acme", inputs_of(endless)) as store:
            with pytest.raises(StoreRefused, match=words):
                await keys_of(store)


def page(names: Iterator[str]) -> web.Response:
    lines = [
        {"name": next(names), "hash": "0", "bytes": 1, "last_modified": "2026-01-01T00:00:00"} for _ in range(PAGE_SIZE)
    ]
    return web.Response(text=json.dumps(lines))


@pytest.mark.parametrize(
    ("name", "words", "pages"),
    [
        (lambda _: "same", "repeats a page", 2),
        (lambda number: f"{number:09}", f"prod/ has no end after {MOST_PAGES} pages", MOST_PAGES + 1),
    ],
    ids=["repeated", "endless"],
)
async def test_a_listing_ends(name: Callable[[int], str], words: str, pages: int) -> None:
    names = (name(number) for number in range(1 << 30))
    async with canned(openstack(lambda _: page(names))) as server:
        credentials = secret({**ME, "OS_AUTH_URL": f"{server.endpoint}/v3"})
        async with opened("swift://acme", credentials) as store:
            with pytest.raises(StoreRefused, match=words):
                await keys_of(store, "prod/")
        assert len(asked(server)) == pages
