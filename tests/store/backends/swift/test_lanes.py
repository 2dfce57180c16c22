"""Shares of the threads: calls count for the host of the account, which all but the first go to."""

from itertools import chain

from aiohttp import web

from clusterstate.store.backends.swift.client import Client
from clusterstate.store.backends.swift.container import Container
from clusterstate.store.backends.swift.store import make_store
from clusterstate.store.threads import HOST_LANE, host_lane
from tests.store.backends.swift.doubles import LOGIN, inputs_of, token
from tests.store.canned import canned
from tests.store.conformance import keys_of


def answer(request: web.Request) -> web.Response:
    """Keystone is at 127.0.0.1, and the account at localhost, which is another host by its name."""
    account = f"http://{request.host.replace('127.0.0.1', 'localhost')}/v1/AUTH_1"
    return token(account) if request.path == LOGIN else web.Response(text="[]")


async def test_calls_count_for_the_host_of_the_account_once_it_is_known() -> None:
    async with canned(answer) as server:
        client = Client(inputs_of(server.endpoint))
        store = make_store(Container("acme", client))
        assert client.lane._within is host_lane("127.0.0.1", named=True)
        await keys_of(store)
        lane = client.lane
        assert lane._within is host_lane("localhost", named=True)
        taken = [await host_lane("127.0.0.1", named=True).enter() for _ in range(HOST_LANE)]
        client._plugin.invalidate()
        client._account = None
        assert await keys_of(store) == [], "though Keystone's host has no thread left"
        assert client.lane is lane, "another token of the same host is no other share"
    for place in chain(*taken):
        place.release()
