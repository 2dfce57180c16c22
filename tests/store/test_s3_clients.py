"""Clients are shared by equal inputs, and by nothing less."""

import asyncio
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from aiohttp import web

from clusterstate.store.endpoints import EndpointPolicy
from clusterstate.store.s3.clients import Clients, machine_region, with_region
from clusterstate.store.s3.config import DEFAULT_REGION, ClientInputs, Keys
from tests.store.canned import canned

ONE = ClientInputs(Keys("access", "secret"), "http://127.0.0.1:9", "us-east-1")
OTHERS = [
    replace(ONE, keys=Keys("other", "secret")),
    replace(ONE, keys=Keys("access", "other")),
    replace(ONE, keys=Keys("access", "secret", "token")),
    replace(ONE, endpoint="http://127.0.0.1:10"),
    replace(ONE, region="eu-west-1"),
    replace(ONE, guard=EndpointPolicy()),
    replace(ONE, guard=EndpointPolicy(allowed=("127.0.0.1",))),
]


@pytest.mark.parametrize("other", OTHERS)
def test_two_inputs_never_share_a_client(other: ClientInputs) -> None:
    clients = Clients()
    assert clients.get(ONE) is not clients.get(other)


def test_equal_inputs_share_one() -> None:
    clients = Clients()
    assert clients.get(ONE) is clients.get(replace(ONE))


def test_many_threads_make_one_client() -> None:
    clients = Clients()
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: clients.get(ONE), range(32)))
    assert len(set(map(id, made))) == 1


def test_the_longest_unused_goes_first() -> None:
    clients = Clients(most=2)
    one, two, three = (replace(ONE, region=region) for region in ("a-1", "b-1", "c-1"))
    first, second = clients.get(one), clients.get(two)
    assert clients.get(one) is first
    clients.get(three)
    assert clients.get(one) is first
    assert clients.get(two) is not second


def test_what_nobody_asks_for_is_dropped_with_its_keys() -> None:
    now = [0.0]
    clients = Clients(seconds=60, clock=lambda: now[0])
    old = weakref.ref(clients.get(ONE))
    now[0] = 59
    clients.get(OTHERS[0])
    assert old() is clients.get(ONE)
    now[0] = 120
    clients.get(OTHERS[0])
    gc.collect()
    assert old() is None


def test_facts_are_per_bucket_and_owner() -> None:
    client = Clients().get(ONE)
    assert client.facts("b", "") is client.facts("b", "")
    assert client.facts("b", "") is not client.facts("c", "")
    assert client.facts("b", "") is not client.facts("b", "123456789012")


def test_no_text_of_inputs_shows_a_key() -> None:
    assert "secret" not in repr(ONE).replace("secret_key", "")
    assert "access'" not in repr(ONE)


def test_the_region_is_the_one_given_else_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    machine_region.cache_clear()
    assert with_region(ClientInputs(None, region="eu-west-1")).region == "eu-west-1"
    assert with_region(ClientInputs(None)).region == DEFAULT_REGION
    machine_region.cache_clear()


async def test_the_machine_is_asked_by_its_metadata_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: web.Request) -> web.Response:
        return web.Response(text="token" if request.method == "PUT" else "eu-west-3a")

    async with canned(answer) as server:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.endpoint)
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
        machine_region.cache_clear()
        assert (await asyncio.to_thread(with_region, ClientInputs(None))).region == "eu-west-3"
        assert (await asyncio.to_thread(with_region, ClientInputs(None))).region == "eu-west-3"
    machine_region.cache_clear()
    assert [request.method for request in server.requests] == ["PUT", "GET"]
