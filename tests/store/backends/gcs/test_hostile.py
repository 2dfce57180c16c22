"""Endpoints that mean harm: no answer of theirs takes the operator's memory, threads or time from others."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from clusterstate.errors import StoreRefused
from clusterstate.store.backends.gcs.config import Own, make_config
from clusterstate.store.base import LARGEST_FILE, Store
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.wire import Wire
from tests.store.backends.gcs.stores import of_config
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.hostile import BareAt, HostileConformance, OpenAt
from tests.store.opening import LOOPBACK, ambient, opened


def acme(endpoint: str) -> AbstractAsyncContextManager[Store]:
    """Open the bucket acme as nobody, as at an emulator: what counts is what comes back."""
    return opened("gs://acme", ambient("gs", {"STORAGE_EMULATOR_HOST": endpoint}))


@asynccontextmanager
async def bare_at(endpoint: str, wire: Wire) -> AsyncIterator[Store]:
    credentials = ambient("gs", {"STORAGE_EMULATOR_HOST": endpoint})
    config = make_config(Opening(Location("gs", "acme"), StoreOptions(), credentials, LOOPBACK))
    assert config.inputs.who is Own.NOBODY
    store = of_config("acme", replace(config, inputs=replace(config.inputs, wire=wire)))
    yield store
    await store.close()


class TestGcsHostile(HostileConformance):
    row = "gs (fake-gcs-server)"
    url = "gs://acme"
    version = ("X-Goog-Generation", "7")

    @pytest.fixture
    def open_at(self) -> OpenAt:
        return acme

    @pytest.fixture
    def bare_at(self) -> BareAt:
        return bare_at

    def listing(self, token: str = "") -> web.Response:
        return web.json_response({"kind": "storage#objects", **({"nextPageToken": token} if token else {})})


async def test_a_packed_file_is_bounded_unpacked() -> None:
    def answer(_: web.Request) -> web.Response:
        response = web.Response(body=bytes(LARGEST_FILE + 1), headers={"X-Goog-Generation": "7"})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with canned(answer) as server, acme(server.endpoint) as store:
        with pytest.raises(StoreRefused, match=f"gs://acme/file has more than {LARGEST_FILE} bytes"):
            await store.read("file")


async def test_a_page_is_one_request_that_asks_for_what_is_needed() -> None:
    item = {"name": "b", "generation": "7", "size": "1", "updated": "2026-01-01T00:00:00.000Z"}
    marker = {**item, "name": "folder/", "size": "0"}
    pages = iter([{"items": [item | {"name": "a"}, item], "nextPageToken": "more"}, {"items": [marker]}])

    async with (
        canned(lambda _: web.json_response({"kind": "storage#objects", **next(pages)})) as server,
        acme(server.endpoint) as store,
    ):
        assert await keys_of(store, after="a") == ["b"]
    first, second = (dict(request.query) for request in server.requests)
    assert (
        first.pop("fields") == second.pop("fields") == "kind,items(name,generation,size,updated),prefixes,nextPageToken"
    )
    assert (first["maxResults"], first["startOffset"], first.get("pageToken")) == ("1000", "a", None)
    assert (second["maxResults"], second["pageToken"]) == ("1000", "more")
