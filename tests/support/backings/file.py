"""A folder of the operator's own disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class FileBacking:
    folder: Path

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    @property
    def replacements(self) -> Mapping[str, str]:
        return {"file:///srv/review": self.url}

    @property
    def environ(self) -> Mapping[str, str]:
        return {"CLUSTERSTATE_FILE_ROOTS": str(self.folder.parent)}

    def put(self, key: str, data: bytes) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def read(self, key: str) -> bytes:
        return (self.folder / key).read_bytes()

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}


@pytest.fixture
def file_backing(tmp_path: Path) -> FileBacking:
    return FileBacking(tmp_path / "review")
