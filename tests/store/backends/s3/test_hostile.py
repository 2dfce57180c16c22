"""Endpoints that mean harm: no answer of theirs takes the operator's memory, threads or time from others."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp import web

from clusterstate.errors import EndpointRefused, StoreRefused, StoreUnavailable
from clusterstate.store.backends.s3.config import ClientInputs, Keys
from clusterstate.store.base import LARGEST_FILE
from clusterstate.store.connections import LARGEST_ANSWER
from clusterstate.store.endpoints import EndpointPolicy
from clusterstate.store.listing import MOST_PAGES
from clusterstate.store.resolver import RESOLVER
from clusterstate.store.threads import LANE
from tests.store.backends.s3.stores import GUARDED, SomeKeys, bare, config_of, s3_secret
from tests.store.canned import EMPTY_LIST, canned
from tests.store.conformance import keys_of
from tests.store.hostile import all_threads_come_back, drip, drip_handshake, pour, serving
from tests.store.opening import opened

KEYS = SomeKeys("access", "canary")
PAGE = EMPTY_LIST.replace(
    "<IsTruncated>false", "<NextContinuationToken>{token}</NextContinuationToken><IsTruncated>true"
)


def inputs_of(endpoint: str, access_key: str = "access") -> ClientInputs:
    return ClientInputs(Keys(access_key, "canary"), endpoint, "us-east-1", wire=GUARDED)


def endless(token: Callable[[int], str]) -> Callable[[web.Request], web.Response]:
    """Answer with pages that go on; `token` makes the next one's token from the number of the page."""
    numbers = iter(range(1 << 30))
    return lambda _: web.Response(text=PAGE.format(token=token(next(numbers))), content_type="application/xml")


@pytest.mark.parametrize("work", ["read", "list"])
async def test_dripping_bytes_do_not_stretch_a_call(work: str) -> None:
    async with serving(drip) as endpoint:
        config = config_of(replace(inputs_of(endpoint), wire=replace(GUARDED, call_seconds=0.3)))
        async with bare("b", config) as store:
            with pytest.raises(StoreUnavailable, match=r"within 0\.3 seconds"):
                await (store.read("file") if work == "read" else keys_of(store))
        await all_threads_come_back()


async def test_dripping_endpoints_take_no_thread_from_others() -> None:
    async with serving(drip) as slow, canned(lambda _: web.Response(text=EMPTY_LIST)) as quick:
        for number in range(20):
            config = config_of(replace(inputs_of(slow, f"key-{number}"), wire=replace(GUARDED, call_seconds=0.5)))
            async with bare("b", config) as store:
                lists = [asyncio.create_task(keys_of(store)) for _ in range(16)]
                await asyncio.sleep(0.02)
                for task in lists:
                    task.cancel()
        await all_threads_come_back()
        async with opened("s3://b", s3_secret(KEYS, quick.endpoint)) as other:
            assert await keys_of(other) == []


async def test_a_handshake_that_drips_is_given_up() -> None:
    async with serving(drip_handshake) as endpoint:
        config = config_of(
            replace(inputs_of(endpoint.replace("http:", "https:")), wire=replace(GUARDED, call_seconds=0.3))
        )
        async with bare("b", config) as store:
            errors = await asyncio.gather(*(store.read("file") for _ in range(LANE)), return_exceptions=True)
            await all_threads_come_back()
    assert {str(error) for error in errors} == {"The store didn't finish a call within 0.3 seconds. It is tried again."}


async def test_of_a_name_with_several_addresses_one_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RESOLVER, "_lookup", lambda _: ("127.0.0.2", "127.0.0.3", "127.0.0.1"))
    policy = EndpointPolicy(allowed=("127.0.0.0/8",))
    async with canned(lambda _: web.Response(text=EMPTY_LIST)) as server:
        endpoint = server.endpoint.replace("127.0.0.1", "several.example")
        async with opened("s3://b", s3_secret(KEYS, endpoint), policy=policy) as store:
            assert await keys_of(store) == []
        assert server.requests[0].host.startswith("several.example:")


async def test_a_name_that_changes_its_address_afterwards_gets_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RESOLVER, "_lookup", lambda _: ("127.0.0.1", "169.254.169.254"))
    async with canned(lambda _: web.Response(text=EMPTY_LIST)) as server:
        endpoint = server.endpoint.replace("127.0.0.1", "changing.example")
        async with bare("b", config_of(inputs_of(endpoint))) as store:
            with pytest.raises(EndpointRefused, match=r"changing\.example is link-local"):
                await keys_of(store)
        assert server.requests == []


async def test_a_file_without_end_is_refused() -> None:
    async with serving(pour) as endpoint, opened("s3://b", s3_secret(KEYS, endpoint)) as store:
        with pytest.raises(StoreRefused, match=f"s3://b/prod/config has more than {LARGEST_FILE} bytes"):
            await store.read("prod/config")


async def test_the_largest_file_is_read_whole() -> None:
    data = bytes(LARGEST_FILE)
    async with (
        canned(lambda _: web.Response(body=data, headers={"ETag": '"1"'})) as server,
        opened("s3://b", s3_secret(KEYS, server.endpoint)) as store,
    ):
        assert (await store.read("file")).data == data


async def test_any_other_answer_without_end_is_refused() -> None:
    async with serving(pour) as endpoint, opened("s3://b", s3_secret(KEYS, endpoint)) as store:
        with pytest.raises(StoreRefused, match=rf"127\.0\.0\.1 gave an answer of more than {LARGEST_ANSWER} bytes"):
            await keys_of(store)


async def test_a_listing_that_repeats_itself_ends() -> None:
    async with canned(endless(lambda _: "same")) as server:
        async with opened("s3://b", s3_secret(KEYS, server.endpoint)) as store:
            with pytest.raises(StoreRefused, match="repeats a page"):
                await keys_of(store)
        assert len(server.requests) == 2


async def test_a_listing_without_end_ends() -> None:
    async with canned(endless(str)) as server:
        async with opened("s3://b", s3_secret(KEYS, server.endpoint)) as store:
            with pytest.raises(StoreRefused, match=f"prod/ has no end after {MOST_PAGES} pages"):
                await keys_of(store, "prod/")
        assert len(server.requests) == MOST_PAGES + 1
