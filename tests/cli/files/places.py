"""A store in a folder or a bucket, a directory beside it, and the commands between them."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cli import clusterstate

DATA = Path(__file__).parents[2] / "data"
MINIMAL = "minimal.example.com"
COMPLEX = "complex.example.com"
NODES = f"{MINIMAL}/instancegroup/nodes-us-east-1a"
SECRET = f"{MINIMAL}/secrets/dockerconfig"
KEYSET = f"{MINIMAL}/pki/private/kubernetes-ca/keyset.yaml"


@dataclass
class Places:
    """A store at a URL, and a directory."""

    root: Path
    url: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def directory(self) -> Path:
        return self.root / "directory"

    def run(self, *arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = clusterstate(
            *map(str, arguments), "--state", self.url or f"file://{self.store}", home=self.root, **self.environ
        )
        assert done.returncode == code, done.stderr
        return done

    def export(self, *options: str, code: int = 0) -> str:
        return self.run("export", *options, self.directory, code=code).stderr

    def bring(self, *options: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        return self.run("import", self.directory, *options, code=code)

    def load(self, cluster: str = MINIMAL, source: str = "kops-store", name: str = "") -> None:
        shutil.copytree(DATA / source / cluster, self.store / (name or cluster))

    def edit(self, side: Path, key: str = NODES, size: int = 7) -> bytes:
        path = side / key
        path.write_bytes(path.read_bytes().replace(b"spec:\n", f"spec:\n  maxPrice: '{size}'\n".encode()))
        return path.read_bytes()


def files(root: Path) -> dict[str, bytes]:
    """Every file below a folder, the records left out."""
    return dict(_files(root))


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.name.startswith(".clusterstate"):
            yield str(path.relative_to(root)), path.read_bytes()
