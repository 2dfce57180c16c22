"""A directory of files that is a store too: who writes into it takes turns with who tidies it up."""

import asyncio
import fcntl
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from clusterstate.cli.files.folder import opened_folder
from clusterstate.store.backends.file import TEMPORARY, FileStore
from tests.cli.files.places import MINIMAL, Places


def waiting_for(path: Path) -> int:
    """Give how many wait for the lock on a folder (proc_locks(5))."""
    inode = path.stat().st_ino
    lines = Path("/proc/locks").read_text().splitlines()
    return sum("-> FLOCK" in line and f":{inode} " in line for line in lines)


async def sweep(path: Path) -> None:
    async with opened_folder(path) as folder:
        folder.sweep(MINIMAL)


def test_an_export_and_who_writes_into_the_same_folder_as_a_store_wait_for_each_other(places: Places) -> None:
    unfinished = places.store / MINIMAL / f"{TEMPORARY}{'0' * 16}"
    unfinished.write_bytes(b"half")
    turn = os.open(places.store, os.O_RDONLY)
    fcntl.flock(turn, fcntl.LOCK_EX)
    with ThreadPoolExecutor() as pool:
        try:
            pool.submit(asyncio.run, sweep(places.store))
            pool.submit(asyncio.run, FileStore(places.store).write(f"{MINIMAL}/new", b"x"))
            while waiting_for(places.store) < 2:
                time.sleep(0.01)
            assert (unfinished.exists(), (places.store / MINIMAL / "new").exists()) == (True, False)
        finally:
            os.close(turn)
    assert (unfinished.exists(), (places.store / MINIMAL / "new").read_bytes()) == (False, b"x")
