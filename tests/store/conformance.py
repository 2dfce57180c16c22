"""The exam that every backend takes: what a store does when all is well. See `faults` for the rest of it.

A backend's test class inherits `StoreConformance`, names its `row` of the table that the run prints, which begins with
the scheme, and gives its fixtures: `store` is an empty store, `rival` another one at the same place, as a second
operator would have it. Where backends differ, the class says by `promises` what its endpoint keeps. Which row has to
take which exam is written down in `test_rows`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from clusterstate.errors import KeyNotFound, LostRace, StoreRefused, StoreUnsupported
from clusterstate.store.base import (
    ABSENT,
    ANYTHING,
    Capabilities,
    Entry,
    Page,
    Store,
    Streamed,
    Streams,
    Version,
    streams,
    typed,
)
from clusterstate.store.sinks import PART
from tests.store.streaming import LARGE, Parts, Watched, large
from tests.support.table import CHECK, STORE

LONG = "/".join(["x" * 180, *["x" * 179] * 4])
"""900 bytes, in segments that file systems take."""
ODD_KEYS = [
    "a b/c d",
    "plus+plus",
    "per%cent/%2F",
    "é/ü/日本",
    "tilde~",
    "co:lon",
    "q?uestion#hash&amp;=",
    "back\\slash",
    "quote\"'s",
    "-dash/.dot/..dots",
    "emoji-😀",
    LONG,
]
UNTYPED = ("file", "k8s", "memfs")
"""Schemes whose stores keep no content type."""
TWO_PAGES = 1100
NEVER = Version("0123456789abcdef0123456789abcdef")
FIVE_MIB = bytes(range(256)) * (5 * 4096)


async def pages_of(store: Store, prefix: str = "", *, after: str = "", shallow: bool = False) -> list[Page]:
    return [page async for page in store.list(prefix, after=after, shallow=shallow)]


async def entries_of(store: Store, prefix: str = "", *, after: str = "", shallow: bool = False) -> list[Entry]:
    return [entry for page in await pages_of(store, prefix, after=after, shallow=shallow) for entry in page.entries]


async def keys_of(store: Store, prefix: str = "", *, after: str = "", shallow: bool = False) -> list[str]:
    return [entry.key for entry in await entries_of(store, prefix, after=after, shallow=shallow)]


async def fill(store: Store, keys: list[str]) -> None:
    waiting = asyncio.Semaphore(16)

    async def put(key: str) -> None:
        async with waiting:
            await store.write(key, b"x")

    await asyncio.gather(*map(put, keys))


class Examined:
    """Whatever is examined, its row of the table is filled."""

    row: ClassVar[str]
    """The store, and the server that it is examined on."""

    @pytest.fixture(autouse=True)
    def _report(self, request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> None:
        record_property(STORE, self.row)
        record_property(CHECK, request.function.__name__.removeprefix("test_").replace("_", " "))


Mark = Callable[[str], object]


class StoreConformance(Examined):
    """Asks for `store`, `rival`, and `mark`, which puts a folder marker there by the service's own means.

    `mark` takes the key as the store would give it: it ends in `/`.
    """

    promises: ClassVar = Capabilities(atomic_create=True, atomic_update=True, atomic_delete=True)
    """What has to be known of the endpoint once it is `settle`d; `shared` doesn't count."""
    listed: ClassVar[int] = 2500
    """How many files the long listing has: three pages, or `TWO_PAGES` where another row has the same code in three."""
    no_markers: ClassVar[str] = ""
    """Why there can't be folder markers, where there can't: the row is examined without, and needs no `mark`."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.no_markers:  # `-` in the table
            cls.test_folder_markers_are_passed_over = None  # type: ignore[assignment, method-assign]

    async def test_what_was_written_is_read(self, store: Store, rival: Store) -> None:
        version = await store.write("c.example.com/config", b"one")
        blob = await rival.read("c.example.com/config")
        assert (blob.data, blob.version) == (b"one", version)

    async def test_a_content_type_is_kept(self, store: Store, rival: Store) -> None:
        """Where the store keeps such, at creates and updates alike; elsewhere it is left out."""
        for expect in (ABSENT, ANYTHING):
            version = await typed(store, "application/json").write("jwks", b"{}", expect=expect)
            blob = await rival.read("jwks")
            assert (blob.data, blob.version) == (b"{}", version)
            assert blob.content_type == ("" if self.row.startswith(UNTYPED) else "application/json")

    async def test_a_write_replaces_the_whole_file_and_changes_its_version(self, store: Store) -> None:
        first = await store.write("config", b"a long text")
        second = await store.write("config", b"short")
        assert first != second
        assert (await store.read("config")).data == b"short"

    @pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n", FIVE_MIB], ids=["empty", "binary", "5MiB"])
    async def test_any_bytes_come_back(self, store: Store, data: bytes) -> None:
        await store.write("folder/file", data)
        assert (await store.read("folder/file")).data == data
        assert [entry.size for entry in await entries_of(store)] == [len(data)]

    async def test_files_of_any_size_move_in_parts(self, store: Store, rival: Store) -> None:
        """What nobody reads whole is written under the same conditions, and given back as it is."""
        if self.row.startswith("k8s"):
            with pytest.raises(StoreUnsupported, match="up to 8388608 bytes only"):
                streams(store)
            return
        await self._check_conditions(streams(typed(store, "application/gzip")), streams(rival))
        with Watched.of(large(4)) as body:
            version = await streams(typed(store, "application/gzip")).upload("folder/large", body)
            assert self.row.startswith("memfs") or max(body.parts) <= PART
        (entry,) = await entries_of(store)
        assert (entry.key, entry.size, entry.version) == ("folder/large", LARGE, version)
        parts = Parts()
        told = await streams(rival).download("folder/large", parts, size=LARGE)
        assert told == Streamed(version, "" if self.row.startswith(UNTYPED) else "application/gzip")
        assert parts.data == large(4)
        with pytest.raises(KeyNotFound):
            await streams(store).download("folder/missing", Parts(), size=LARGE)
        with pytest.raises(StoreRefused, match="has more than 8388608 bytes"):
            await store.read("folder/large")

    async def _check_conditions(self, store: Streams, rival: Streams) -> None:
        with Watched.of(large(1)) as first, Watched.of(large(2)) as second, Watched.of(large(3)) as third:
            created = await store.upload("folder/large", first, expect=ABSENT)
            with pytest.raises(LostRace):
                await rival.upload("folder/large", second, expect=ABSENT)
            with pytest.raises(LostRace):
                await rival.upload("folder/large", second, expect=NEVER)
            await rival.upload("folder/large", second, expect=created)
            with pytest.raises(LostRace):
                await store.upload("folder/large", third, expect=created)
            with pytest.raises(LostRace):
                await store.upload("folder/never-there", third, expect=created)

    async def test_a_missing_file_is_told_apart(self, store: Store) -> None:
        await store.write("folder/file", b"x")
        for key in ("missing", "folder", "folder/file/below", "other/file"):
            with pytest.raises(KeyNotFound):
                await store.read(key)

    async def test_a_deleted_file_is_gone_and_may_be_deleted_again(self, store: Store) -> None:
        await store.write("folder/file", b"x")
        await store.delete("folder/file")
        with pytest.raises(KeyNotFound):
            await store.read("folder/file")
        assert await pages_of(store, shallow=True) in ([], [Page(())])
        await store.delete("folder/file")
        await store.delete("never/there")

    async def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        assert await keys_of(store) == []
        assert await keys_of(store, "any/") == []

    async def test_create_wants_nothing_there(self, store: Store, rival: Store) -> None:
        await store.write("new", b"mine", expect=ABSENT)
        with pytest.raises(LostRace):
            await rival.write("new", b"theirs", expect=ABSENT)
        assert (await store.read("new")).data == b"mine"

    async def test_update_wants_its_version(self, store: Store, rival: Store) -> None:
        first = await store.write("file", b"one")
        second = await rival.write("file", b"two", expect=first)
        with pytest.raises(LostRace):
            await store.write("file", b"three", expect=first)
        with pytest.raises(LostRace):
            await store.write("file", b"three", expect=NEVER)
        await store.write("file", b"three", expect=second)
        assert (await store.read("file")).data == b"three"

    async def test_update_of_a_deleted_file_is_a_lost_race(self, store: Store, rival: Store) -> None:
        version = await store.write("file", b"one")
        await rival.delete("file")
        with pytest.raises(LostRace):
            await store.write("file", b"two", expect=version)
        assert await keys_of(store) == []

    async def test_delete_wants_its_version(self, store: Store, rival: Store) -> None:
        first = await store.write("file", b"one")
        second = await rival.write("file", b"two")
        with pytest.raises(LostRace):
            await store.delete("file", expect=first)
        with pytest.raises(LostRace):
            await store.delete("file", expect=ABSENT)
        assert (await store.read("file")).data == b"two"
        await store.delete("file", expect=second)
        await store.delete("file", expect=second)
        await store.delete("file", expect=ABSENT)
        assert await keys_of(store) == []

    async def test_version_of_listing_read_and_write_agree(self, store: Store) -> None:
        version = await store.write("folder/file", b"x")
        (entry,) = await entries_of(store)
        assert entry.version == version == (await store.read("folder/file")).version
        await store.write("folder/file", b"y", expect=entry.version)

    async def test_times_have_a_zone_and_are_near(self, store: Store) -> None:
        await store.write("file", b"x")
        (entry,) = await entries_of(store)
        assert abs(datetime.now(UTC) - entry.modified) < timedelta(minutes=5)

    async def test_the_endpoint_keeps_what_it_promises(self, store: Store) -> None:
        await self.settle(store)
        found = store.capabilities
        kept = (found.atomic_create, found.atomic_update, found.atomic_delete)
        assert kept == (self.promises.atomic_create, self.promises.atomic_update, self.promises.atomic_delete)

    async def test_of_sixteen_creators_one_wins(self, store: Store, rival: Store) -> None:
        await self.settle(store)
        for number in range(3):
            key = f"race/{number}"
            writers = [(store, rival)[n % 2].write(key, f"{n}".encode(), expect=ABSENT) for n in range(16)]
            await self.check_race(store, key, writers, exactly_one=self.promises.atomic_create)

    async def test_of_sixteen_updaters_one_wins(self, store: Store, rival: Store) -> None:
        await self.settle(store)
        version = await store.write("file", b"start")
        writers = [(store, rival)[n % 2].write("file", f"{n}".encode(), expect=version) for n in range(16)]
        await self.check_race(store, "file", writers, exactly_one=self.promises.atomic_update)

    async def check_race(
        self, store: Store, key: str, writers: list[Coroutine[Any, Any, Version]], *, exactly_one: bool
    ) -> None:
        """Let them write; whoever isn't told of a lost race has written, and the file is one of theirs, whole."""
        outcomes = await asyncio.gather(*writers, return_exceptions=True)
        winners = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Version)]
        assert sum(isinstance(outcome, LostRace) for outcome in outcomes) == 16 - len(winners), outcomes
        assert (await store.read(key)).data in [f"{n}".encode() for n in winners]
        assert len(winners) == 1 if exactly_one else winners

    async def test_a_long_listing_comes_in_pages_in_order(self, store: Store) -> None:
        keys = sorted(f"{n % 7}/{n:05}" for n in range(self.listed))
        await fill(store, keys)
        pages = await pages_of(store)
        assert len(pages) == self.listed // 1000 + 1
        assert [entry.key for page in pages for entry in page.entries] == keys
        assert await keys_of(store, "3/") == [key for key in keys if key.startswith("3/")]
        assert await keys_of(store, after=keys[self.listed // 2]) == keys[self.listed // 2 + 1 :]
        assert await keys_of(store, "3/", after="3/01") == [key for key in keys if "3/01" < key < "4"]
        (folders,) = await pages_of(store, shallow=True)
        assert folders == Page((), tuple(f"{n}/" for n in range(7)))

    async def test_a_listing_may_be_left_early(self, store: Store) -> None:
        await fill(store, ["a", "b"])
        async for page in store.list():
            assert page.entries
            break

    async def test_prefixes_are_plain_and_keys_sort_by_their_bytes(self, store: Store) -> None:
        keys = ["a-b", "a/b", "a/b.d/c", "a/bc", "a0", "aé", "b", "ä", "z", "日", "😀"]
        await fill(store, keys)
        assert await keys_of(store) == sorted(keys, key=str.encode)
        assert await keys_of(store, "a/b") == ["a/b", "a/b.d/c", "a/bc"]
        assert await keys_of(store, "a/b/") == []

    async def test_a_shallow_listing_stops_at_the_next_slash(self, store: Store) -> None:
        await fill(store, ["c/config", "c/instancegroup/nodes", "c/pki/private/ca/keyset.yaml", "d/config"])
        (page,) = await pages_of(store, "c/", shallow=True)
        assert [entry.key for entry in page.entries] == ["c/config"]
        assert page.prefixes == ("c/instancegroup/", "c/pki/")
        (page,) = await pages_of(store, "c/p", shallow=True)
        assert page == Page((), ("c/pki/",))

    async def test_folder_markers_are_passed_over(self, store: Store, mark: Mark) -> None:
        for key in ("c/", "c/empty/", "c/full/"):
            mark(key)
        assert await keys_of(store) == []
        await fill(store, ["c/config", "c/full/file", "d"])
        assert await keys_of(store) == ["c/config", "c/full/file", "d"]
        assert await keys_of(store, "c/") == ["c/config", "c/full/file"]
        (page,) = await pages_of(store, shallow=True)
        assert [entry.key for entry in page.entries] == ["d"]
        assert page.prefixes == ("c/",)
        (page,) = await pages_of(store, "c/", shallow=True)
        assert [entry.key for entry in page.entries] == ["c/config"]
        assert page.prefixes == ("c/empty/", "c/full/")

    @pytest.mark.parametrize("key", ODD_KEYS)
    async def test_odd_keys_are_ordinary(self, store: Store, key: str) -> None:
        version = await store.write(key, key.encode(), expect=ABSENT)
        assert (await store.read(key)).data == key.encode()
        assert await keys_of(store) == [key]
        assert await keys_of(store, key[:-1]) == [key]
        assert await keys_of(store, after=key) == []
        await store.delete(key, expect=version)
        assert await keys_of(store) == []

    @pytest.mark.parametrize(
        "key", ["", "/a", "a/", "a//b", ".", "../a", "a/../b", "a/./b", "a\nb", "a\x00", "x" * 1025]
    )
    async def test_what_is_no_key_is_refused(self, store: Store, key: str) -> None:
        for work in (store.read(key), store.write(key, b"x"), store.delete(key)):
            with pytest.raises(StoreRefused):
                await work
        assert await keys_of(store) == []

    async def settle(self, store: Store) -> None:
        """Bring an endpoint whose capabilities have to be proven to the point where they are."""
        version = await store.write("settle", b"one")
        version = await store.write("settle", b"two", expect=version)
        await store.delete("settle", expect=version)
