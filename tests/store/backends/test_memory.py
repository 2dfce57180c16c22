import asyncio
import threading

import pytest

from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import Store
from tests.store.conformance import StoreConformance, keys_of


class TestMemory(StoreConformance):
    row = "memfs"
    no_markers = "only stores write there, and they take no such key"

    @pytest.fixture
    def name(self, request: pytest.FixtureRequest) -> str:
        return f"memory-{request.node.nodeid}"

    @pytest.fixture
    def store(self, name: str) -> Store:
        return MemoryStore(name)

    @pytest.fixture
    def rival(self, name: str) -> Store:
        return MemoryStore(name)


async def test_names_are_apart() -> None:
    await MemoryStore("apart-1").write("file", b"x")
    assert await keys_of(MemoryStore("apart-2")) == []


async def test_files_outlive_the_store() -> None:
    store = MemoryStore("outlive")
    await store.write("file", b"x")
    await store.close()
    assert (await MemoryStore("outlive").read("file")).data == b"x"


def test_threads_share_it() -> None:
    async def write_some(number: int) -> None:
        store = MemoryStore("threads")
        for count in range(50):
            await store.write(f"{number}/{count}", b"x")
            assert len(await keys_of(store, f"{number}/")) == count + 1

    threads = [threading.Thread(target=asyncio.run, args=(write_some(number),)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asyncio.run(keys_of(MemoryStore("threads")))) == 400
