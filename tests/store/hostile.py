"""Endpoints that mean harm: no answer of theirs takes the operator's memory, threads or time from others.

`HostileConformance` is the exam of backends that ask one bucket for everything; what it is made of serves others.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from aiohttp import web

from clusterstate.errors import EndpointRefused, StoreRefused, StoreUnavailable
from clusterstate.store.base import LARGEST_FILE, Store, streams
from clusterstate.store.connections import LARGEST_ANSWER
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.listing import MOST_PAGES
from clusterstate.store.resolver import RESOLVER
from clusterstate.store.threads import HOST_LANE, LANE, host_lane
from clusterstate.store.wire import Wire
from tests.store.canned import canned
from tests.store.conformance import Examined, keys_of
from tests.store.opening import LOOPBACK
from tests.store.serving import Speak, dribble, dripping, pouring, serving
from tests.store.streaming import Parts


async def all_threads_come_back() -> None:
    """Wait until the host's threads, all of them, can be had at the same time."""
    lane, together = host_lane("127.0.0.1", named=True), threading.Barrier(HOST_LANE)
    await asyncio.gather(*(lane.run(together.wait) for _ in range(HOST_LANE)))


def make_head(*headers: tuple[str, str]) -> bytes:
    """Give the head of an answer that is well."""
    lines = ["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers)]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


async def drip_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")  # a ServerHello of 16 KiB begins
    await dribble(reader, writer)


GUARDED = Wire(guard=LOOPBACK)
HASTY = replace(GUARDED, call_seconds=0.3)
OpenAt = Callable[[str], AbstractAsyncContextManager[Store]]
BareAt = Callable[[str, Wire], AbstractAsyncContextManager[Store]]


class HostileConformance(Examined):
    """Asks for two ways to open the bucket `url` at an endpoint: `open_at` as the operator does, and `bare_at`.

    The latter takes a wire and gives a store without wrappers.
    """

    url: ClassVar[str]
    version: ClassVar[tuple[str, str]] = ("ETag", '"1"')
    """The header that a file's version is in."""
    page: ClassVar[str]
    """A listing of nothing in XML, with `{more}` (true or false) and `{follows}`, what it is told to go on with."""
    follows: ClassVar[str] = "<NextContinuationToken>{token}</NextContinuationToken>"

    def dripping(self) -> Speak:
        return dripping(make_head(self.version, ("Content-Length", "100000")))

    def pouring(self) -> Speak:
        return pouring(make_head(self.version, ("Transfer-Encoding", "chunked")))

    def listing(self, token: str = "") -> web.Response:
        follows = self.follows.format(token=token) if token else ""
        text = self.page.format(more=str(bool(token)).lower(), follows=follows)
        return web.Response(text=text, content_type="application/xml")

    def endless(self, token: Callable[[int], str]) -> Callable[[web.Request], web.Response]:
        """Answer with pages that go on; `token` makes the next one's token from the number of the page."""
        numbers = iter(range(1 << 30))
        return lambda _: self.listing(token(next(numbers)))

    @pytest.mark.parametrize("work", ["read", "list", "download"])
    async def test_dripping_bytes_do_not_stretch_a_call(self, bare_at: BareAt, work: str) -> None:
        async with serving(self.dripping()) as endpoint:
            async with bare_at(endpoint, HASTY) as store:
                with pytest.raises(StoreUnavailable, match=r"within 0\.3 seconds"):
                    await {
                        "read": lambda: store.read("file"),
                        "list": lambda: keys_of(store),
                        "download": lambda: streams(store).download("file", Parts(), size=0),
                    }[work]()
            await all_threads_come_back()

    async def test_a_handshake_that_drips_is_given_up(self, bare_at: BareAt, certificates: Path) -> None:
        """The authority is read beforehand: giving up between connection and handshake is another matter."""
        wire = replace(HASTY, ca_bundle=(certificates / "ca.crt").read_text())
        async with serving(drip_handshake) as endpoint, bare_at(endpoint.replace("http:", "https:"), wire) as store:
            errors = await asyncio.gather(*(store.read("file") for _ in range(LANE)), return_exceptions=True)
            await all_threads_come_back()
        told = "The store didn't finish a call within 0.3 seconds. It is tried again."
        assert {str(error) for error in errors} == {told}

    async def test_of_a_name_with_several_addresses_one_that_answers_is_enough(
        self, bare_at: BareAt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(RESOLVER, "_lookup", lambda _: ("127.0.0.2", "127.0.0.3", "127.0.0.1"))
        async with canned(lambda _: self.listing()) as server:
            endpoint = server.endpoint.replace("127.0.0.1", "several.example")
            async with bare_at(endpoint, Wire(guard=EndpointPolicy(allowed=("127.0.0.0/8",)))) as store:
                assert await keys_of(store) == []
            assert "several.example:" in server.requests[0].host

    async def test_a_name_that_changes_its_address_afterwards_gets_nowhere(
        self, bare_at: BareAt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(RESOLVER, "_lookup", lambda _: ("127.0.0.1", "169.254.169.254"))
        async with canned(lambda _: self.listing()) as server:
            async with bare_at(server.endpoint.replace("127.0.0.1", "changing.example"), GUARDED) as store:
                with pytest.raises(EndpointRefused, match=r"changing\.example is link-local"):
                    await keys_of(store)
            assert server.requests == []

    async def test_a_file_without_end_is_refused(self, open_at: OpenAt) -> None:
        async with serving(self.pouring()) as endpoint, open_at(endpoint) as store:
            with pytest.raises(StoreRefused, match=f"{self.url}/prod/config has more than {LARGEST_FILE} bytes"):
                await store.read("prod/config")

    async def test_the_largest_file_is_read_whole(self, open_at: OpenAt) -> None:
        data = bytes(LARGEST_FILE)
        async with (
            canned(lambda _: web.Response(body=data, headers=dict([self.version]))) as server,
            open_at(server.endpoint) as store,
        ):
            assert (await store.read("file")).data == data

    async def test_any_other_answer_without_end_is_refused(self, open_at: OpenAt) -> None:
        async with serving(self.pouring()) as endpoint, open_at(endpoint) as store:
            with pytest.raises(StoreRefused, match=rf"127\.0\.0\.1 gave an answer of more than {LARGEST_ANSWER} bytes"):
                await keys_of(store)

    async def test_a_listing_that_repeats_itself_ends(self, open_at: OpenAt) -> None:
        async with canned(self.endless(lambda _: "same")) as server:
            async with open_at(server.endpoint) as store:
                with pytest.raises(StoreRefused, match="repeats a page"):
                    await keys_of(store)
            assert len(server.requests) == 2

    async def test_a_listing_without_end_ends(self, open_at: OpenAt) -> None:
        async with canned(self.endless(lambda number: f"token-{number}")) as server:
            async with open_at(server.endpoint) as store:
                with pytest.raises(StoreRefused, match=f"prod/ has no end after {MOST_PAGES} pages"):
                    await keys_of(store, "prod/")
            assert len(server.requests) == MOST_PAGES + 1
