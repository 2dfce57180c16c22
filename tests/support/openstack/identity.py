"""What an administrator does in Keystone: domains, projects, users, application credentials, regions."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from clusterstate.sandbox.errors import RequestRefused

REGION = "RegionOne"
DEFAULT_DOMAIN = "default"
OPERATOR = "swiftoperator"
"""The role that may do everything in its project's account of Swift."""
SECONDS = 30

Json = dict[str, Any]


@dataclass(frozen=True)
class User:
    """Somebody known to Keystone, with a role in one project."""

    id: str
    name: str
    password: str = field(repr=False)
    project_id: str
    project_name: str
    domain_id: str = DEFAULT_DOMAIN


@dataclass(frozen=True)
class ApplicationCredential:
    """What a user made for a program; it has the user's roles in one project."""

    id: str
    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Answer:
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Keystone:
    """A running Keystone and its administrator; each method raises RequestRefused with the server's words."""

    url: str
    """With its version."""
    password: str = field(repr=False)

    def request(self, method: str, path: str, body: Json | None = None, *, token: str = "", **headers: str) -> Answer:
        """Ask as the administrator, or with somebody's token."""
        headers |= {"Content-Type": "application/json", "X-Auth-Token": token or _administrators_token(self)}
        return self._send(urllib.request.Request(self.url + path, method=method, headers=headers), body)

    def login(self, identity: Json, scope: Json | None = None) -> Answer:
        """Ask for a token; the answer has it as X-Subject-Token, and the catalog."""
        auth: Json = {"identity": identity} | ({"scope": scope} if scope else {})
        request = urllib.request.Request(
            f"{self.url}/auth/tokens", method="POST", headers={"Content-Type": "application/json"}
        )
        return self._send(request, {"auth": auth})

    def token(self, user: User) -> str:
        """Give a fresh token of a user for the user's project."""
        who = {"id": user.id, "password": user.password}
        found = self.login({"methods": ["password"], "password": {"user": who}}, {"project": {"id": user.project_id}})
        return found.headers["X-Subject-Token"]

    def create(self, what: str, **fields: Any) -> str:
        """Create a thing, by the plural that its URL has, and give its id."""
        kind = what.rpartition("/")[2].removesuffix("s")
        body = self.request("POST", f"/{what}", {kind: fields}).body
        return str(body[kind]["id"])

    def find(self, what: str, name: str) -> str:
        """Give the id of the thing with that name."""
        return str(self.request("GET", f"/{what}?name={name}").body[what][0]["id"])

    def create_user(self, role: str = OPERATOR, *, project: User | None = None, domain: str = DEFAULT_DOMAIN) -> User:
        """Create a user with a role in a project of its own, or in somebody's."""
        name, password = f"user-{secrets.token_hex(5)}", secrets.token_urlsafe(15)
        project_name = project.project_name if project else f"project-{secrets.token_hex(5)}"
        project_id = project.project_id if project else self.create("projects", name=project_name, domain_id=domain)
        user_id = self.create("users", name=name, password=password, domain_id=domain)
        self.grant(user_id, project_id, role)
        return User(user_id, name, password, project_id, project_name, domain)

    def grant(self, user_id: str, project_id: str, role: str) -> None:
        """Give a user a role in a project."""
        self.request("PUT", f"/projects/{project_id}/users/{user_id}/roles/{self.find('roles', role)}")

    def grant_system(self, user_id: str, role: str) -> None:
        """Give a user a role in the whole system."""
        self.request("PUT", f"/system/users/{user_id}/roles/{self.find('roles', role)}")

    def create_application_credential(self, user: User, **fields: Any) -> ApplicationCredential:
        """Create one as the user does."""
        body = {"application_credential": {"name": f"app-{secrets.token_hex(5)}", **fields}}
        path = f"/users/{user.id}/application_credentials"
        made = self.request("POST", path, body, token=self.token(user)).body["application_credential"]
        return ApplicationCredential(made["id"], made["name"], made["secret"])

    @contextmanager
    def region(self, url: str) -> Iterator[str]:
        """Give a region that is there for the block, where the accounts of Swift are found at another URL."""
        name = f"region-{secrets.token_hex(5)}"
        self.request("POST", "/regions", {"region": {"id": name}})
        endpoint = self.create_endpoint(name, url)
        try:
            yield name
        finally:
            self.request("DELETE", f"/endpoints/{endpoint}")
            self.request("DELETE", f"/regions/{name}")

    def create_endpoint(self, region: str, url: str, interface: str = "public") -> str:
        """Let the accounts of Swift be found in a region at a URL, and give the endpoint's id."""
        service = self.find("services", "swift")
        account = f"{url}/v1/AUTH_$(project_id)s"
        return self.create("endpoints", interface=interface, region_id=region, service_id=service, url=account)

    def _send(self, request: urllib.request.Request, body: Json | None) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=SECONDS) as answer:
                text = answer.read()
                return Answer(answer.headers, json.loads(text) if text else None)
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise RequestRefused(f"{request.method} {request.full_url}: {said}", error.code) from None


@lru_cache
def _administrators_token(keystone: Keystone) -> str:
    user = {"name": "admin", "password": keystone.password, "domain": {"id": DEFAULT_DOMAIN}}
    scope = {"project": {"name": "admin", "domain": {"id": DEFAULT_DOMAIN}}}
    return keystone.login({"methods": ["password"], "password": {"user": user}}, scope).headers["X-Subject-Token"]
