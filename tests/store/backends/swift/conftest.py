"""A user of Keystone, and a container of the user's."""

import pytest

from tests.store.backends.swift.stores import make_container, swift_secret
from tests.support.openstack.identity import User
from tests.support.openstack.server import SwiftServer


@pytest.fixture(scope="module")
def user(swift_server: SwiftServer) -> User:
    return swift_server.keystone.create_user()


@pytest.fixture
async def container(swift_server: SwiftServer, user: User) -> str:
    return await make_container(swift_secret(swift_server, user))
