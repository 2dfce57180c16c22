"""OpenStack's Keystone and Swift as one server, which a whole test run shares; keep to users and containers of yours.

Create-only writes aren't atomic there, If-Match is ignored by PUT and DELETE: this is the real Swift. Users of
Keystone have the role `swiftoperator` in their project's account or may do nothing; a second proxy of the same
Swift has users of its own, for v1 authentication.
"""

import json
import os
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from clusterstate.sandbox.cache import Cache, Say, default_root, to_stderr
from clusterstate.sandbox.process import Child, free_port, on_free_ports
from clusterstate.sandbox.toolchain import install_locked
from tests.support.openstack.identity import OPERATOR, REGION, Keystone

HERE = Path(__file__).parent
READY_SECONDS = 90

LEGACY_ACCOUNT: Final = "acme"
"""The account of tempauth's users."""


def prepare(say: Say = to_stderr) -> Path:
    """Give the Python that has the servers, installed into the user's cache if it isn't there yet."""
    return install_locked("openstack", HERE / "requirements.txt", Cache(default_root(os.environ), say), say)


@dataclass(frozen=True)
class LegacyUser:
    """Somebody known to tempauth alone."""

    name: str
    """As it is sent: ACCOUNT:USER."""
    password: str = field(repr=False)


@dataclass(frozen=True)
class SwiftServer:
    """A running Keystone and Swift."""

    keystone: Keystone
    url: str
    """Of the proxy that asks Keystone; an account is found below, at /v1/AUTH_{project_id}."""
    legacy_url: str
    """Of the proxy with v1 authentication, at /auth/v1.0."""
    legacy: LegacyUser
    """May do everything in its account."""
    legacy_stranger: LegacyUser
    """May do nothing there."""
    children: tuple[Child, ...] = ()

    @classmethod
    def start(cls, directory: Path) -> Self:
        """Start both with their files and logs in `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        python, children = prepare(), []
        try:
            keystone, child = on_free_ports(lambda: _start_keystone(python, directory / "keystone"))
            children.append(child)
            service_password = _seed(keystone)
            server, child = on_free_ports(lambda: cls._start_swift(python, directory, keystone, service_password))
            children.append(child)
            keystone.create_endpoint(REGION, server.url)
        except BaseException:
            for child in children:
                child.stop()
            raise
        return replace(server, children=tuple(children))

    @classmethod
    def _start_swift(
        cls, python: Path, directory: Path, keystone: Keystone, service_password: str
    ) -> tuple[Self, Child]:
        users = [LegacyUser(f"{LEGACY_ACCOUNT}:{name}", secrets.token_urlsafe(15)) for name in ("owner", "stranger")]
        lines = [f"user_{user.name.replace(':', '_')} = {user.password}" for user in users]
        ports = {"port": free_port(), "legacy_port": free_port()}
        told: dict[str, Any] = {**ports, "identity": keystone.url, "service_password": service_password}
        told["users"] = [f"{lines[0]} .admin", lines[1]]
        folder = directory / f"swift-{told['port']}"
        child = _start_child(python, "serve_swift.py", folder, json.dumps(told))
        addresses = [f"http://127.0.0.1:{port}" for port in ports.values()]
        _wait(child, *(f"{address}/info" for address in addresses))
        return cls(keystone, addresses[0], addresses[1], users[0], users[1]), child

    def stop(self) -> None:
        for child in self.children:
            child.stop()

    def shared(self) -> Self:
        """Give the same server for another process, which can use it and not stop it."""
        return replace(self, children=())


def _start_keystone(python: Path, directory: Path) -> tuple[Keystone, Child]:
    port, password = free_port(), secrets.token_urlsafe(15)
    folder = directory.with_name(f"{directory.name}-{port}")
    child = _start_child(python, "serve_keystone.py", folder, str(port), password)
    url = f"http://127.0.0.1:{port}/v3"
    _wait(child, url)
    return Keystone(url, password), child


def _seed(keystone: Keystone) -> str:
    """Make what Swift itself needs, and give the password of its user."""
    keystone.create("roles", name=OPERATOR)
    password = secrets.token_urlsafe(15)
    project = keystone.create("projects", name="service", domain_id="default")
    user = keystone.create("users", name="swift", password=password, domain_id="default")
    keystone.grant(user, project, "admin")
    keystone.create("services", name="swift", type="object-store")
    return password


def _start_child(python: Path, script: str, folder: Path, *arguments: str) -> Child:
    folder.mkdir(parents=True)
    command = [python, "-I", "-W", "ignore", HERE / script, folder, *arguments]
    return Child.start(command, log=folder.with_suffix(".log"))


def _wait(child: Child, *urls: str) -> None:
    try:
        for url in urls:
            child.wait_ready(lambda url=url: _answers(url), timeout=READY_SECONDS)
    except BaseException:
        child.stop()
        raise


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
