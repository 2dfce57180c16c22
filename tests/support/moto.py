"""Amazon's IAM, STS, EC2 and S3 as moto plays them, with signatures and policies enforced."""

import json
import secrets
import sys
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from botocore.config import Config

from clusterstate.sandbox.process import Child, free_port, on_free_ports
from clusterstate.sandbox.s3server import S3User, make_session

READY_SECONDS = 60
REGION = "us-east-1"
PARTITIONS = (REGION, "cn-north-1", "us-gov-west-1")
"""A region of each part of AWS that has users of its own."""
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@dataclass(frozen=True)
class MotoServer:
    """A running moto server in its auth mode; the owner's keys may do everything."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = REGION
    owners: Mapping[str, S3User] = field(default_factory=dict, repr=False)
    children: tuple[Child, ...] = ()

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start one with its log in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        child, endpoint = on_free_ports(lambda: _start_child(directory / "moto.log"))
        try:
            anybody = cls(endpoint, "anybody", "anything")
            owners = {region: anybody.create_user([EVERYTHING], region=region) for region in PARTITIONS}
            anybody.reset_auth(enforce=True)
        except BaseException:
            child.stop()
            raise
        owner = owners[REGION]
        return cls(endpoint, owner.access_key, owner.secret_key, owners=owners, children=(child,))

    def owner_of(self, region: str) -> S3User:
        """Give who may do everything in the partition of a region: users of one are unknown in the others."""
        return self.owners.get(region, self.owners[REGION])

    def stop(self) -> None:
        for child in self.children:
            child.stop()

    def shared(self) -> Self:
        """Give the same server for another process, which can use it and not stop it."""
        return replace(self, children=())

    def client(self, service: str, user: S3User | None = None, *, region: str = REGION) -> Any:
        """Give a boto3 client of the owner, or of another user, without retries."""
        config = Config(retries={"total_max_attempts": 1})
        if service == "s3":
            config = config.merge(Config(s3={"addressing_style": "path"}))
        session: Any = make_session()  # its stubs want the service's name as a literal
        return session.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=user.access_key if user else self.access_key,
            aws_secret_access_key=user.secret_key if user else self.secret_key,
            config=config,
        )

    def create_user(self, statements: Iterable[dict[str, Any]] = (), *, region: str = REGION) -> S3User:
        """Create a user who may do what the statements of an IAM policy allow, in the partition of a region."""
        iam, name = self.client("iam", region=region), f"user-{secrets.token_hex(4)}"
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        if document["Statement"]:
            iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(document))
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        return S3User(keys["AccessKeyId"], keys["SecretAccessKey"])

    def reset_auth(self, *, enforce: bool) -> None:
        """Switch the enforcement of signatures and policies on or off, for everybody who uses this server."""
        count = b"0" if enforce else b"inf"
        plain = {"Content-Type": "text/plain"}  # a form, as urllib would say, isn't read
        call = urllib.request.Request(f"{self.endpoint}/moto-api/reset-auth", data=count, headers=plain, method="POST")
        urllib.request.urlopen(call, timeout=10).close()


def _start_child(log: Path) -> tuple[Child, str]:
    port = free_port()
    child = Child.start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], log=log)
    try:
        child.wait_ready(lambda: _answers(f"http://127.0.0.1:{port}/moto-api/"), timeout=READY_SECONDS)
    except BaseException:
        child.stop()
        raise
    return child, f"http://127.0.0.1:{port}"


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True
