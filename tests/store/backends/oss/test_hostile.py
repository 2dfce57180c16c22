"""Endpoints that mean harm: no answer of theirs takes the operator's memory, threads or time, or leads it elsewhere."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from clusterstate.errors import EndpointRefused, IntegrityFailed, StoreRefused, StoreUnavailable
from clusterstate.store.base import LARGEST_FILE
from clusterstate.store.connections import LARGEST_ANSWER
from clusterstate.store.endpoints import EndpointPolicy
from clusterstate.store.listing import MOST_PAGES
from clusterstate.store.options import StoreOptions
from clusterstate.store.resolver import RESOLVER
from clusterstate.store.threads import LANE
from clusterstate.store.wire import Wire
from tests.store.backends.oss.stores import GUARDED, SomeKeys, bare, custom, oss_secret
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.hostile import all_threads_come_back, drip, drip_handshake, pour, serving
from tests.store.opening import opened

KEYS = SomeKeys("access", "canary")
EMPTY = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
PAGE = EMPTY.replace("false", "true").replace(
    "<IsTruncated>", "<NextContinuationToken>{token}</NextContinuationToken><IsTruncated>"
)
HASTY = replace(GUARDED, call_seconds=0.3)


def endless(token: Callable[[int], str]) -> Callable[[web.Request], web.Response]:
    """Answer with pages that go on; `token` makes the next one's token from the number of the page."""
    numbers = iter(range(1 << 30))
    return lambda _: web.Response(text=PAGE.format(token=token(next(numbers))), content_type="application/xml")


@pytest.mark.parametrize("work", ["read", "list"])
async def test_dripping_bytes_do_not_stretch_a_call(work: str) -> None:
    async with serving(drip) as endpoint:
        async with bare("bucket", custom(endpoint, HASTY)) as store:
            with pytest.raises(StoreUnavailable, match=r"within 0\.3 seconds"):
                await (store.read("file") if work == "read" else keys_of(store))
        await all_threads_come_back()


async def test_a_handshake_that_drips_is_given_up(certificates: Path) -> None:
    """The authority is one that is read beforehand: giving up between connection and handshake is another matter."""
    wire = replace(HASTY, ca_bundle=(certificates / "ca.crt").read_text())
    async with (
        serving(drip_handshake) as endpoint,
        bare("bucket", custom(endpoint.replace("http:", "https:"), wire)) as store,
    ):
        errors = await asyncio.gather(*(store.read("file") for _ in range(LANE)), return_exceptions=True)
        await all_threads_come_back()
    assert {str(error) for error in errors} == {"The store didn't finish a call within 0.3 seconds. It is tried again."}


async def test_a_file_without_end_is_refused() -> None:
    async with serving(pour) as endpoint, opened("oss://bucket", oss_secret(KEYS, endpoint)) as store:
        with pytest.raises(StoreRefused, match=f"oss://bucket/prod/config has more than {LARGEST_FILE} bytes"):
            await store.read("prod/config")


async def test_the_largest_file_is_read_whole() -> None:
    data = bytes(LARGEST_FILE)
    async with (
        canned(lambda _: web.Response(body=data, headers={"ETag": '"1"'})) as server,
        opened("oss://bucket", oss_secret(KEYS, server.endpoint)) as store,
    ):
        assert (await store.read("file")).data == data


async def test_any_other_answer_without_end_is_refused() -> None:
    async with serving(pour) as endpoint, opened("oss://bucket", oss_secret(KEYS, endpoint)) as store:
        with pytest.raises(StoreRefused, match=rf"127\.0\.0\.1 gave an answer of more than {LARGEST_ANSWER} bytes"):
            await keys_of(store)


async def test_a_listing_that_repeats_itself_ends() -> None:
    async with canned(endless(lambda _: "same")) as server:
        async with opened("oss://bucket", oss_secret(KEYS, server.endpoint)) as store:
            with pytest.raises(StoreRefused, match="repeats a page"):
                await keys_of(store)
        assert len(server.requests) == 2


async def test_a_listing_without_end_ends() -> None:
    async with canned(endless(str)) as server:
        async with opened("oss://bucket", oss_secret(KEYS, server.endpoint)) as store:
            with pytest.raises(StoreRefused, match=f"prod/ has no end after {MOST_PAGES} pages"):
                await keys_of(store, "prod/")
        assert len(server.requests) == MOST_PAGES + 1


async def test_a_listing_that_unfolds_is_damage_and_no_memory() -> None:
    layers = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "ha">{layers}]><ListBucketResult><Name>&e9;</Name></ListBucketResult>'
    async with canned(lambda _: web.Response(text=bomb)) as server, bare("bucket", custom(server.endpoint)) as store:
        with pytest.raises(IntegrityFailed, match="ParseError"):
            await keys_of(store)


async def test_a_redirect_leads_nowhere() -> None:
    async with canned(lambda _: web.Response(text="secret")) as elsewhere:

        def redirect(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"{elsewhere.endpoint}/latest"})

        async with canned(redirect) as server, bare("bucket", custom(server.endpoint)) as store:
            with pytest.raises(StoreRefused, match="TooManyRedirects"):
                await store.read("file")
        assert elsewhere.requests == []


async def test_no_cookie_is_kept() -> None:
    async with (
        canned(lambda _: web.Response(headers={"ETag": '"1"', "Set-Cookie": "heavy=load"})) as server,
        bare("bucket", custom(server.endpoint)) as store,
    ):
        await store.write("file", b"x")
        await store.write("file", b"x")
    assert "Cookie" not in server.requests[1].headers


async def test_of_a_name_with_several_addresses_one_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RESOLVER, "_lookup", lambda _: ("127.0.0.2", "127.0.0.3", "127.0.0.1"))
    policy = EndpointPolicy(allowed=("127.0.0.0/8",))
    async with canned(lambda _: web.Response(text=EMPTY)) as server:
        endpoint = server.endpoint.replace("127.0.0.1", "several.example")
        async with opened("oss://bucket", oss_secret(KEYS, endpoint), policy=policy) as store:
            assert await keys_of(store) == []
        assert server.requests[0].host.startswith("bucket.several.example:")


async def test_the_buckets_own_name_is_judged_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        RESOLVER, "_lookup", lambda host: ("127.0.0.1",) if host.startswith("bucket.") else ("192.0.2.1",)
    )
    with pytest.raises(EndpointRefused, match=r"bucket\.half\.example is loopback"):
        async with opened("oss://bucket", oss_secret(KEYS, "https://half.example"), policy=EndpointPolicy()):
            pass


@pytest.mark.parametrize("endpoint", ["http://169.254.169.254", "http://localhost:9000", "http://100.100.100.200"])
async def test_a_tenant_cannot_send_the_operator_to_its_own_network(endpoint: str) -> None:
    for credentials, options in (
        (oss_secret(KEYS, endpoint), StoreOptions()),
        (oss_secret(KEYS), StoreOptions(endpoint=endpoint)),
        (oss_secret(KEYS, OSS_REGION="cn-hangzhou"), StoreOptions(proxy=endpoint)),
        (oss_secret(KEYS, OSS_REGION="cn-hangzhou", HTTPS_PROXY=endpoint), StoreOptions()),
    ):
        with pytest.raises(EndpointRefused):
            async with opened("oss://bucket", credentials, options, policy=EndpointPolicy()):
                pass


async def test_a_name_that_changes_its_address_afterwards_gets_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RESOLVER, "_lookup", lambda _: ("127.0.0.1", "169.254.169.254"))
    async with canned(lambda _: web.Response(text=EMPTY)) as server:
        endpoint = server.endpoint.replace("127.0.0.1", "changing.example")
        async with bare("bucket", custom(endpoint)) as store:
            with pytest.raises(EndpointRefused, match=r"bucket\.changing\.example is link-local"):
                await keys_of(store)
        assert server.requests == []


async def test_a_name_that_turns_to_loopback_after_the_check_gets_no_request() -> None:
    async with (
        canned(lambda _: web.Response(text="secret of the metadata service")) as server,
        bare("latest", custom(server.endpoint, Wire(guard=EndpointPolicy()))) as store,
    ):
        with pytest.raises(EndpointRefused, match="loopback"):
            await store.read("meta-data/ram")
    assert server.requests == []
