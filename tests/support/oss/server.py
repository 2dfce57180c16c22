"""The server as tests have it: a process of its own, the account's owner, and ways to make what a test needs."""

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import oss2

from clusterstate.sandbox.process import Child, free_port, on_free_ports
from tests.support.oss.control import CONTROL, KEY

READY_SECONDS = 60
REGION = "cn-hangzhou"
ROOT = Path(__file__).parents[3]
EVERYTHING = {"Effect": "Allow", "Action": "oss:*", "Resource": "*"}


@dataclass(frozen=True)
class OssUser:
    """Somebody with keys."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class OssServer:
    """A running server; the owner's keys may do everything."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    control_key: str = field(repr=False)
    children: tuple[Child, ...] = ()

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start one with its log in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        key = secrets.token_hex(16)
        child, endpoint = on_free_ports(lambda: _start_child(directory / "oss.log", key))
        try:
            nobody = cls(endpoint, "", "", key)
            owner = nobody.create_user([EVERYTHING])
        except BaseException:
            child.stop()
            raise
        return replace(nobody, access_key=owner.access_key, secret_key=owner.secret_key, children=(child,))

    def stop(self) -> None:
        for child in self.children:
            child.stop()

    def shared(self) -> Self:
        """Give the same server for another process, which can use it and not stop it."""
        return replace(self, children=())

    def create_bucket(self, name: str, region: str = REGION, versioning: str = "") -> str:
        self._control("bucket", name=name, region=region, versioning=versioning)
        return name

    def create_user(self, statements: Iterable[Mapping[str, Any]] = ()) -> OssUser:
        """Create a user who may do what the statements of a RAM policy allow."""
        return OssUser(**self._control("user", statements=list(statements)))

    def lend(self, statements: Iterable[Mapping[str, Any]] = (EVERYTHING,), *, seconds: float) -> OssUser:
        """Create temporary credentials that are good for so long."""
        return OssUser(**self._control("lend", statements=list(statements), seconds=seconds))

    def create_provider(self, name: str, issuer: str, keys: list[Any], audiences: Iterable[str]) -> str:
        """Create an identity provider that stands for an issuer's tokens; give its ARN."""
        told = self._control("provider", name=name, issuer=issuer, keys=keys, audiences=list(audiences))
        return str(told["arn"])

    def create_role(self, name: str, provider: str, subjects: Iterable[str], statements: Iterable[Any]) -> str:
        """Create a role that trusts these subjects of a provider; give its ARN."""
        told = self._control("role", name=name, provider=provider, subjects=list(subjects), statements=list(statements))
        return str(told["arn"])

    def put_multipart(self, bucket: str, key: str, text: str) -> None:
        self._control("multipart", bucket=bucket, key=key, text=text)

    def bucket(self, name: str) -> Any:
        """Give the SDK's bucket as the owner has it, with signatures of version 1: what kops up to 1.23 sends."""
        return oss2.Bucket(oss2.Auth(self.access_key, self.secret_key), self.endpoint, name)

    def _control(self, verb: str, **asked: Any) -> Any:
        return _call(f"{self.endpoint}{CONTROL}{verb}", self.control_key, json.dumps(asked).encode())


def _call(url: str, key: str, body: bytes) -> Any:
    request = urllib.request.Request(url, data=body, headers={KEY: key}, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _start_child(log: Path, key: str) -> tuple[Child, str]:
    port = free_port()
    paths = os.pathsep.join([str(ROOT), str(ROOT / "operator")])
    command = [sys.executable, "-m", "tests.support.oss", str(port), key]
    child = Child.start(command, log=log, env={**os.environ, "PYTHONPATH": paths})
    try:
        child.wait_ready(lambda: _answers(f"http://127.0.0.1:{port}/"), timeout=READY_SECONDS)
    except BaseException:
        child.stop()
        raise
    return child, f"http://127.0.0.1:{port}"


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True
