"""OpenStack Swift, as a user of Keystone."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pytest

from tests.support.openstack.account import Account
from tests.support.openstack.identity import REGION, ApplicationCredential, User
from tests.support.openstack.server import SwiftServer
from tests.support.operating import Body


@dataclass(frozen=True)
class SwiftBacking:
    """A container, reached by an application credential of its owner's."""

    server: SwiftServer
    user: User
    credential: ApplicationCredential
    container: str

    @property
    def url(self) -> str:
        return f"swift://{self.container}"

    @property
    def replacements(self) -> Mapping[str, str]:
        return {
            "swift://acme-state-store": self.url,
            "https://keystone.example.com/v3": self.server.keystone.url,
            "EXAMPLE-REGION": REGION,
            "EXAMPLE-ID": self.credential.id,
            "EXAMPLE-SECRET": self.credential.secret,
        }

    @property
    def environ(self) -> Mapping[str, str]:
        return {}

    def secret(self, name: str = "store") -> Body:
        """Give the Secret that a manifest names."""
        data = {
            "OS_AUTH_URL": self.server.keystone.url,
            "OS_REGION_NAME": REGION,
            "OS_APPLICATION_CREDENTIAL_ID": self.credential.id,
            "OS_APPLICATION_CREDENTIAL_SECRET": self.credential.secret,
        }
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}

    @cached_property
    def account(self) -> Account:
        return Account.of(self.server, self.user)

    def put(self, key: str, data: bytes) -> None:
        self.account.put(self.container, b"")
        self.account.put(f"{self.container}/{key}", data)

    def read(self, key: str) -> bytes:
        return self.account.read(f"{self.container}/{key}")

    def keys(self) -> list[str]:
        return list(self.account.keys(self.container)) if self.account.has(self.container) else []

    def files(self) -> dict[str, bytes]:
        return {key: self.read(key) for key in self.keys()}


@pytest.fixture
def swift_backing(swift_server: SwiftServer) -> SwiftBacking:
    user = swift_server.keystone.create_user()
    credential = swift_server.keystone.create_application_credential(user)
    return SwiftBacking(swift_server, user, credential, f"test-{secrets.token_hex(5)}")
