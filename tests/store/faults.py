"""The rest of the exam: what a store does when something is wrong, each time with a bounded number of requests.

    FaultConformance    the service fails, breaks off, damages bytes, is slow
    RefusalConformance  the service says no: who are you, you may not, no such bucket
    ExpiryConformance   the credentials are over
    WireConformance     a private authority, a proxy, and both together

A backend's test class inherits what applies and gives the fixtures that stand first in each. Requests are counted where
they arrive, by proxies before the service, so that those count too that an SDK repeats by itself.
"""

import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    IntegrityFailed,
    LostRace,
    SpecInvalid,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.store.base import ABSENT, ANYTHING, Expect, Store, streams
from clusterstate.store.options import StoreOptions
from clusterstate.store.wrappers import ATTEMPTS
from tests.store.conformance import Examined, keys_of
from tests.store.streaming import LARGE, Parts, Watched, large
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.forwardproxy import ForwardProxy

CONTENT = b"content " * 1000


@contextmanager
def failing(faces: Sequence[FaultProxy], *faults: Fault) -> Iterator[None]:
    """Let all faces have these faults; what one of them counts, it counts for all."""
    with ExitStack() as stack:
        for face in faces:
            for fault in faults:
                stack.enter_context(face.failing(fault))
        yield


def taken(faces: Sequence[FaultProxy]) -> int:
    """Give how many requests came in since the last time."""
    number = sum(face.counts.total() for face in faces)
    for face in faces:
        face.counts.clear()
    return number


class Faced(Examined):
    """Asks for `proxy`, the face that the service shows."""

    @pytest.fixture
    def faces(self, proxy: FaultProxy) -> Sequence[FaultProxy]:
        """Everything that the stores ask: where the service that gives tokens is another one, its face too."""
        return (proxy,)


class FaultConformance(Faced):
    """Asks for `store`, opened at the `proxy`.

    `hurried` is a store at the same place that waits 0.3 seconds for a byte, without wrappers: it doesn't retry.
    """

    damage: ClassVar[tuple[type[StoreError], ...]] = (IntegrityFailed,)
    """What bytes that a digest doesn't fit are called."""
    conflict: ClassVar[Fault | None] = None
    """How the service says that another request was at work on the same file: try again."""
    requests: ClassVar[Mapping[str, int]] = {"read": 1, "write": 1, "list": 1, "delete": 1}
    """How many requests the work takes when all is well, once the store has been used."""
    questions: ClassVar[int] = 0
    """How many requests come before the one that writes, in a store's first write: whatever has to be known first."""
    write_method: ClassVar[str] = "PUT"
    """Of the request that creates a file."""
    checks_uploads: ClassVar[bool] = True
    """Whether the service refuses bytes that a digest doesn't fit; else it keeps them, and they are never given."""

    @pytest.fixture
    def cold(self, store: Store) -> Store:
        """The store, which nothing was asked of yet."""
        return store

    @pytest.fixture(autouse=True)
    async def _prepared(self, request: pytest.FixtureRequest, store: Store, proxy: FaultProxy) -> None:
        if "cold" in request.fixturenames:
            return
        await store.write("file", CONTENT)
        assert (await store.read("file")).data == CONTENT
        proxy.counts.clear()

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
    async def test_an_outage_ends_after_the_documented_requests(
        self, store: Store, proxy: FaultProxy, status: int
    ) -> None:
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
        assert (await store.read("file")).data == CONTENT

    @pytest.mark.parametrize("expect", [ANYTHING, ABSENT], ids=["write", "create"])
    async def test_an_outage_at_the_start_ends_after_the_documented_requests(
        self, cold: Store, faces: Sequence[FaultProxy], expect: Expect
    ) -> None:
        with failing(faces, Fault(status=503)), pytest.raises(StoreUnavailable, match="503"):
            await cold.write("file", b"x", expect=expect)
        assert taken(faces) == ATTEMPTS, "an attempt ends at the first request that fails"

    async def test_an_outage_of_the_first_write_alone_ends_after_the_documented_requests(
        self, cold: Store, faces: Sequence[FaultProxy]
    ) -> None:
        """What was answered before isn't asked again, or the attempts end there."""
        answered = Fault(times=self.questions)
        with failing(faces, answered, Fault(status=503)), pytest.raises(StoreUnavailable, match="503"):
            await cold.write("file", b"x")
        assert answered.times == 0
        assert taken(faces) == self.questions + ATTEMPTS

    @pytest.mark.parametrize("work", ["read", "write", "list", "delete"])
    async def test_a_short_outage_is_not_noticed(self, store: Store, proxy: FaultProxy, work: str) -> None:
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "read": lambda: store.read("file"),
            "write": lambda: store.write("file", b"x"),
            "list": lambda: keys_of(store),
            "delete": lambda: store.delete("file"),
        }
        with proxy.failing(Fault(status=503, times=2)):
            await calls[work]()
        assert proxy.counts.total() == 2 + self.requests[work]

    async def test_a_long_pause_that_the_store_asks_for_is_left_to_the_caller(
        self, store: Store, proxy: FaultProxy
    ) -> None:
        with proxy.failing(Fault(status=503, retry_after=60)), pytest.raises(StoreUnavailable) as caught:
            await store.read("file")
        assert caught.value.retry_after == 60
        assert proxy.counts.total() == 1

    async def test_a_short_pause_that_the_store_asks_for_is_kept(self, store: Store, proxy: FaultProxy) -> None:
        start = time.monotonic()
        with proxy.failing(Fault(status=429, retry_after=1, times=1)):
            await store.read("file")
        assert time.monotonic() - start >= 1

    async def test_a_conflict_is_tried_again(self, store: Store, proxy: FaultProxy) -> None:
        if self.conflict is None:
            with proxy.failing(Fault(status=409)), pytest.raises((StoreRefused, LostRace)):
                await store.write("file", b"x")
            assert proxy.counts.total() <= ATTEMPTS
            return
        self.conflict.times = 2
        with proxy.failing(self.conflict):
            await store.write("file", b"x")
        assert (await store.read("file")).data == b"x"

    async def test_an_answer_that_breaks_off_once_is_read_again(self, store: Store, proxy: FaultProxy) -> None:
        with proxy.failing(Fault(method="GET", cut_after=100, times=1)):
            assert (await store.read("file")).data == CONTENT
        assert proxy.counts.total() == 1 + self.requests["read"]

    async def test_an_answer_that_always_breaks_off_is_damage(self, store: Store, proxy: FaultProxy) -> None:
        with proxy.failing(Fault(method="GET", cut_after=100)), pytest.raises(IntegrityFailed, match="cut short"):
            await store.read("file")
        assert proxy.counts.total() == ATTEMPTS

    async def test_a_body_that_is_cut_to_fit_its_headers_is_damage(self, store: Store, proxy: FaultProxy) -> None:
        with proxy.failing(Fault(method="GET", truncate_to=1000)), pytest.raises(self.damage, match="file"):
            await store.read("file")
        assert proxy.counts.total() == ATTEMPTS

    async def test_a_bit_that_turns_over_on_the_way_here_is_damage(self, store: Store, proxy: FaultProxy) -> None:
        with proxy.failing(Fault(method="GET", corrupt=True, times=1)):
            assert (await store.read("file")).data == CONTENT
        with proxy.failing(Fault(method="GET", corrupt=True)), pytest.raises(self.damage, match="file"):
            await store.read("file")

    async def test_a_bit_that_turns_over_on_the_way_there_is_refused(self, store: Store, proxy: FaultProxy) -> None:
        with proxy.failing(Fault(corrupt_request=True)), pytest.raises(StoreError):
            await store.write("file", b"other " * 1000)
        assert proxy.counts.total() <= ATTEMPTS * self.requests["write"]
        try:
            data = (await store.read("file")).data
        except IntegrityFailed:
            assert not self.checks_uploads
        else:
            assert data == CONTENT

    async def test_a_large_file_is_sent_and_fetched_again_from_its_beginning(
        self, store: Store, proxy: FaultProxy
    ) -> None:
        if not store.capabilities.streams:
            return
        send = (Fault(method=self.write_method, times=1, status=503), Fault(corrupt_request=True, times=1))
        with Watched.of(large(1)) as body, failing([proxy], *send):
            version = await streams(store).upload("large", body)
        parts = Parts()
        fetch = (Fault(method="GET", cut_after=9 << 20, times=1), Fault(method="GET", corrupt=True, times=1))
        with failing([proxy], *fetch):
            assert (await streams(store).download("large", parts, size=LARGE)).version == version
        assert parts.data == large(1)
        assert [fault.times for fault in (*send, *fetch)] == [0] * 4

    @pytest.mark.parametrize("length", [0, 100])
    async def test_half_a_listing_is_never_taken_for_a_whole_one(
        self, store: Store, proxy: FaultProxy, length: int
    ) -> None:
        with proxy.failing(Fault(truncate_to=length)), pytest.raises((IntegrityFailed, StoreUnavailable)):
            await keys_of(store)

    async def test_a_refused_connection_is_an_outage_that_heals(self, store: Store, proxy: FaultProxy) -> None:
        proxy.refuse()
        with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1"):
            await store.read("file")
        proxy.accept()
        assert (await store.read("file")).data == CONTENT

    async def test_a_slow_server_is_given_up(self, hurried: Store, proxy: FaultProxy) -> None:
        with proxy.failing(Fault(delay=1)), pytest.raises(StoreUnavailable, match="Time"):
            await keys_of(hurried)
        assert proxy.counts.total() == 1

    async def test_a_write_whose_answer_got_lost_is_no_lost_race(self, store: Store, proxy: FaultProxy) -> None:
        with proxy.failing(Fault(method=self.write_method, cut_after=0, times=1)):
            version = await store.write("new", b"mine", expect=ABSENT)
        assert (await store.read("new")).version == version
        with proxy.failing(Fault(method=self.write_method, cut_after=0, times=1)), pytest.raises(LostRace):
            await store.write("new", b"other", expect=ABSENT)
        assert (await store.read("new")).data == b"mine"


class RefusalConformance(Faced):
    """Asks for stores that fail by who asks, or for what, and ask through the `faces` alone.

    `stranger` has wrong credentials with `canary` in them, `denied` may do nothing, `nowhere` has no bucket.
    """

    permissions: ClassVar[dict[str, str]]
    """What the message asks for when `read`, `write` or `list` is denied."""
    bucket_error: ClassVar[type[StoreError]] = StoreNotFound
    requests: ClassVar[Mapping[str, Sequence[int]]] = {
        "stranger": (1, 1, 1),
        "denied": (1, 1, 1),
        "nowhere": (1, 1, 1),
    }
    """How many requests a list, a read and a write take, one after the other; whoever has more says why."""

    @pytest.fixture
    def canary(self) -> str:
        return "canary0123456789canary"

    async def test_wrong_credentials_are_told_without_showing_them(
        self, stranger: Store, faces: Sequence[FaultProxy], canary: str
    ) -> None:
        for work, requests in zip(works_on(stranger), self.requests["stranger"], strict=True):
            with pytest.raises(AuthenticationFailed) as caught:
                await work
            assert canary not in "".join(traceback.format_exception(caught.value))
            assert caught.value.__cause__ is None
            assert caught.value.__suppress_context__
            assert taken(faces) == requests, "wrong credentials don't become right by repetition"

    async def test_who_is_denied_learns_what_to_ask_for(self, denied: Store, faces: Sequence[FaultProxy]) -> None:
        for name, work, requests in zip(
            ("list", "read", "write"), works_on(denied), self.requests["denied"], strict=True
        ):
            with pytest.raises(AccessDenied, match=self.permissions[name]):
                await work
            assert taken(faces) == requests, name

    async def test_a_missing_bucket_is_told(self, nowhere: Store, faces: Sequence[FaultProxy]) -> None:
        for work, requests in zip(works_on(nowhere), self.requests["nowhere"], strict=True):
            with pytest.raises(self.bucket_error, match="no-such"):
                await work
            assert taken(faces) == requests


class ExpiryConformance(Faced):
    """Asks for `expired`, a store whose credentials have had their time, which asks through the `faces` alone."""

    async def test_expired_credentials_are_told(self, expired: Store, faces: Sequence[FaultProxy]) -> None:
        with pytest.raises(AuthenticationFailed):
            await keys_of(expired)
        assert taken(faces) == 1


def works_on(store: Store) -> Iterator[Awaitable[object]]:
    """Give a list, a read and a write, one after the other."""
    yield keys_of(store)
    yield store.read("file")
    yield store.write("file", b"x")


Reach = Callable[[StoreOptions], AbstractAsyncContextManager[Store]]


class WireConformance(Examined):
    """Asks for `reach`, which opens a store whose every service has TLS, by a private authority, as options say."""

    @pytest.fixture
    def ca_bundle(self, certificates: Path) -> str:
        return (certificates / "ca.crt").read_text()

    async def test_a_private_authority_is_trusted_by_its_bundle_alone(self, reach: Reach, ca_bundle: str) -> None:
        async with reach(StoreOptions(ca_bundle=ca_bundle)) as store:
            await store.write("file", b"x")
            assert await keys_of(store) == ["file"]
        async with reach(StoreOptions()) as store:
            with pytest.raises(StoreRefused, match=r"isn't trusted.*caBundleRef"):
                await keys_of(store)

    async def test_a_bundle_that_is_none_is_told(self, reach: Reach) -> None:
        with pytest.raises(SpecInvalid, match="caBundleRef"):
            async with reach(StoreOptions(ca_bundle="no certificate")) as store:
                await keys_of(store)

    async def test_a_proxy_and_a_bundle_work_together(self, reach: Reach, ca_bundle: str) -> None:
        with ForwardProxy() as proxy:
            async with reach(StoreOptions(ca_bundle=ca_bundle, proxy=proxy.url)) as store:
                await store.write("file", b"x")
                assert (await store.read("file")).data == b"x"
            assert proxy.targets

    async def test_a_proxy_alone_does_not_bring_trust(self, reach: Reach) -> None:
        with ForwardProxy() as proxy:
            async with reach(StoreOptions(proxy=proxy.url)) as store:
                with pytest.raises(StoreRefused, match=r"isn't trusted"):
                    await keys_of(store)
            assert proxy.targets

    async def test_a_proxy_that_wants_a_password_gets_it(self, reach: Reach, ca_bundle: str) -> None:
        with ForwardProxy("user", "word%20canary") as proxy:
            url = proxy.url.replace("//", "//user:word%2520canary@")
            async with reach(StoreOptions(ca_bundle=ca_bundle, proxy=url)) as store:
                await store.write("file", b"x")
                assert await keys_of(store) == ["file"]
            assert proxy.targets
            async with reach(StoreOptions(ca_bundle=ca_bundle, proxy=proxy.url)) as store:
                with pytest.raises(StoreRefused, match="proxy wants") as caught:
                    await keys_of(store)
            assert "canary" not in caught.value.message
            assert proxy.denied

    async def test_a_proxy_that_is_not_there_is_an_outage(self, reach: Reach, ca_bundle: str) -> None:
        async with reach(StoreOptions(ca_bundle=ca_bundle, proxy="http://127.0.0.1:9")) as store:
            with pytest.raises(StoreUnavailable):
                await keys_of(store)
