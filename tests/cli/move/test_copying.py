"""Copies whose stores change, fail and lie while they are copied."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from secrets import token_hex

import pytest

from clusterstate.cli.move.copying import HOPELESS, Copying
from clusterstate.cli.move.ends import End, Scope
from clusterstate.cli.move.journal import Journal
from clusterstate.errors import AccessDenied, AuthenticationFailed, ClusterStateError, StoreUnavailable
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import ABSENT, ANYTHING, LARGEST_FILE, Blob, Expect, Version
from clusterstate.store.location import Location

Hook = Callable[[str], Awaitable[None]]
CLUSTER = {f"prod/{name}": name.encode() for name in ("config", "instancegroup/a", "pki/private/ca/keyset.yaml", "x")}


async def nothing(_: str) -> None:
    """Do nothing."""


class Double(MemoryStore):
    """A store around whose reads and writes a test does what it wants."""

    def __init__(self) -> None:
        super().__init__(token_hex(8))
        self.before_read: Hook = nothing
        self.after_read: Hook = nothing
        self.before_write: Hook = nothing
        self.ending = b""
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.now = self.most = 0

    async def read(self, key: str) -> Blob:
        self.reads.append(key)
        await self.before_read(key)
        blob = await super().read(key)
        await self.after_read(key)
        return blob

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        self.writes.append(key)
        self.now += 1
        self.most = max(self.most, self.now)
        await self.before_write(key)
        await asyncio.sleep(0)
        self.now -= 1
        return await super().write(key, data + self.ending, expect=expect)

    async def put(self, key: str, data: bytes) -> None:
        """Write as somebody else does."""
        await super().write(key, data)

    def files(self) -> dict[str, bytes]:
        return {key: blob.data for key, (blob, _) in self._files.blobs.items()}


@dataclass
class Pair:
    """Two stores, and copies between them."""

    source: Double = field(default_factory=Double)
    target: Double = field(default_factory=Double)
    journal: Journal = field(default_factory=Journal)

    async def load(self, files: Mapping[str, bytes] = CLUSTER) -> None:
        for key, data in files.items():
            await self.source.put(key, data)

    def work(self, parallel: int = 4) -> Copying:
        source, target = (
            End(Location.parse(f"memfs://{name}"), store) for name, store in (("a", self.source), ("b", self.target))
        )
        return Copying(source, target, Scope(), self.journal, parallel)

    async def copy(self, *, overwrite: bool = False, parallel: int = 4) -> Copying:
        work = self.work(parallel)
        await work.run(await work.look(), overwrite=overwrite)
        return work


def failing(error: ClusterStateError, *keys: str) -> Hook:
    async def fail(key: str) -> None:
        if not keys or key in keys:
            raise error

    return fail


@pytest.fixture
def pair() -> Pair:
    return Pair()


async def test_what_is_proven_is_neither_read_nor_written_again(pair: Pair) -> None:
    await pair.load()
    report = (await pair.copy()).report
    assert pair.target.files() == CLUSTER
    assert report.copied == {key: len(data) for key, data in CLUSTER.items()}
    assert sorted(pair.target.reads) == sorted(CLUSTER), "each file is read back"
    pair.source.reads, pair.target.reads, pair.target.writes = [], [], []
    report = (await pair.copy()).report
    assert (report.copied, report.same) == ({}, {key: len(data) for key, data in CLUSTER.items()})
    assert (pair.source.reads, pair.target.reads, pair.target.writes) == ([], [], [])
    pair.journal = Journal()
    await pair.copy()
    assert sorted(pair.source.reads) == sorted(pair.target.reads) == sorted(CLUSTER), "nothing is known of them"
    assert pair.target.writes == []


async def test_two_thousand_files_a_few_at_a_time(pair: Pair) -> None:
    files = {f"c{number % 20}/pki/{number}": b"%d" % number for number in range(2000)}
    await pair.load(files)
    await pair.copy(parallel=5)
    assert pair.target.files() == files
    assert pair.target.most == 5
    assert len(pair.source.reads) == len(pair.target.writes) == 2000


async def test_config_comes_last(pair: Pair) -> None:
    await pair.load()
    await pair.copy()
    assert pair.target.writes[-1] == "prod/config"


async def test_a_file_that_changes_while_it_is_copied_is_copied_again(pair: Pair) -> None:
    await pair.load()
    changes = [b"newer", b"newest"]

    async def change(key: str) -> None:
        if key == "prod/x" and changes:
            await pair.source.put(key, changes.pop(0))

    pair.source.after_read = change
    report = (await pair.copy()).report
    assert pair.target.files() == pair.source.files() == CLUSTER | {"prod/x": b"newest"}
    assert report.failed == {}


async def test_a_file_that_never_stands_still_is_named(pair: Pair) -> None:
    await pair.load()

    async def change(key: str) -> None:
        if key == "prod/x":
            await pair.source.put(key, token_hex(9).encode())

    pair.source.after_read = change
    report = (await pair.copy()).report
    assert [*report.failed] == ["prod/x"]
    assert "changes again and again" in report.failed["prod/x"]
    assert report.copied.keys() == CLUSTER.keys()


async def test_a_file_that_goes_meanwhile_is_no_failure(pair: Pair) -> None:
    await pair.load()

    async def go(key: str) -> None:
        if key == "prod/x":
            await pair.source.delete(key)

    pair.source.before_read = go
    assert (await pair.copy()).report.failed == {}
    assert pair.target.files() == {key: data for key, data in CLUSTER.items() if key != "prod/x"}
    assert pair.target.writes[-1] == "prod/config", "only when all others are there"


async def test_one_file_that_fails_stops_neither_the_others_nor_lets_config_come(pair: Pair) -> None:
    await pair.load({**CLUSTER, "other/config": b"other"})
    pair.target.before_write = failing(AccessDenied("No."), "prod/x")
    report = (await pair.copy()).report
    assert report.failed == {
        "prod/x": "No.",
        "prod/config": "It comes last, and other files of its cluster have failed.",
    }
    assert pair.target.files().keys() == {"prod/instancegroup/a", "prod/pki/private/ca/keyset.yaml", "other/config"}
    pair.target.before_write = nothing
    assert (await pair.copy()).report.failed == {}
    assert pair.target.files() == pair.source.files()


@pytest.mark.parametrize(
    ("error", "files"), [(AuthenticationFailed("Who?"), 1), (StoreUnavailable("Not now."), HOPELESS)]
)
async def test_what_befalls_all_files_ends_the_copy(error: ClusterStateError, files: int, pair: Pair) -> None:
    await pair.load({f"prod/{number}": b"" for number in range(200)})
    pair.source.before_read = failing(error)
    with pytest.raises(type(error)):
        await pair.copy(parallel=1)
    assert len(pair.source.reads) == files


async def test_somebody_who_writes_at_the_target_meanwhile_isnt_overwritten(pair: Pair) -> None:
    await pair.load()

    async def interfere(key: str) -> None:
        if key == "prod/x" and key not in pair.target.files():
            await pair.target.put(key, b"somebody's")

    pair.target.before_write = interfere
    report = (await pair.copy(overwrite=True)).report
    assert report.failed["prod/x"] == "Somebody else wrote it at memfs://b meanwhile."
    assert pair.target.files()["prod/x"] == b"somebody's"
    assert "prod/config" not in pair.target.files()


async def test_the_same_file_written_by_somebody_else_is_as_good(pair: Pair) -> None:
    await pair.load()

    async def help_out(key: str) -> None:
        await pair.target.put(key, CLUSTER[key])

    pair.target.before_write = help_out
    assert (await pair.copy()).report.failed == {}
    assert pair.target.files() == CLUSTER


async def test_files_that_differ_are_overwritten_as_they_were_looked_at(pair: Pair) -> None:
    await pair.load()
    await pair.target.put("prod/x", b"y")
    found = await pair.work().look()
    assert [each.key for each in found.foreign] == ["prod/x"]
    assert (await pair.copy(overwrite=True)).report.failed == {}
    assert pair.target.files() == CLUSTER


async def test_our_own_older_copies_are_brought_up_to_date(pair: Pair) -> None:
    await pair.load()
    await pair.copy()
    await pair.source.put("prod/x", b"newer")
    assert (await pair.copy()).report.copied == {"prod/x": 5}
    assert pair.target.files()["prod/x"] == b"newer"


async def test_bytes_that_arrive_damaged_are_found(pair: Pair) -> None:
    await pair.load()
    pair.target.ending = b"!"
    report = (await pair.copy()).report
    assert report.copied == {}
    assert "isn't at memfs://b as it was written there" in report.failed["prod/x"]


async def test_large_files_are_copied_and_compared(pair: Pair) -> None:
    large = b"0123456789abcdef" * (LARGEST_FILE // 16 + 1)
    await pair.load({"prod/backups/large": large, "prod/small": b""})
    await pair.copy()
    assert pair.target.files() == {"prod/backups/large": large, "prod/small": b""}
    pair.journal = Journal()
    found = await pair.work().look()
    assert [each.key for each in found.same] == ["prod/backups/large", "prod/small"]


async def test_a_file_that_cant_be_compared_is_named(pair: Pair) -> None:
    await pair.load()
    await pair.target.write("prod/x", b"y", expect=ABSENT)
    pair.target.before_read = failing(AccessDenied("No."), "prod/x")
    work = await pair.copy()
    assert work.report.failed["prod/x"] == "No."


async def test_deleted_is_what_was_listed(pair: Pair) -> None:
    await pair.load()
    for key in ("gone/config", "gone/x", "gone/y"):
        await pair.target.put(key, b"old")
    work = pair.work()
    found = await work.look()
    await pair.target.put("gone/y", b"newer")
    await work.delete(found.extra)
    assert work.report.deleted == ["gone/x", "gone/config"]
    assert [*work.report.failed] == ["gone/y"]
