"""Endpoints that mean harm: no answer of theirs takes the operator's memory, threads or time from others."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from aiohttp import web

from clusterstate.errors import StoreRefused, StoreUnavailable
from clusterstate.store.backends.gcs.config import Own, make_config
from clusterstate.store.base import LARGEST_FILE, Store
from clusterstate.store.connections import LARGEST_ANSWER
from clusterstate.store.listing import MOST_PAGES
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.gcs.stores import of_config
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.opening import LOOPBACK, ambient, opened
from tests.store.serving import dripping, pouring, serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Goog-Generation: 7\r\n"
ENDLESS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIP = HEAD + b"Content-Length: 100000\r\n\r\n"


def acme(endpoint: str) -> AbstractAsyncContextManager[Store]:
    """Open the bucket acme as nobody, as at an emulator: what counts is what comes back."""
    return opened("gs://acme", ambient("gs", {"STORAGE_EMULATOR_HOST": endpoint}))


async def test_a_file_without_end_is_refused_by_its_name() -> None:
    async with serving(pouring(ENDLESS)) as endpoint, acme(endpoint) as store:
        with pytest.raises(StoreRefused, match=f"gs://acme/prod/config has more than {LARGEST_FILE} bytes"):
            await store.read("prod/config")


async def test_any_other_answer_without_end_is_refused() -> None:
    async with serving(pouring(ENDLESS)) as endpoint, acme(endpoint) as store:
        with pytest.raises(StoreRefused, match=rf"127\.0\.0\.1 gave an answer of more than {LARGEST_ANSWER} bytes"):
            await keys_of(store)


async def test_the_largest_file_is_read_whole() -> None:
    data = bytes(LARGEST_FILE)
    headers = {"X-Goog-Generation": "7"}
    async with canned(lambda _: web.Response(body=data, headers=headers)) as server, acme(server.endpoint) as store:
        assert (await store.read("file")).data == data


async def test_a_packed_file_is_bounded_unpacked() -> None:
    def answer(_: web.Request) -> web.Response:
        response = web.Response(body=bytes(LARGEST_FILE + 1), headers={"X-Goog-Generation": "7"})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with canned(answer) as server, acme(server.endpoint) as store:
        with pytest.raises(StoreRefused, match=f"gs://acme/file has more than {LARGEST_FILE} bytes"):
            await store.read("file")


async def test_a_file_that_nobody_could_read_is_not_written() -> None:
    """And the SDK doesn't get to send it in parts, to wherever the service says."""
    async with canned(lambda _: web.Response()) as server, acme(server.endpoint) as store:
        with pytest.raises(StoreRefused, match=f"gs://acme/file has more than {LARGEST_FILE} bytes"):
            await store.write("file", bytes(LARGEST_FILE + 1))
    assert server.requests == []


@pytest.mark.parametrize("work", ["read", "list"])
async def test_dripping_bytes_do_not_stretch_a_call(work: str) -> None:
    async with serving(dripping(DRIP)) as endpoint:
        credentials = ambient("gs", {"STORAGE_EMULATOR_HOST": endpoint})
        config = make_config(Opening(Location("gs", "acme"), StoreOptions(), credentials, LOOPBACK))
        assert config.inputs.who is Own.NOBODY
        wire = replace(config.inputs.wire, call_seconds=0.3)
        store = of_config("acme", replace(config, inputs=replace(config.inputs, wire=wire)))
        with pytest.raises(StoreUnavailable, match=r"within 0\.3 seconds"):
            await (store.read("file") if work == "read" else keys_of(store))


def endless(token: Callable[[int], str]) -> Callable[[web.Request], web.Response]:
    """Answer with pages that go on; `token` makes the next one's token from the number of the page."""
    numbers = iter(range(1 << 30))
    return lambda _: web.json_response({"kind": "storage#objects", "nextPageToken": token(next(numbers))})


async def test_a_listing_that_repeats_itself_ends() -> None:
    async with canned(endless(lambda _: "same")) as server:
        async with acme(server.endpoint) as store:
            with pytest.raises(StoreRefused, match="repeats a page"):
                await keys_of(store)
        assert len(server.requests) == 2


async def test_a_listing_without_end_ends() -> None:
    async with canned(endless(str)) as server:
        async with acme(server.endpoint) as store:
            with pytest.raises(StoreRefused, match=f"prod/ has no end after {MOST_PAGES} pages"):
                await keys_of(store, "prod/")
        assert len(server.requests) == MOST_PAGES + 1


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
