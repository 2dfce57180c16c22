"""Files are copied, read back, and never overwritten but where they are older copies."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from clusterstate.apply.migration import Copied, Copying
from clusterstate.errors import IntegrityFailed, MigrationRefused, StoreUnavailable
from clusterstate.state.tree import PARALLEL, Tree
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Entry, Expect, Page, Store, Version
from clusterstate.store.copying import see
from tests.store.streaming import large

FILES = {f"addons/{number}": f"content {number}".encode() * 50 for number in range(40)}


async def nothing() -> None:
    """Tell nobody."""


@dataclass
class Slow:
    """A store that gives way to others in each call, and does what a test wants before it."""

    inner: MemoryStore
    before: Callable[[str, str], None] = lambda *_: None
    reading: int = 0
    most: int = 0
    writes: list[str] = field(default_factory=list)
    garble: bool = False

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    @property
    def endpoint(self) -> str:
        return ""

    async def read(self, key: str) -> Blob:
        self.reading += 1
        self.most = max(self.most, self.reading)
        try:
            await asyncio.sleep(0)
            self.before("read", key)
            return await self.inner.read(key)
        finally:
            self.reading -= 1

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        await asyncio.sleep(0)
        self.before("write", key)
        self.writes.append(key)
        return await self.inner.write(key, data[:-1] if self.garble else data, expect=expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        await self.inner.delete(key, expect=expect)

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        return self.inner.list(prefix, after=after, shallow=shallow)

    async def close(self) -> None:
        """Keep the files."""


@dataclass
class Places:
    source: Slow
    target: Slow
    copied: Copied = field(default_factory=lambda: Copied(("test",)))

    async def copying(self, *, resumed: bool = False) -> Copying:
        there = dict((await Tree(self.target).list_files()).entries)
        trees = Tree(self.source), Tree(self.target)
        return Copying(*trees, "memfs://new", there, self.copied, resumed, nothing)

    async def entries(self) -> list[Entry]:
        return list((await Tree(self.source).list_files()).entries.values())

    async def same(self) -> bool:
        return await contents(self.source) == await contents(self.target)


async def contents(store: Slow) -> dict[str, bytes]:
    return {key: (await store.inner.read(key)).data for key in (await Tree(store).list_files()).entries}


@pytest.fixture
async def places(request: pytest.FixtureRequest) -> Places:
    made = Places(*(Slow(MemoryStore(f"{request.node.nodeid}-{name}")) for name in ("source", "target")))
    for key, data in FILES.items():
        await made.source.inner.write(key, data)
    return made


async def test_a_few_are_copied_at_the_same_time(places: Places) -> None:
    copying = await places.copying()
    await copying.copy(await places.entries())
    assert await places.same()
    assert 1 < places.source.most <= PARALLEL
    assert sum(places.copied.sizes.values()) == sum(map(len, FILES.values()))


async def test_what_was_verified_is_not_looked_at_again(places: Places) -> None:
    await (await places.copying()).copy(await places.entries())
    places.source.before = places.target.before = lambda *_: pytest.fail("nothing has changed")
    await (await places.copying(resumed=True)).copy(await places.entries())


async def test_bytes_that_come_back_otherwise_are_no_copy(places: Places) -> None:
    places.target.garble = True
    with pytest.raises(IntegrityFailed, match="isn't at memfs://new as it was written"):
        await (await places.copying()).copy(await places.entries())
    assert not places.copied.pairs


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_fails_the_next_run_completes(places: Places, seed: int) -> None:
    """Each process knows only of what it verified itself; a copy that others changed isn't one any more."""
    chance = random.Random(seed)

    def fail(verb: str, key: str) -> None:
        if chance.random() < 0.03:
            raise StoreUnavailable(f"{verb} {key}")

    for life in range(100):
        places.copied = Copied((str(life),))
        places.source.before = places.target.before = fail if life < 20 else lambda *_: None
        copying = await places.copying(resumed=True)
        if life < 20:
            await places.source.inner.write(f"addons/{chance.randrange(40)}", chance.randbytes(50))
        try:
            await copying.copy(await places.entries())
        except StoreUnavailable:
            continue
        break
    assert await places.same()


async def test_the_source_changes_under_the_copying(places: Places) -> None:
    entries = await places.entries()
    await places.source.inner.write("addons/1", b"newer")
    await places.source.inner.delete("addons/2")
    copying = await places.copying()
    await copying.copy(entries)
    await copying.copy(await places.entries())
    assert await places.same()


@pytest.mark.parametrize("case", ["stranger", "newer", "older copy"])
async def test_only_older_copies_are_overwritten(places: Places, case: str) -> None:
    entries = await places.entries()
    await places.target.inner.write("addons/1", b"other")
    away = timedelta(hours=-1 if case == "newer" else 1)
    entries = [Entry(each.key, each.version, each.size, each.modified + away) for each in entries]
    copying = await places.copying(resumed=case != "stranger")
    if case == "older copy":
        await copying.copy(entries)
        assert await places.same()
    else:
        with pytest.raises(MigrationRefused, match="addons/1"):
            await copying.compare(entries)
        with pytest.raises(MigrationRefused, match="addons/1"):
            await copying.copy(entries)
        assert (await places.target.inner.read("addons/1")).data == b"other"


async def test_a_file_that_a_listing_missed_is_met_when_it_is_written(places: Places) -> None:
    copying = await places.copying()
    await places.target.inner.write("addons/1", FILES["addons/1"])
    await places.target.inner.write("addons/2", b"theirs")
    with pytest.raises(MigrationRefused, match="addons/2"):
        await copying.copy(await places.entries())
    assert (await places.target.inner.read("addons/2")).data == b"theirs"


async def test_only_copies_of_ours_are_removed(places: Places) -> None:
    await (await places.copying()).copy(await places.entries())
    copying = await places.copying()
    await copying.remove("addons/1")
    await places.target.inner.write("addons/2", b"theirs")
    copying = await places.copying()
    with pytest.raises(MigrationRefused, match="addons/2"):
        await copying.remove("addons/2")
    assert (await contents(places.target)).keys() == FILES.keys() - {"addons/1"}


@dataclass
class Typing(Slow):
    """A store that keeps content types."""

    types: dict[str, str] = field(default_factory=dict)
    content_type: str = "binary/octet-stream"

    def typed(self, content_type: str) -> Store:
        return replace(self, content_type=content_type)

    async def read(self, key: str) -> Blob:
        return replace(await super().read(key), content_type=self.types.get(key, ""))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        version = await super().write(key, data, expect=expect)
        self.types[key] = self.content_type
        return version


async def test_content_types_come_along_where_they_say_something(places: Places) -> None:
    types = {"addons/1": "text/yaml", "addons/2": "application/octet-stream", "addons/3": "binary/octet-stream"}
    places.source = Typing(places.source.inner, types=types)
    places.target = target = Typing(places.target.inner)
    await (await places.copying()).copy(await places.entries())
    assert target.types["addons/1"] == "text/yaml"
    assert {target.types[key] for key in FILES if key != "addons/1"} == {"binary/octet-stream"}, "the target's own"


@pytest.fixture
def memories(request: pytest.FixtureRequest) -> tuple[MemoryStore, MemoryStore]:
    """A source and a target that take files of any size."""
    source, target = (MemoryStore(f"{request.node.nodeid}-{name}") for name in ("source", "target"))
    return source, target


async def listed(store: MemoryStore) -> dict[str, Entry]:
    return dict((await Tree(store).list_files(backups=True)).entries)


async def test_large_files_come_last_and_follow_the_same_rules(memories: tuple[MemoryStore, MemoryStore]) -> None:
    source, target = memories
    copied, order = Copied(("test",)), []

    async def tell() -> None:
        order.append(await listed(target))

    async def make(*, resumed: bool = False) -> Copying:
        return Copying(Tree(source), Tree(target), "memfs://new", await listed(target), copied, resumed, tell)

    async def digests(store: MemoryStore) -> dict[str, str]:
        return {key: (await see(store, key, each.size)).digest for key, each in (await listed(store)).items()}

    for key, data in {"backups/large": large(1), **FILES}.items():
        await source.write(key, data)
    await (await make()).copy((await listed(source)).values())
    assert "backups/large" in order[-1]
    assert not any("backups/large" in each for each in order[:-1])
    await source.write("backups/large", large(2))
    await (await make()).copy((await listed(source)).values())
    assert await digests(target) == await digests(source), "an older copy of ours is replaced"
    await target.write("backups/large", large(3))
    await source.write("backups/large", large(4))
    copying = await make()
    for work in (copying.compare, copying.copy):
        with pytest.raises(MigrationRefused, match="backups/large"):
            await work((await listed(source)).values())
    await target.write("backups/large", large(4))
    await (await make()).compare((await listed(source)).values())
    assert await digests(target) == await digests(source)
    assert copied.sizes["backups/large"] == len(large(4))


async def test_who_runs_out_of_time_with_a_large_file_is_advised(memories: tuple[MemoryStore, MemoryStore]) -> None:
    source, target = memories
    await source.write("backups/large", large(1))
    copying = Copying(Tree(source), Tree(target), "memfs://new", {}, Copied(("test",)), resumed=False, tell=nothing)
    assert copying.advice == ""
    task = asyncio.create_task(copying.copy((await listed(source)).values()))
    while not copying.large:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "backups/large is copied by one run or not at all" in copying.advice
    assert "raise spec.sync.timeout" in copying.advice
    await copying.copy((await listed(source)).values())
