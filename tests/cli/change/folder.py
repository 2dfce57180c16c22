"""A store in a folder on this machine, with a cluster that the real kops wrote, and scripts in place of an editor."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.cli import clusterstate
from tests.support.world import DATA, MINIMAL


@dataclass(frozen=True)
class Folder:
    """The store, and beside it a home and a folder for temporary files."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> "Folder":
        folder = cls(root)
        shutil.copytree(DATA / "kops-store" / MINIMAL, folder.state)
        folder.temporary.mkdir()
        return folder

    @property
    def state(self) -> Path:
        return self.root / "store" / MINIMAL

    @property
    def temporary(self) -> Path:
        return self.root / "temporary"

    @property
    def url(self) -> str:
        return f"file://{self.root}/store"

    def run(
        self, *words: str, typed: str = "", editor: str = "false", **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, with a shell's script as the editor: `$1` is what it edits."""
        script = self.root / "editor"
        script.write_text(f"#!/bin/sh\ncd {self.root}\n{editor}\n")
        script.chmod(0o755)
        more = {"KOPS_STATE_STORE": self.url, "TMPDIR": str(self.temporary), "EDITOR": str(script), **environ}
        return clusterstate(*words, home=self.root, typed=typed, **more)

    def document(self, key: str) -> Any:
        return yaml.safe_load((self.state / key).read_text())

    def files(self) -> dict[str, bytes]:
        """Give the whole state."""
        found = sorted(path for path in self.state.rglob("*") if path.is_file())
        return {str(path.relative_to(self.state)): path.read_bytes() for path in found}

    def left(self) -> list[Path]:
        """Give what lies among the temporary files."""
        return sorted(self.temporary.iterdir())
