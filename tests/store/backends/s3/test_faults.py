"""What goes wrong between us and a store: the right error, after a bounded number of requests."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from clusterstate.errors import IntegrityFailed, LostRace, StoreUnavailable
from clusterstate.sandbox.s3server import S3Server
from clusterstate.store.backends.s3.config import ClientInputs, Keys
from clusterstate.store.base import ABSENT, Store
from clusterstate.store.wire import Wire
from clusterstate.store.wrappers import ATTEMPTS
from tests.store.backends.s3.stores import bare, config_of, s3_secret
from tests.store.conformance import keys_of
from tests.store.opening import opened
from tests.support.faultproxy import Fault, FaultProxy

pytestmark = pytest.mark.objectstore


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
async def store(s3_server: S3Server, bucket: str, proxy: FaultProxy) -> AsyncIterator[Store]:
    async with opened(f"s3://{bucket}", s3_secret(s3_server, proxy.endpoint)) as store:
        await store.write("file", b"content " * 1000)
        proxy.counts.clear()
        yield store


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
async def test_an_outage_ends_after_the_documented_requests(store: Store, proxy: FaultProxy, status: int) -> None:
    with proxy.failing(Fault(status=status)):
        with pytest.raises(StoreUnavailable, match=str(status)):
            await store.read("file")
        assert proxy.counts.total() == ATTEMPTS
        with pytest.raises(StoreUnavailable, match="file"):
            await store.write("file", b"x")
        assert proxy.counts.total() == 2 * ATTEMPTS
        with pytest.raises(StoreUnavailable):
            await keys_of(store)
        assert proxy.counts.total() == 3 * ATTEMPTS
    assert (await store.read("file")).data == b"content " * 1000


@pytest.mark.parametrize("work", ["read", "write", "list", "delete"])
async def test_a_short_outage_is_not_noticed(store: Store, proxy: FaultProxy, work: str) -> None:
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "read": lambda: store.read("file"),
        "write": lambda: store.write("file", b"x"),
        "list": lambda: keys_of(store),
        "delete": lambda: store.delete("file"),
    }
    with proxy.failing(Fault(status=503, times=2)):
        await calls[work]()
    assert proxy.counts.total() == 3


async def test_a_long_pause_that_the_store_asks_for_is_left_to_the_caller(store: Store, proxy: FaultProxy) -> None:
    with proxy.failing(Fault(status=503, retry_after=60)), pytest.raises(StoreUnavailable) as caught:
        await store.read("file")
    assert caught.value.retry_after == 60
    assert proxy.counts.total() == 1


async def test_a_short_pause_that_the_store_asks_for_is_kept(store: Store, proxy: FaultProxy) -> None:
    start = time.monotonic()
    with proxy.failing(Fault(status=429, retry_after=1, times=1)):
        await store.read("file")
    assert time.monotonic() - start >= 1


async def test_an_answer_that_breaks_off_once_is_read_again(store: Store, proxy: FaultProxy) -> None:
    with proxy.failing(Fault(method="GET", cut_after=100, times=1)):
        assert (await store.read("file")).data == b"content " * 1000
    assert proxy.counts.total() == 2


async def test_an_answer_that_always_breaks_off_is_damage(store: Store, proxy: FaultProxy) -> None:
    with proxy.failing(Fault(method="GET", cut_after=100)), pytest.raises(IntegrityFailed, match="cut short"):
        await store.read("file")
    assert proxy.counts.total() == ATTEMPTS


@pytest.mark.parametrize("length", [0, 200])
async def test_half_a_listing_is_never_taken_for_a_whole_one(store: Store, proxy: FaultProxy, length: int) -> None:
    with proxy.failing(Fault(truncate_to=length)), pytest.raises((IntegrityFailed, StoreUnavailable)):
        await keys_of(store)


async def test_a_refused_connection_is_an_outage_that_heals(store: Store, proxy: FaultProxy) -> None:
    proxy.refuse()
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1"):
        await store.read("file")
    proxy.accept()
    assert (await store.read("file")).data == b"content " * 1000


async def test_a_slow_server_is_given_up(s3_server: S3Server, bucket: str, proxy: FaultProxy) -> None:
    keys = Keys(s3_server.access_key, s3_server.secret_key)
    config = config_of(ClientInputs(keys, proxy.endpoint, s3_server.region, wire=Wire(read_seconds=0.3)))
    async with bare(bucket, config) as store:
        with proxy.failing(Fault(delay=1)), pytest.raises(StoreUnavailable, match="ReadTimeout"):
            await keys_of(store)
    assert proxy.counts.total() == 1


async def test_slow_stores_do_not_hold_up_others(s3_server: S3Server, bucket: str, proxy: FaultProxy) -> None:
    slow_options = s3_secret(s3_server, proxy.endpoint)
    with proxy.failing(Fault(delay=3)):
        async with opened(f"s3://{bucket}", slow_options) as slow:
            waiting = [asyncio.create_task(keys_of(slow)) for _ in range(40)]
            await asyncio.sleep(0.2)
            start = time.monotonic()
            async with opened(f"s3://{bucket}", s3_secret(s3_server, s3_server.endpoint)) as quick:
                await quick.write("quick", b"x")
            assert time.monotonic() - start < 2
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_write_whose_answer_got_lost_is_no_lost_race(store: Store, proxy: FaultProxy) -> None:
    with proxy.failing(Fault(method="PUT", cut_after=0, times=1)):
        version = await store.write("new", b"mine", expect=ABSENT)
    assert (await store.read("new")).version == version
    with proxy.failing(Fault(method="PUT", cut_after=0, times=1)), pytest.raises(LostRace):
        await store.write("new", b"other", expect=ABSENT)
    assert (await store.read("new")).data == b"mine"
