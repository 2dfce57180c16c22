"""The operator with a window to its memory: files of a `memfs://` store are put, read and listed at a Unix socket.

`python memfs_operator.py SOCKET NAME run …` is `clusterstate run …`, in which a thread answers for the store NAME.
A question is the name of a method of `Window` with its arguments; one that fails has its traceback in the log.
"""

import asyncio
import sys
from multiprocessing.connection import Listener
from threading import Thread

from clusterstate.cli.main import main
from clusterstate.store.backends.memory import MemoryStore


class Window:
    """The files of one name, which this process's operator sees too."""

    def __init__(self, name: str) -> None:
        self._store = MemoryStore(name)

    def put(self, key: str, data: bytes) -> None:
        asyncio.run(self._store.write(key, data))

    def read(self, key: str) -> bytes:
        return asyncio.run(self._store.read(key)).data

    def files(self) -> dict[str, bytes]:
        return {key: self.read(key) for key in asyncio.run(self._keys())}

    async def _keys(self) -> list[str]:
        return [entry.key async for page in self._store.list() for entry in page.entries]


def answer(listener: Listener, window: Window) -> None:
    while True:
        with listener.accept() as connection:
            method, *arguments = connection.recv()
            connection.send(getattr(window, method)(*arguments))


if __name__ == "__main__":
    _, address, name, *command = sys.argv
    Thread(target=answer, args=(Listener(address, "AF_UNIX"), Window(name)), daemon=True).start()
    sys.argv[1:] = command
    sys.exit(main())
