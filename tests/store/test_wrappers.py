from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count

import pytest

from clusterstate.errors import IntegrityFailed, KeyNotFound, LostRace, StoreError, StoreRefused, StoreUnavailable
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import (
    ABSENT,
    ANYTHING,
    LARGEST_FILE,
    Blob,
    Capabilities,
    Entry,
    Expect,
    Page,
    Sink,
    Store,
    Streamed,
    Version,
)
from clusterstate.store.body import Body
from clusterstate.store.counting import Counting, RequestCounts
from clusterstate.store.listing import MOST_PAGES
from clusterstate.store.wrappers import ATTEMPTS, LONGEST_DELAY, Prefixed, ReadOnly, Retrying
from tests.store.conformance import StoreConformance, keys_of, pages_of
from tests.store.streaming import LARGE, Parts, Watched, large


class Flaky:
    """A memory store whose next calls fail; `late` ones do their work first, as when an answer gets lost."""

    def __init__(self, name: str) -> None:
        self.inner = MemoryStore(name)
        self.errors: list[StoreError] = []
        self.late = False
        self.calls = 0

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    def fail(self) -> None:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)

    async def read(self, key: str) -> Blob:
        self.fail()
        return await self.inner.read(key)

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        if self.late and self.errors:
            await self.inner.write(key, data, expect=expect)
        self.fail()
        return await self.inner.write(key, data, expect=expect)

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        if self.late and self.errors:
            to.write(b"the beginning")
        self.fail()
        return await self.inner.download(key, to, size=size)

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        if self.late and self.errors:
            await self.inner.upload(key, body, expect=expect)
        self.fail()
        return await self.inner.upload(key, body, expect=expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        if self.late and self.errors:
            await self.inner.delete(key, expect=expect)
        self.fail()
        await self.inner.delete(key, expect=expect)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        self.fail()
        async for page in self.inner.list(prefix, after=after, shallow=shallow):
            yield page
            self.fail()

    async def close(self) -> None:
        pass


class Endless(MemoryStore):
    """Has always one more page."""

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        del prefix, shallow
        for number in count(int(after or "0") + 1):
            yield Page((Entry(f"{number:06}", Version("1"), 1, datetime.now(UTC)),))


class Pauses:
    """A clock that doesn't wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def flaky(request: pytest.FixtureRequest) -> Flaky:
    return Flaky(f"flaky-{request.node.nodeid}")


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def retrying(flaky: Flaky, pauses: Pauses) -> Retrying:
    return Retrying(flaky, pauses)


class TestWrapped(StoreConformance):
    """All wrappers together keep the contract."""

    row = "memfs, in all wrappers"
    no_markers = "only stores write there, and they take no such key"

    @pytest.fixture
    def store(self, request: pytest.FixtureRequest) -> Store:
        inner = MemoryStore(f"wrapped-{request.node.nodeid}")
        return Retrying(Counting(Prefixed(inner, "some/prefix"), RequestCounts(), "s3"))

    @pytest.fixture
    def rival(self, request: pytest.FixtureRequest) -> Store:
        return Prefixed(Prefixed(MemoryStore(f"wrapped-{request.node.nodeid}"), "some"), "prefix")


@pytest.mark.parametrize("kind", [StoreUnavailable, IntegrityFailed])
async def test_what_fails_by_chance_is_repeated(retrying: Retrying, flaky: Flaky, kind: type[StoreError]) -> None:
    flaky.errors = [kind("once"), kind("twice")]
    await retrying.write("file", b"x")
    assert flaky.calls == 3


async def test_a_large_file_is_repeated_from_its_beginning(retrying: Retrying, flaky: Flaky) -> None:
    """Up and down; a write whose answer was lost is known by what is there then."""
    with Watched.of(large(1)) as body, Watched.of(large(2)) as other:
        flaky.late, flaky.errors = True, [StoreUnavailable("once")]
        version = await retrying.upload("file", body, expect=ABSENT)
        flaky.errors = [StoreUnavailable("once"), IntegrityFailed("twice")]
        parts = Parts()
        assert await retrying.download("file", parts, size=LARGE) == Streamed(version)
        assert parts.data == large(1)
        flaky.late, flaky.errors = False, [StoreUnavailable("once")]
        with pytest.raises(LostRace):
            await retrying.upload("file", other, expect=ABSENT)
        flaky.errors = [StoreUnavailable("once")]
        with pytest.raises(LostRace):
            await retrying.upload("missing", other, expect=version)


async def test_attempts_are_bounded_and_delays_grow(retrying: Retrying, flaky: Flaky, pauses: Pauses) -> None:
    flaky.errors = [StoreUnavailable(str(number)) for number in range(10)]
    with pytest.raises(StoreUnavailable, match="3"):
        await retrying.read("file")
    assert flaky.calls == ATTEMPTS
    assert len(pauses.seconds) == ATTEMPTS - 1
    for pause, longest in zip(pauses.seconds, (0.2, 0.4, 0.8), strict=True):
        assert longest / 2 <= pause <= longest


async def test_what_no_repetition_mends_is_not_repeated(retrying: Retrying, flaky: Flaky, pauses: Pauses) -> None:
    for error in (LostRace("x"), StoreRefused("x"), KeyNotFound("x")):
        flaky.errors = [error]
        with pytest.raises(type(error)):
            await retrying.write("file", b"x")
    assert pauses.seconds == []


async def test_a_pause_that_was_asked_for_is_kept(retrying: Retrying, flaky: Flaky, pauses: Pauses) -> None:
    await flaky.inner.write("file", b"x")
    flaky.errors = [StoreUnavailable("wait", retry_after=3)]
    await retrying.read("file")
    assert pauses.seconds == [3]


async def test_too_long_a_pause_is_the_callers_business(retrying: Retrying, flaky: Flaky, pauses: Pauses) -> None:
    flaky.errors = [StoreUnavailable("wait", retry_after=LONGEST_DELAY + 1)]
    with pytest.raises(StoreUnavailable):
        await retrying.read("file")
    assert pauses.seconds == []


async def test_a_create_whose_answer_was_lost_has_happened(retrying: Retrying, flaky: Flaky) -> None:
    flaky.late, flaky.errors = True, [StoreUnavailable("lost")]
    version = await retrying.write("file", b"mine", expect=ABSENT)
    assert (await flaky.inner.read("file")) == Blob(b"mine", version)


async def test_an_update_whose_answer_was_lost_has_happened(retrying: Retrying, flaky: Flaky) -> None:
    before = await flaky.inner.write("file", b"before")
    flaky.late, flaky.errors = True, [StoreUnavailable("lost")]
    version = await retrying.write("file", b"mine", expect=before)
    assert (await flaky.inner.read("file")) == Blob(b"mine", version)


async def test_somebody_elses_bytes_are_a_lost_race(retrying: Retrying, flaky: Flaky) -> None:
    await flaky.inner.write("file", b"theirs")
    flaky.errors = [StoreUnavailable("lost")]
    with pytest.raises(LostRace):
        await retrying.write("file", b"mine", expect=ABSENT)


async def test_a_file_that_vanished_meanwhile_is_a_lost_race(retrying: Retrying, flaky: Flaky) -> None:
    flaky.errors = [StoreUnavailable("lost")]
    with pytest.raises(LostRace):
        await retrying.write("file", b"mine", expect=Version("gone"))


async def test_when_the_outcome_stays_unknown_it_is_an_outage(retrying: Retrying, flaky: Flaky) -> None:
    await flaky.inner.write("file", b"theirs")
    flaky.errors = [StoreUnavailable("lost"), LostRace("mine?"), *[StoreUnavailable("down")] * ATTEMPTS]
    with pytest.raises(StoreUnavailable):
        await retrying.write("file", b"mine", expect=ABSENT)
    assert flaky.calls == 2 + ATTEMPTS


async def test_a_delete_whose_answer_was_lost_has_happened(retrying: Retrying, flaky: Flaky) -> None:
    version = await flaky.inner.write("file", b"x")
    flaky.late, flaky.errors = True, [StoreUnavailable("lost")]
    await retrying.delete("file", expect=version)
    assert await keys_of(flaky.inner) == []


async def test_a_listing_goes_on_behind_the_last_page(retrying: Retrying, flaky: Flaky) -> None:
    keys = [f"{number:04}" for number in range(2500)]
    for key in keys:
        await flaky.inner.write(key, b"")
    seen = []
    async for page in retrying.list():
        seen += [entry.key for entry in page.entries]
        flaky.errors = [StoreUnavailable("between pages")] * 3
    assert seen == keys


async def test_a_shallow_listing_repeats_no_folder(retrying: Retrying, flaky: Flaky) -> None:
    for number in range(1500):
        await flaky.inner.write(f"{number:04}/file", b"")
    folders: list[str] = []
    async for page in retrying.list(shallow=True):
        folders += page.prefixes
        flaky.errors = [StoreUnavailable("between pages")]
        assert len(folders) <= 1500
    assert folders == [f"{number:04}/" for number in range(1500)]


async def test_a_prefix_hides_the_rest() -> None:
    inner = MemoryStore("prefix-hides")
    for key in ("a/file", "a/deep/file", "ab/file", "file"):
        await inner.write(key, b"x")
    store = Prefixed(inner, "a")
    assert await keys_of(store) == ["deep/file", "file"]
    assert await pages_of(store, shallow=True) == [Page((await pages_of(store, "file"))[0].entries, ("deep/",))]
    with pytest.raises(StoreRefused):
        await store.read("../ab/file")


async def test_read_only_refuses_every_write() -> None:
    inner = MemoryStore("read-only")
    version = await inner.write("file", b"x")
    store = ReadOnly(inner)
    with pytest.raises(StoreRefused, match=r"bug.*would have written the file file"):
        await store.write("file", b"y", expect=version)
    with pytest.raises(StoreRefused, match=r"bug.*would have written the file new"):
        await store.write("new", b"y", expect=ABSENT)
    with Watched.of(b"y") as body, pytest.raises(StoreRefused, match=r"bug.*would have written the file file"):
        await store.upload("file", body, expect=version)
    parts = Parts()
    assert await store.download("file", parts, size=1) == Streamed(version)
    assert parts.data == b"x"
    with pytest.raises(StoreRefused, match=r"bug.*would have deleted the file file"):
        await store.delete("file", expect=version)
    assert await store.read("file") == Blob(b"x", version)
    assert await keys_of(store) == ["file"]
    assert store.capabilities == inner.capabilities
    await store.close()


async def test_a_listing_that_fails_again_and_again_ends_too(retrying: Retrying, flaky: Flaky) -> None:
    flaky.inner = Endless("endless")
    pages = 0

    async def go_on() -> None:
        nonlocal pages
        async for _ in retrying.list():
            pages += 1
            flaky.errors = [StoreUnavailable("between pages")] if pages % 50 == 0 else []

    with pytest.raises(StoreRefused, match=f"no end after {MOST_PAGES} pages"):
        await go_on()
    assert pages == MOST_PAGES


async def test_requests_are_counted_by_kind(flaky: Flaky) -> None:
    counts = RequestCounts()
    store = Counting(flaky, counts, "s3")
    for number in range(1001):
        await store.write(f"{number:04}", b"x")
    await store.read("0000")
    with pytest.raises(KeyNotFound):
        await store.read("missing")
    assert len(await keys_of(store)) == 1001
    assert await keys_of(store, "nothing/") == []
    await store.delete("0000")
    assert counts == RequestCounts(reads=2, writes=1001, deletes=1, lists=3)
    assert counts.total == 1007


async def test_what_nobody_could_read_back_is_not_written(retrying: Retrying, flaky: Flaky) -> None:
    await retrying.write("file", bytes(LARGEST_FILE))
    with pytest.raises(StoreRefused, match=f"The file file has more than {LARGEST_FILE} bytes"):
        await retrying.write("file", bytes(LARGEST_FILE + 1))
    assert flaky.calls == 1
