"""One bucket as the store of commands: what is in it, and the installed command run on it."""

import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clusterstate.sandbox.s3server import S3Server
from tests.support.cli import clusterstate

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DATA = Path(__file__).parent.parent / "data" / "kops-store"


@dataclass(frozen=True)
class Shelf:
    """A store in a bucket, and a folder in place of the user's home."""

    server: S3Server
    bucket: str
    home: Path
    endpoint: str = ""
    """Where the command finds the server; a proxy may stand between."""

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"

    @cached_property
    def s3(self) -> "S3Client":
        """A client, which takes a while to make."""
        return self.server.client()

    @property
    def environ(self) -> dict[str, str]:
        """What a person has set to reach the store, which is chosen too."""
        return {
            "KOPS_STATE_STORE": self.url,
            **self.server.variables,
            "S3_ENDPOINT": self.endpoint or self.server.endpoint,
        }

    def run(
        self, *arguments: str | Path, typed: str = "", piped: str | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end; see `clusterstate`."""
        given = {**self.environ, **environ}
        return clusterstate(*map(str, arguments), home=self.home, typed=typed, piped=piped, **given)

    def write(self, name: str, *bodies: Any) -> Path:
        """Write a manifest of many documents into the home."""
        path = self.home / name
        path.write_text("---\n".join(yaml.safe_dump(body) for body in bodies))
        return path

    def load_store(self, cluster: str) -> None:
        """Put a store that the real kops wrote into the bucket, with its configBase there."""
        root = DATA / cluster
        for path in sorted(root.rglob("*")):
            if path.is_file():
                data = re.sub(rb"(s3://state|memfs://tests)/", f"{self.url}/".encode(), path.read_bytes())
                self.put(f"{cluster}/{path.relative_to(root)}", data)

    def put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)

    def read(self, key: str) -> bytes:
        data: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return data

    def document(self, key: str) -> Any:
        """Give a file of the store as YAML."""
        return yaml.safe_load(self.read(key))

    def files(self) -> dict[str, bytes]:
        """Give the whole bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {each["Key"]: self.read(each["Key"]) for page in pages for each in page.get("Contents", ())}
