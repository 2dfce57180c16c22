"""S3's row of the exam on endpoints that mean harm."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from aiohttp import web

from clusterstate.errors import StoreRefused
from clusterstate.store.backends.s3.config import ClientInputs, Keys
from clusterstate.store.base import Store
from clusterstate.store.wire import Wire
from tests.store.backends.s3.stores import GUARDED, bare, config_of, s3_secret
from tests.store.canned import EMPTY_LIST, canned
from tests.store.conformance import keys_of
from tests.store.hostile import BareAt, HostileConformance, OpenAt, all_threads_come_back, make_head
from tests.store.opening import SomeKeys, opened
from tests.store.serving import dripping, serving

KEYS = SomeKeys("access", "canary")


def bare_as(access_key: str, endpoint: str, wire: Wire) -> AbstractAsyncContextManager[Store]:
    return bare("b", config_of(ClientInputs(Keys(access_key, "canary"), endpoint, "us-east-1", wire=wire)))


class TestS3Hostile(HostileConformance):
    row = "s3 (versitygw)"
    url = "s3://b"
    page = EMPTY_LIST.replace("<IsTruncated>false", "{follows}<IsTruncated>{more}")

    @pytest.fixture
    def open_at(self) -> OpenAt:
        return lambda endpoint: opened(self.url, s3_secret(KEYS, endpoint))

    @pytest.fixture
    def bare_at(self) -> BareAt:
        return lambda endpoint, wire: bare_as("access", endpoint, wire)


async def test_dripping_endpoints_take_no_thread_from_others() -> None:
    drip = dripping(make_head(("Content-Length", "100000")))
    async with serving(drip) as slow, canned(lambda _: web.Response(text=EMPTY_LIST)) as quick:
        for number in range(20):
            async with bare_as(f"key-{number}", slow, replace(GUARDED, call_seconds=0.5)) as store:
                lists = [asyncio.create_task(keys_of(store)) for _ in range(16)]
                await asyncio.sleep(0.02)
                for task in lists:
                    task.cancel()
        await all_threads_come_back()
        async with opened("s3://b", s3_secret(KEYS, quick.endpoint)) as other:
            assert await keys_of(other) == []


@pytest.mark.parametrize(
    "region", [{}, {"x-amz-bucket-region": "eu-west-9"}, {"x-amz-bucket-region": "@canary.example/"}]
)
async def test_a_redirect_leads_nowhere(region: dict[str, str]) -> None:
    """The SDK asks once or twice where the bucket is, at the same endpoint, and believes in names of regions only."""
    async with canned(lambda _: web.Response(text=EMPTY_LIST)) as inside:
        answer = {"Location": inside.endpoint.replace("127.0.0.1", "localhost"), **region}
        async with canned(lambda _: web.Response(status=307, headers=answer)) as server:
            async with opened("s3://b", s3_secret(KEYS, server.endpoint)) as store:
                with pytest.raises(StoreRefused):
                    await keys_of(store)
            assert len(server.requests) in {1, 2}
    assert inside.requests == []
