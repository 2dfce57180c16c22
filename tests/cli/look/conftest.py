"""A store in a bucket, as a person with clusterstate sees it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from clusterstate.sandbox.s3server import S3Server
from tests.support.cli import clusterstate
from tests.support.stores import kops_files
from tests.support.world import COMPLEX, MINIMAL


@dataclass(frozen=True)
class Shown:
    """What a command said, and how it ended."""

    code: int
    out: str
    said: list[str]
    """Lines on stderr."""

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def rows(self) -> list[list[str]]:
        """Cells of a table without its headers; empty ones are left out."""
        return [line.split() for line in self.lines[1:]]


@dataclass(frozen=True)
class Viewer:
    """Somebody who looks at a store."""

    server: S3Server
    bucket: str
    home: Path

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"

    @property
    def environ(self) -> dict[str, str]:
        return {**self.server.variables, "KOPS_STATE_STORE": self.url}

    @cached_property
    def client(self) -> Any:
        return self.server.client()

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def read(self, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return data

    def load(self, cluster: str = COMPLEX, *, as_name: str = "", source: str = "kops-store") -> None:
        for key, data in kops_files(self.url, cluster, as_name=as_name, source=source).items():
            self.put(key, data)

    def run(self, *arguments: str, **environ: str) -> Shown:
        done = clusterstate(*arguments, home=self.home, **{**self.environ, **environ})
        return Shown(done.returncode, done.stdout, done.stderr.splitlines())


@pytest.fixture
def viewer(s3_server: S3Server, bucket: str, tmp_path: Path) -> Viewer:
    return Viewer(s3_server, bucket, tmp_path)


@pytest.fixture
def store(viewer: Viewer) -> Viewer:
    """Somebody with a store that has two clusters which kops wrote."""
    viewer.load(COMPLEX)
    viewer.load(MINIMAL)
    return viewer
