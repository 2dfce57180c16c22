"""Another way into an account of Swift than the one under test: plain HTTP with a user's token."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.openstack.identity import User
from tests.support.openstack.server import SwiftServer

SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Account:
    """An account, as whoever the token belongs to."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, server: SwiftServer, user: User) -> "Account":
        return cls(f"{server.url}/v1/AUTH_{user.project_id}", server.keystone.token(user))

    @classmethod
    def of_legacy(cls, server: SwiftServer) -> "Account":
        """Give the account of tempauth's users, as its owner."""
        sent = {"X-Auth-User": server.legacy.name, "X-Auth-Key": server.legacy.password}
        request = urllib.request.Request(f"{server.legacy_url}/auth/v1.0", headers=sent)
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return cls(answer.headers["X-Storage-Url"], answer.headers["X-Auth-Token"])

    def ask(self, method: str, path: str, data: bytes | None = None, query: str = "", **headers: str) -> Answer:
        """Ask for a container or CONTAINER/KEY; whatever the answer is, it is given."""
        url = f"{self.url}/{urllib.parse.quote(path)}{query}"
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"X-Auth-Token": self.token}
        request = urllib.request.Request(url, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def has(self, container: str) -> bool:
        """Whether the container is there."""
        return self.ask("HEAD", container).status == 204

    def put(self, path: str, data: bytes, **headers: str) -> None:
        """Write CONTAINER/KEY, or make a container."""
        assert self.ask("PUT", path, data, **headers).status in {201, 202}, path

    def mark(self, path: str) -> None:
        """Put what stands for the folder CONTAINER/KEY/: an empty object of that name, and one of a type of its own."""
        self.put(path, b"")
        self.put(path.removesuffix("/"), b"", Content_Type="application/directory")

    def read(self, path: str) -> bytes:
        """Give the bytes of CONTAINER/KEY."""
        answer = self.ask("GET", path)
        assert answer.status == 200, path
        return answer.body

    def keys(self, container: str) -> list[str]:
        """Give the keys of a container, up to 10,000."""
        return [each["name"] for each in json.loads(self.ask("GET", container, query="?format=json").body)]
