"""One bucket as the store of commands: what is in it, and the installed command run on it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from clusterstate.sandbox.s3server import S3Server
from tests.support.cli import clusterstate

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

    @property
    def environ(self) -> dict[str, str]:
        """What a person has set to reach the store, which is chosen too."""
        return {
            "KOPS_STATE_STORE": self.url,
            "S3_ENDPOINT": self.endpoint or self.server.endpoint,
            "S3_REGION": self.server.region,
            "S3_ACCESS_KEY_ID": self.server.access_key,
            "S3_SECRET_ACCESS_KEY": self.server.secret_key,
        }

    def run(self, *arguments: str | Path, typed: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return clusterstate(*map(str, arguments), home=self.home, typed=typed, **self.environ, **environ)

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
        self.server.client().put_object(Bucket=self.bucket, Key=key, Body=data)

    def read(self, key: str) -> bytes:
        data: bytes = self.server.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return data

    def document(self, key: str) -> Any:
        """Give a file of the store as YAML."""
        return yaml.safe_load(self.read(key))

    def files(self) -> dict[str, bytes]:
        """Give the whole bucket."""
        pages = self.server.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {each["Key"]: self.read(each["Key"]) for page in pages for each in page.get("Contents", ())}
