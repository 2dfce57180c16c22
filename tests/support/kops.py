"""The real kops as a test runs it: a state store in a bucket of the S3 server, Amazon's other APIs at moto."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from clusterstate.sandbox.s3server import S3Server
from tests.support.moto import MotoServer

SERVICES = ("EC2", "IAM", "STS", "SSM", "ROUTE_53")
SECONDS = 100


@dataclass(frozen=True)
class Kops:
    """kops with one state store."""

    program: str
    bucket: str
    s3: S3Server
    aws: MotoServer
    home: Path
    """An empty folder in place of the user's home: no configuration but ours counts."""
    scheme: str = "s3"
    """Or one of S3's flavours, or of another system."""
    more: Mapping[str, str] = field(default_factory=dict)
    """The variables of that other system."""

    @property
    def store(self) -> str:
        """The state store's URL."""
        return f"{self.scheme}://{self.bucket}"

    def run(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a kops command to its end. Raises AssertionError with kops's words if it fails, unless told not to."""
        done = subprocess.run(
            [self.program, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert not check or done.returncode == 0, f"kops {arguments}: {done.stdout}{done.stderr}"
        return done

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment in which it runs."""
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_CACHE_HOME": cache,
            "KOPS_STATE_STORE": self.store,
            **self.s3.variables,
            "AWS_REGION": self.aws.region,
            "AWS_ACCESS_KEY_ID": self.aws.access_key,
            "AWS_SECRET_ACCESS_KEY": self.aws.secret_key,
            "AWS_EC2_METADATA_DISABLED": "true",
            **{f"AWS_ENDPOINT_URL_{service}": self.aws.endpoint for service in SERVICES},
            **self.more,
        }
