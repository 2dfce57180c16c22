"""The memory of an operator's process, seen through the window of `tests/support/memfs_operator.py`."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import pytest

from tests.support.operating import Operating

PROGRAM = Path(__file__).parents[1] / "memfs_operator.py"
NAME = "try"


@dataclass(frozen=True)
class MemoryBacking:
    """The files of a name, which are there as long as the operator runs."""

    operating: Operating
    socket: Path

    @property
    def url(self) -> str:
        return f"memfs://{NAME}"

    @property
    def replacements(self) -> Mapping[str, str]:
        return {"name: try\n": "name: prod\n", "try.example.com": "prod.example.com"}

    @property
    def environ(self) -> Mapping[str, str]:
        return {"CLUSTERSTATE_ALLOW_MEMORY": "true"}

    def put(self, key: str, data: bytes) -> None:
        self._ask("put", key, data)

    def read(self, key: str) -> bytes:
        data: bytes = self._ask("read", key)
        return data

    def files(self) -> dict[str, bytes]:
        found: dict[str, bytes] = self._ask("files")
        return found

    def _ask(self, method: str, *arguments: object) -> Any:
        with self.operating.until(self._connect) as connection:
            connection.send((method, *arguments))
            return connection.recv()

    def _connect(self) -> Connection | None:
        """Connect, unless the operator hasn't come so far yet."""
        with suppress(FileNotFoundError, ConnectionRefusedError):
            return Client(str(self.socket), "AF_UNIX")
        return None


@pytest.fixture
def memfs_backing(operating: Operating, tmp_path: Path) -> MemoryBacking:
    backing = MemoryBacking(operating, tmp_path / "memory")
    # -P keeps the program's folder out of its imports: names of SDKs are taken there.
    operating.program = ["-P", str(PROGRAM), str(backing.socket), NAME]
    return backing
