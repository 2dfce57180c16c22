"""A person at a shell, with a kops store in a bucket of the S3 server and the variables that lead there."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clusterstate.sandbox.s3server import S3Server
from tests.support.cli import clusterstate
from tests.support.stores import kops_files
from tests.support.world import COMPLEX

DISTRUSTED = re.compile(rb"distrustTimestamp: .*")


@dataclass
class Keeper:
    """Somebody who keeps one cluster's keys."""

    server: S3Server
    bucket: str
    home: Path
    cluster: str = COMPLEX

    def __post_init__(self) -> None:
        self.s3 = self.server.client()

    def load(self) -> None:
        """Put a store that the real kops wrote into the bucket."""
        for key, data in kops_files(f"s3://{self.bucket}", self.cluster).items():
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)

    def run(
        self, *arguments: str | Path, typed: str = "", piped: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        environ = {
            "KOPS_STATE_STORE": f"s3://{self.bucket}",
            "KOPS_CLUSTER_NAME": self.cluster,
            **self.server.variables,
        }
        return clusterstate(*map(str, arguments), home=self.home, typed=typed, piped=piped, **environ)

    def done(self, *arguments: str | Path, piped: str | None = None) -> str:
        """Run a command that has to succeed; give what it printed."""
        done = self.run(*arguments, piped=piped)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=f"{self.cluster}/{key}")["Body"].read()

    def write(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"{self.cluster}/{key}", Body=data)

    def files(self) -> dict[str, bytes]:
        """Give all keysets, secrets and SSH keys."""
        found = [
            entry["Key"].removeprefix(f"{self.cluster}/")
            for folder in ("pki", "secrets")
            for entry in self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{self.cluster}/{folder}/").get(
                "Contents", ()
            )
        ]
        return {key: self.read(key) for key in found}

    def restore(self, files: Mapping[str, bytes]) -> None:
        """Have just these files again."""
        there = self.files()
        for key in there.keys() - files.keys():
            self.s3.delete_object(Bucket=self.bucket, Key=f"{self.cluster}/{key}")
        for key in files:
            if there.get(key) != files[key]:
                self.write(key, files[key])


def timeless(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give files without the moments at which something was distrusted."""
    return {key: DISTRUSTED.sub(b"distrusted", data) for key, data in files.items()}
