"""A person with the command line, an S3 server that counts, and stores of the other kinds."""

from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from subprocess import CompletedProcess

import pytest

from clusterstate.sandbox.s3log import Request
from clusterstate.sandbox.s3server import S3Server
from tests.support.backings import load_store
from tests.support.backings.s3 import S3Backing
from tests.support.cli import clusterstate

CLUSTER = "prod.example.com"


@dataclass
class Person:
    """Somebody who works with buckets of one server."""

    server: S3Server
    home: Path
    endpoint: str

    @property
    def environ(self) -> dict[str, str]:
        return {
            "S3_ENDPOINT": self.endpoint,
            "S3_REGION": self.server.region,
            "S3_ACCESS_KEY_ID": self.server.access_key,
            "S3_SECRET_ACCESS_KEY": self.server.secret_key,
        }

    def run(self, *arguments: str, typed: str = "", **environ: str) -> CompletedProcess[str]:
        return clusterstate(*arguments, home=self.home, typed=typed, **self.environ, **environ)

    def do(self, *arguments: str, typed: str = "", **environ: str) -> str:
        """Run what succeeds, and give its result."""
        done = self.run(*arguments, typed=typed, **environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def bucket(self) -> S3Backing:
        return S3Backing(self.server, self.server.create_bucket(f"test-{token_hex(5)}"), "s3", "")

    def asked(self, mark: int, *buckets: S3Backing) -> list[Request]:
        """Give what was asked of these buckets since a mark."""
        names = {each.bucket for each in buckets}
        return [each for each in self.server.requests(mark) if each.bucket in names]


@pytest.fixture
def person(s3_server: S3Server, tmp_path: Path) -> Person:
    return Person(s3_server, tmp_path, s3_server.endpoint)


@pytest.fixture
def one(person: Person) -> S3Backing:
    """A bucket with a state that the real kops wrote."""
    bucket = person.bucket()
    load_store(bucket, CLUSTER)
    return bucket


@pytest.fixture
def other(person: Person) -> S3Backing:
    """An empty bucket."""
    return person.bucket()
