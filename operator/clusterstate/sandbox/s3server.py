"""A strict S3 server on 127.0.0.1: versitygw, with signatures, users, regions, conditions and checksums.

Objects are files: the key `a` and keys under `a/` can't be there together, and a segment of a key has at most
255 bytes. Encryption headers are accepted and ignored.
"""

import secrets
import subprocess
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import boto3
import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from clusterstate.sandbox.binaries import find
from clusterstate.sandbox.cache import Say, to_stderr
from clusterstate.sandbox.errors import RequestRefused
from clusterstate.sandbox.process import Child, free_port, on_free_ports
from clusterstate.sandbox.s3log import Request, read_requests

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType

DEFAULT_REGION = "us-east-1"
"""The only region whose name may not stand in CreateBucket (Amazon's API)."""
READY_SECONDS = 30
HEALTH = "/healthz"
_LOADER: Final = Loader()
"""The SDK's models, read once: with a loader of its own a client costs ten times as much CPU."""


@dataclass(frozen=True)
class S3User:
    """Somebody known to the server."""

    access_key: str
    secret_key: str = field(repr=False)


@dataclass(frozen=True)
class S3Server:
    """A running S3 server; `access_key` and `secret_key` are those of its owner, who may do everything.

    The object can be sent to other processes of this machine as `shared()`; only the one that started it stops it.
    """

    directory: Path
    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    children: tuple[Child, ...] = ()
    program: Path | None = None
    """versitygw, where it has been looked up."""

    @classmethod
    def start(cls, directory: Path, *, region: str = DEFAULT_REGION, say: Say = to_stderr) -> Self:
        """Start one with its files and logs in `directory`, on a file system that has user attributes.

        Raises ProcessDied or NotReady with the end of the log, and what `binaries.find` raises.
        """
        directory = directory.absolute()  # the server looks for relative paths elsewhere
        for folder in ("data", "versions", "users"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        program, owner = find("versitygw", say), _make_user()
        child, endpoint = on_free_ports(lambda: _start_child(program, directory, region, owner))
        return cls(directory, endpoint, region, owner.access_key, owner.secret_key, (child,), program)

    def stop(self) -> None:
        """End it; the files stay."""
        for child in self.children:
            child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def shared(self) -> Self:
        """Give the same server for another process, which can use it and not stop it."""
        return replace(self, children=())

    @property
    def owner(self) -> S3User:
        """The user who owns the server."""
        return S3User(self.access_key, self.secret_key)

    @property
    def variables(self) -> dict[str, str]:
        """What the owner sets to use the server with kops, or with ours."""
        return {
            "S3_ENDPOINT": self.endpoint,
            "S3_REGION": self.region,
            "S3_ACCESS_KEY_ID": self.access_key,
            "S3_SECRET_ACCESS_KEY": self.secret_key,
        }

    @property
    def access_log(self) -> Path:
        """The access log; see `s3log`."""
        return self.directory / "access.log"

    def create_bucket(self, name: str) -> str:
        """Create a bucket of the owner's, in the server's region, and give its name."""
        client = self.client()
        if self.region == DEFAULT_REGION:
            client.create_bucket(Bucket=name)
        else:
            here: BucketLocationConstraintType = self.region  # type: ignore[assignment]  # any region may be served
            client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": here})
        return name

    def create_user(self) -> S3User:
        """Create a user who may do nothing until a bucket's policy names the access key as principal.

        Raises RequestRefused with the server's words.
        """
        user = _make_user()
        new = ["--access", user.access_key, "--secret", user.secret_key, "--role", "user"]
        self._administer(["create-user", *new])
        return user

    def client(self, user: S3User | None = None) -> "S3Client":
        """Give a boto3 client of the owner, or of another user, without retries."""
        who = user or self.owner
        return make_session().client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, connect_timeout=10),
        )

    def mark(self) -> int:
        """Give a place in the access log behind every request that was answered before; give it to `requests`."""
        return self.access_log.stat().st_size

    def requests(self, since: int = 0, *, bucket: str | None = None) -> list[Request]:
        """Give the requests answered between a mark and now; of one bucket, or of all."""
        return [r for r in read_requests(self.access_log, since) if bucket in (None, r.bucket)]

    def _administer(self, command: Sequence[str]) -> None:
        """Run versitygw's own administrator's command."""
        known = ["--access", self.access_key, "--secret", self.secret_key, "--region", self.region]
        asked = subprocess.run(
            [self.program or find("versitygw"), "admin", *known, "--endpoint-url", self.endpoint, *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if asked.returncode != 0:
            raise RequestRefused(f"versitygw admin {command[0]}: {asked.stderr.strip()}", 0)


def make_session() -> boto3.session.Session:
    """Give a session of the SDK, of which each makes clients for one thread."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _LOADER)
    return boto3.session.Session(botocore_session=session)


def _make_user() -> S3User:
    return S3User(access_key=secrets.token_hex(10).upper(), secret_key=secrets.token_urlsafe(30))


def _start_child(program: Path, directory: Path, region: str, owner: S3User) -> tuple[Child, str]:
    address = f"127.0.0.1:{free_port()}"
    listen = ["--port", address, "--region", region, "--health", HEALTH, "--keep-alive", "--quiet"]
    known = ["--access", owner.access_key, "--secret", owner.secret_key, "--iam-dir", str(directory / "users")]
    files = ["--versioning-dir", str(directory / "versions"), str(directory / "data")]
    child = Child.start(
        [program, *listen, *known, "--access-log", directory / "access.log", "posix", *files],
        log=directory / "versitygw.log",
    )
    try:
        child.wait_ready(lambda: _is_healthy(f"http://{address}{HEALTH}"), timeout=READY_SECONDS)
    except BaseException:
        child.stop()
        raise
    return child, f"http://{address}"


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False
