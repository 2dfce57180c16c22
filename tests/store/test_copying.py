"""Files of every size from store to store: whole, verified, one large one at a time, and nothing left on disk."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from clusterstate.errors import DiskFull, IntegrityFailed, KeyNotFound, LostRace, StoreUnsupported
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import (
    ABSENT,
    ANYTHING,
    LARGEST_COPY,
    LARGEST_FILE,
    Capabilities,
    Expect,
    Streamed,
    Version,
)
from clusterstate.store.body import Body
from clusterstate.store.copying import Seen, loaded, most_of, see
from clusterstate.store.sinks import Digest
from tests.store.streaming import LARGE, Watched, large


class Watching(MemoryStore):
    """Does what a test wants around each large file."""

    before: Callable[[str], None] = staticmethod(lambda _: None)
    garble = False
    moving = 0
    most = 0

    async def download(self, key: str, to: object, *, size: int) -> Streamed:
        self.before("download")
        self.moving += 1
        self.most = max(self.most, self.moving)
        await asyncio.sleep(0.01)
        self.moving -= 1
        return await super().download(key, to, size=size)  # type: ignore[arg-type] # as it comes

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        self.before("upload")
        with Watched.of(large(9, body.size)) as other:
            return await super().upload(key, other if self.garble else body, expect=expect)


class Small(MemoryStore):
    """Takes no large files."""

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(atomic_create=True, atomic_update=True, atomic_delete=True)


@pytest.fixture
def source(request: pytest.FixtureRequest) -> Watching:
    return Watching(f"{request.node.nodeid}-source")


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Watching:
    return Watching(f"{request.node.nodeid}-target")


@pytest.fixture(autouse=True)
def spools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for large files, in which none may be left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    for _ in range(100):  # they are closed by a thread that nobody waits for
        if not on_disk(tmp_path):
            break
        time.sleep(0.05)
    assert on_disk(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def on_disk(folder: Path) -> list[str]:
    """Give the files of a folder that this process has open, those without a name too."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except OSError:
            continue
    return [each for each in found if each.startswith(str(folder))]


async def copy(source: MemoryStore, target: MemoryStore, size: int, expect: Expect = ABSENT) -> Seen:
    async with loaded(source, "file", size) as freight:
        return await freight.unload(target, "copy", "memfs://target", expect=expect)


@pytest.mark.parametrize("size", [0, LARGEST_FILE, LARGEST_FILE + 1, LARGE])
async def test_every_size_arrives_whole(source: Watching, target: Watching, size: int) -> None:
    data = large(1, size)
    await source.write("file", data)
    if size <= LARGEST_FILE:
        source.before = target.before = lambda _: pytest.fail("small files are read and written as ever")
    seen = await copy(source, target, size)
    assert seen == await see(target, "copy", size)
    assert (await see(source, "file", size)).digest == seen.digest
    assert target._files.blobs["copy"][0].data == data


async def test_on_disk_it_has_no_name_that_others_could_open(source: Watching, spools: Path) -> None:
    await source.write("file", large(1))
    async with loaded(source, "file", LARGE) as freight:
        (name,) = on_disk(spools)
        assert name.endswith(" (deleted)")
        assert isinstance(freight.content, Body)
        assert os.fstat(freight.content.file.fileno()).st_mode & 0o777 == 0o600
        assert "file=" not in repr(freight)


async def test_what_comes_back_otherwise_is_no_copy(source: Watching, target: Watching) -> None:
    await source.write("file", large(1))
    target.garble = True
    with pytest.raises(IntegrityFailed, match="copy isn't at memfs://target as it was written"):
        await copy(source, target, LARGE)


async def test_expectations_hold(source: Watching, target: Watching) -> None:
    await source.write("file", large(1))
    first = await copy(source, target, LARGE)
    with pytest.raises(LostRace):
        await copy(source, target, LARGE, ABSENT)
    await source.write("file", large(2))
    second = await copy(source, target, LARGE, first.version)
    with pytest.raises(LostRace):
        await copy(source, target, LARGE, first.version)
    assert second.digest == (await see(source, "file", LARGE)).digest


async def test_one_at_a_time_lies_on_disk(source: Watching, target: Watching, spools: Path) -> None:
    await source.write("file", large(1))

    def look(_: str) -> None:
        assert len(on_disk(spools)) <= 1

    source.before = look
    target.before = lambda verb: look(verb) if verb == "upload" else None
    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(copy(source, target, LARGE, ANYTHING))
    assert source.most == 1


@pytest.mark.parametrize("verb", ["download", "upload"])
async def test_who_is_cancelled_leaves_nothing_and_lets_the_next_one_on(
    source: Watching, target: Watching, verb: str
) -> None:
    await source.write("file", large(1))

    def cancel(_: str) -> None:
        task.cancel()

    (source if verb == "download" else target).before = cancel
    task = asyncio.create_task(copy(source, target, LARGE))
    with pytest.raises(asyncio.CancelledError):
        await task
    source.before = target.before = lambda _: None
    await copy(source, target, LARGE, ANYTHING)


async def test_at_whatever_step_somebody_is_cancelled_nothing_stays_open(source: Watching, target: Watching) -> None:
    """A file that a thread was just making too: the autouse fixture looks, and what is dropped open is a warning."""
    await source.write("file", large(1))
    for steps in range(20):
        task = asyncio.create_task(copy(source, target, LARGE, ANYTHING))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await copy(source, target, LARGE, ANYTHING)).size == LARGE


async def test_a_file_that_has_grown_or_gone_is_told(source: Watching, target: Watching) -> None:
    with pytest.raises(KeyNotFound):
        await copy(source, target, LARGE)
    await source.write("file", large(1, LARGE + 1))
    with pytest.raises(LostRace, match="file was changed"):
        await copy(source, target, LARGE)


async def test_one_that_has_shrunk_is_copied_as_it_is(source: Watching, target: Watching) -> None:
    for size in (0, 3):
        await source.write("file", large(1, size))
        assert (await copy(source, target, LARGE, ANYTHING)).size == size


async def test_a_full_disk_says_what_to_do(
    source: Watching, target: Watching, spools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await source.write("file", large(1))
    usage = shutil.disk_usage(spools)._replace(free=LARGE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskFull, match=f"{LARGE - 1} bytes left, {LARGE} are needed.*set TMPDIR"):
        await copy(source, target, LARGE)


def test_a_disk_that_fills_up_under_way_says_what_to_do() -> None:
    with (
        Path("/dev/full").open("wb", buffering=0) as full,
        pytest.raises(DiskFull, match=r"No space left on device.*set TMPDIR"),
    ):
        Digest("file", LARGE, cast("BinaryIO", full)).write(b"x" * (1 << 20))


async def test_no_folder_for_temporary_files_says_what_to_do(
    source: Watching, target: Watching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await source.write("file", large(1))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(DiskFull, match=r"No such file or directory.*set TMPDIR"):
        await copy(source, target, LARGE)


async def test_a_store_that_takes_no_large_files_says_so(source: Watching) -> None:
    small = Small("takes-no-large-files")
    assert (most_of(small), most_of(source)) == (LARGEST_FILE, LARGEST_COPY)
    await source.write("file", large(1))
    with pytest.raises(StoreUnsupported, match=f"up to {LARGEST_FILE} bytes"):
        await copy(source, small, LARGE)
    with pytest.raises(KeyNotFound):
        await see(small, "file", LARGE)


def test_two_readers_do_not_move_each_other() -> None:
    with Watched.of(large(1, 1000)) as body:
        one, two = body.open(), body.open()
        assert one.read(10) == two.read(10)
        one.seek(-5, os.SEEK_END)
        assert (one.read(), two.read(10)) == (large(1, 1000)[-5:], large(1, 1000)[10:20])
        body.file.close()
        assert two.read() == large(1, 1000)[20:]
        one.close()
        two.close()
