"""A page of the documents as somebody follows it: its commands are typed as they stand there, with the real kops.

What the page calls its stores are buckets and folders of the test's.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.support.cli import OPERATOR
from tests.support.kops import Kops
from tests.support.stores import kops_files
from tests.support.world import COMPLEX

DOCS: Final = OPERATOR.parent / "docs"
CLUSTER: Final = "prod.example.com"
"""As every page calls it."""
NODES: Final = "nodes-us-east-1a"
"""One of its instance groups."""
NONE: Final[Mapping[str, str]] = MappingProxyType({})
PROGRAM: Final = f'#!/bin/sh\nexec {sys.executable} -m clusterstate "$@"\n'
GIT: Final = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def blocks(page: str, language: str = "sh") -> list[str]:
    """Give what stands in a page's blocks of one language, empty for what is printed; `page` lies below docs/."""
    return [text for of, text in all_blocks(page) if of == language]


def all_blocks(page: str) -> list[tuple[str, str]]:
    """Give the language of each block and what stands in it."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


def load(kops: Kops, changes: Mapping[bytes, bytes] = MappingProxyType({})) -> dict[str, bytes]:
    """Put a store that kops wrote into the bucket, under the cluster's name of the pages; give its files."""
    stored = {}
    for key, data in kops_files(kops.store, COMPLEX, as_name=CLUSTER).items():
        path, text = key.encode(), data
        for old, new in changes.items():
            path, text = path.replace(old, new), text.replace(old, new)
        stored[path.decode()] = text
        kops.s3.client().put_object(Bucket=kops.bucket, Key=path.decode(), Body=text)
    return stored


@dataclass(frozen=True)
class Desk:
    """A folder in which commands are typed, beside one with programs that stand before all others."""

    kops: Kops
    folder: Path
    stores: Mapping[str, str] = field(default_factory=dict)
    """By what a page calls them: URLs. Its own store, `s3://acme-state-store`, is that of kops."""

    def __post_init__(self) -> None:
        """Make both folders."""
        for folder in (self.folder, self._programs):
            folder.mkdir()
        self.program("clusterstate", PROGRAM)
        self.program("kops", f'#!/bin/sh\nexec {self.kops.program} "$@"\n')

    @property
    def _programs(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-programs")

    def program(self, name: str, text: str) -> None:
        """Have a script in place of a program."""
        file = self._programs / name
        file.write_text(text)
        file.chmod(0o700)

    def run(self, script: str, environ: Mapping[str, str] = NONE, *, typed: str = "", code: int = 0) -> str:
        """Run lines as a CI does, where the first that fails ends it; give what they print.

        What is typed comes from a terminal, and without it there is none.
        """
        for name, url in {"s3://acme-state-store": self.kops.store, **self.stores}.items():
            script = script.replace(name, url)
        keyboard, stdin = os.openpty() if typed else (None, os.open(os.devnull, os.O_RDONLY))
        try:
            if keyboard is not None:
                os.write(keyboard, typed.encode())
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self.folder,
                env={**self._environ, **environ},
                stdin=stdin,
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )
        finally:
            for descriptor in {keyboard, stdin} - {None}:
                os.close(descriptor)
        assert done.returncode == code, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def _environ(self) -> dict[str, str]:
        return {
            **self.kops.environment,
            **GIT,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH": f"{self._programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(OPERATOR),
        }
