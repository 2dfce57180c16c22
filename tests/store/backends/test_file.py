import asyncio
import os
import sys
from pathlib import Path

import pytest

from clusterstate.errors import AccessDenied, KeyNotFound, LostRace, StoreRefused
from clusterstate.store.backends.file import TEMPORARY, FileStore
from clusterstate.store.base import ABSENT, LARGEST_FILE, Store
from clusterstate.store.body import Body
from tests.store.conformance import StoreConformance, entries_of, keys_of


class TestFile(StoreConformance):
    row = "file"
    no_markers = "a file system has folders, and no file whose name ends in /"

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return FileStore(tmp_path / "state")

    @pytest.fixture
    def rival(self, tmp_path: Path) -> Store:
        return FileStore(tmp_path / "state")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "state")


async def test_files_lie_where_kops_looks_for_them(store: FileStore, tmp_path: Path) -> None:
    await store.write("c.example.com/instancegroup/nodes", b"x")
    assert (tmp_path / "state/c.example.com/instancegroup/nodes").read_bytes() == b"x"


async def test_others_cannot_read_what_we_write(store: FileStore, tmp_path: Path) -> None:
    await store.write("pki/private/ca/keyset.yaml", b"x")
    assert (tmp_path / "state/pki/private/ca/keyset.yaml").stat().st_mode & 0o077 == 0


async def test_nothing_unfinished_stays(store: FileStore, tmp_path: Path) -> None:
    version = await store.write("folder/file", b"1", expect=ABSENT)
    await store.write("folder/file", b"2", expect=version)
    with pytest.raises(LostRace):
        await store.write("folder/file", b"3", expect=ABSENT)
    assert os.listdir(tmp_path / "state/folder") == ["file"]  # noqa: PTH208 (names, not paths)


def unfinished(folder: Path) -> list[Path]:
    return [*folder.rglob(f"{TEMPORARY}*")]


async def test_nothing_unfinished_stays_of_writes_that_were_given_up(store: FileStore, tmp_path: Path) -> None:
    writes = [asyncio.create_task(store.write(f"c/{number}", bytes(LARGEST_FILE))) for number in range(8)]
    while not unfinished(tmp_path):  # noqa: ASYNC110 (it is another thread's work)
        await asyncio.sleep(0)
    for each in writes:
        each.cancel()
    await asyncio.gather(*writes, return_exceptions=True)
    await store.close()
    assert not unfinished(tmp_path)


async def test_a_large_write_that_was_given_up_ends_in_its_midst(store: FileStore, tmp_path: Path) -> None:
    size = 256 << 20
    with (tmp_path / "large").open("w+b") as file:
        file.truncate(size)
        write = asyncio.create_task(store.upload("c/large", Body(file, size, b"", "")))
        while not unfinished(tmp_path):  # noqa: ASYNC110 (it is another thread's work)
            await asyncio.sleep(0)
        write.cancel()
        await asyncio.gather(write, return_exceptions=True)
        await store.close()
    assert not unfinished(tmp_path)
    assert not (tmp_path / "state/c/large").exists()


async def test_a_shallow_list_reads_no_file_below(store: FileStore, tmp_path: Path) -> None:
    size = 64 << 20
    await store.write("c/large", b"x")
    os.truncate(tmp_path / "state/c/large", size)
    before = bytes_read()
    pages = [page async for page in store.list(shallow=True)]
    assert ([each for page in pages for each in page.prefixes], bytes_read() - before < size) == (["c/"], True)


def bytes_read() -> int:
    """Give how many this process has read so far (proc_pid_io(5))."""
    return int(Path("/proc/self/io").read_text().split()[1])


async def test_a_giant_is_listed_but_not_read(store: FileStore, tmp_path: Path) -> None:
    await store.write("file", b"x")
    with (tmp_path / "state/giant").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert [(entry.key, entry.size) for entry in await entries_of(store)] == [("file", 1), ("giant", LARGEST_FILE + 1)]
    with pytest.raises(StoreRefused, match=f"giant .* has more than {LARGEST_FILE} bytes"):
        await store.read("giant")


async def test_an_edit_of_equal_length_within_a_tick_is_a_new_version(store: FileStore, tmp_path: Path) -> None:
    first = await store.write("file", b"one")
    path = tmp_path / "state/file"
    before = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    (entry,) = await entries_of(store)
    assert entry.version != first
    with pytest.raises(LostRace):
        await store.write("file", b"three", expect=first)


async def test_links_lead_nowhere(store: FileStore, tmp_path: Path) -> None:
    await store.write("inside", b"x")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "state/link").symlink_to(tmp_path / "secret")
    (tmp_path / "state/up").symlink_to(tmp_path)
    assert await keys_of(store) == ["inside"]
    assert await keys_of(store, "up/") == []
    for key in ("link", "up/secret"):
        with pytest.raises(KeyNotFound):
            await store.read(key)
        with pytest.raises(StoreRefused, match="in the way"):
            await store.write(key, b"mine")
        await store.delete(key)
    assert (tmp_path / "secret").read_bytes() == b"secret"
    assert (tmp_path / "state/link").is_symlink()


async def test_a_folder_or_file_in_the_way_is_named(store: FileStore) -> None:
    await store.write("d1/x", b"x")
    with pytest.raises(StoreRefused, match="d1"):
        await store.write("d1", b"y")
    with pytest.raises(StoreRefused, match="d1/x/y"):
        await store.write("d1/x/y", b"y")
    await store.delete("d1/x")
    await store.write("d1", b"y")


async def test_pipes_and_left_overs_are_not_files(store: FileStore, tmp_path: Path) -> None:
    await store.write("file", b"x")
    os.mkfifo(tmp_path / "state/pipe")
    (tmp_path / f"state/{TEMPORARY}0123").write_bytes(b"half")
    assert await keys_of(store) == ["file"]
    with pytest.raises(KeyNotFound):
        await store.read("pipe")


async def test_foreign_folders_stay(store: FileStore, tmp_path: Path) -> None:
    await store.write("ours/deep/file", b"x")
    (tmp_path / "state/foreign").mkdir()
    await store.delete("ours/deep/file")
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["foreign"]


async def test_too_long_a_name_is_refused(store: FileStore) -> None:
    with pytest.raises(StoreRefused, match="too long"):
        await store.write("x" * 300, b"x")


async def test_denied_folders_are_named() -> None:
    with pytest.raises(AccessDenied, match="/sys/kernel"):
        await FileStore(Path("/sys/kernel")).write("file", b"x")


COUNT_UP = """
import asyncio, sys
from pathlib import Path
from clusterstate.errors import LostRace
from clusterstate.store.backends.file import FileStore

async def count_up():
    store = FileStore(Path(sys.argv[1]))
    done = 0
    while done < 40:
        blob = await store.read("count")
        try:
            await store.write("count", b"%d" % (int(blob.data) + 1), expect=blob.version)
            done += 1
        except LostRace:
            pass

asyncio.run(count_up())
"""


async def test_processes_lose_no_update(store: FileStore, tmp_path: Path) -> None:
    await store.write("count", b"0")
    command = [sys.executable, "-c", COUNT_UP, str(tmp_path / "state")]
    environment = {**os.environ, "PYTHONPATH": "operator"}
    counters = [await asyncio.create_subprocess_exec(*command, env=environment) for _ in range(3)]
    assert [await counter.wait() for counter in counters] == [0, 0, 0]
    assert (await store.read("count")).data == b"120"
