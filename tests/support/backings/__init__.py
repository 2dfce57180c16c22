"""What stands under an example: a real server with an empty store, and a way to its files that isn't ours.

Each system has a file here with its `Backing` and the fixture that gives one, named `NAME_backing` after the
example `examples/NAME.yaml`. Whatever file stands here, its fixtures are every test's: `tests/conftest.py` sees to it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

DATA = Path(__file__).parents[2] / "data" / "kops-store"
COMPLEX = "complex.example.com"


class Backing(Protocol):
    """One store of one test."""

    @property
    def url(self) -> str:
        """The store's URL."""
        ...

    @property
    def replacements(self) -> Mapping[str, str]:
        """Texts of the example, and what stands in their place here: addresses, names and keys."""
        ...

    @property
    def environ(self) -> Mapping[str, str]:
        """What the operator's environment needs beside the usual."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write a file as somebody else would."""
        ...

    def read(self, key: str) -> bytes:
        """Give a file's bytes."""
        ...

    def files(self) -> dict[str, bytes]:
        """Give the whole store."""
        ...


class Listed(Backing, Protocol):
    """A store whose files can be counted without being read."""

    def keys(self) -> list[str]:
        """Give the names of all files."""
        ...


def load_store(backing: Backing, name: str) -> None:
    """Put a store that the real kops wrote there, with its configBase there, under the name of another cluster."""
    root = DATA / COMPLEX
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        data = re.sub(rb"s3://state/", f"{backing.url}/".encode(), path.read_bytes())
        backing.put(f"{name}/{path.relative_to(root)}", data.replace(COMPLEX.encode(), name.encode()))
