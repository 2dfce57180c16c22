"""The exams on real Swift and Keystone, and on Swift with v1 authentication."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from clusterstate.store.backends.swift.config import make_inputs
from clusterstate.store.base import Capabilities, Store
from clusterstate.store.credentials import Credentials
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.wrappers import RequestCounts
from tests.store.backends.swift.stores import application_secret, bare, legacy_secret, make_container, swift_secret
from tests.store.conformance import StoreConformance
from tests.store.faults import ExpiryConformance, FaultConformance, Reach, RefusalConformance, WireConformance
from tests.store.opening import LOOPBACK, opened
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.openstack.identity import User
from tests.support.openstack.server import LegacyUser, SwiftServer

pytestmark = pytest.mark.objectstore
ROW = "swift (Keystone)"
LEGACY_ROW = "swift (v1)"
NOTHING = Capabilities(atomic_create=False, atomic_update=False, atomic_delete=False)


class TestSwift(StoreConformance):
    row = ROW
    promises: ClassVar = NOTHING

    @pytest.fixture
    async def store(self, swift_server: SwiftServer, user: User, container: str) -> AsyncIterator[Store]:
        async with opened(f"swift://{container}", swift_secret(swift_server, user)) as store:
            yield store

    @pytest.fixture
    async def rival(self, swift_server: SwiftServer, user: User, container: str) -> AsyncIterator[Store]:
        """Another user of the same project."""
        other = swift_server.keystone.create_user(project=user)
        async with opened(f"swift://{container}", swift_secret(swift_server, other)) as store:
            yield store


class TestSwiftFaults(FaultConformance):
    row = ROW
    conflict = Fault(method="PUT", status=409)

    @pytest.fixture
    def proxy(self, swift_server: SwiftServer) -> Iterator[FaultProxy]:
        with FaultProxy(swift_server.url) as proxy:
            yield proxy

    @pytest.fixture
    def credentials(self, swift_server: SwiftServer, user: User, proxy: FaultProxy) -> Iterator[Credentials]:
        with swift_server.keystone.region(proxy.endpoint) as region:
            yield swift_secret(swift_server, user, OS_REGION_NAME=region)

    @pytest.fixture
    async def store(self, container: str, credentials: Credentials) -> AsyncIterator[Store]:
        async with opened(f"swift://{container}", credentials) as store:
            yield store

    @pytest.fixture
    async def hurried(self, container: str, credentials: Credentials) -> AsyncIterator[Store]:
        location = Location.parse(f"swift://{container}")
        inputs = make_inputs(Opening(location, StoreOptions(), credentials, LOOPBACK))
        async with bare(container, replace(inputs, wire=replace(inputs.wire, read_seconds=0.3))) as store:
            yield store


def permissions(who: str) -> dict[str, str]:
    return {
        name: rf"Grant a role of operator_roles, or the container's {acl} ACL \(X-Container-{acl.title()}\), to {who}\."
        for name, acl in (("list", "read"), ("read", "read"), ("write", "write"))
    }


class TestSwiftRefusals(RefusalConformance):
    row = ROW
    permissions: ClassVar = permissions(r"user user-\w+ of project project-\w+")

    @pytest.fixture
    async def stranger(
        self, swift_server: SwiftServer, user: User, container: str, counts: RequestCounts, canary: str
    ) -> AsyncIterator[Store]:
        credentials = swift_secret(swift_server, user, OS_PASSWORD=canary)
        async with opened(f"swift://{container}", credentials, counts=counts) as store:
            yield store

    @pytest.fixture
    async def denied(
        self, swift_server: SwiftServer, user: User, container: str, counts: RequestCounts
    ) -> AsyncIterator[Store]:
        reader = swift_server.keystone.create_user("reader", project=user)
        async with opened(f"swift://{container}", swift_secret(swift_server, reader), counts=counts) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, swift_server: SwiftServer, user: User, counts: RequestCounts) -> AsyncIterator[Store]:
        async with opened("swift://no-such-container", swift_secret(swift_server, user), counts=counts) as store:
            yield store


class TestSwiftExpiry(ExpiryConformance):
    row = ROW

    @pytest.fixture
    async def expired(
        self, swift_server: SwiftServer, user: User, container: str, counts: RequestCounts
    ) -> AsyncIterator[Store]:
        """An application credential whose time is over."""
        end = datetime.now(UTC) + timedelta(seconds=4)
        made = swift_server.keystone.create_application_credential(user, expires_at=f"{end:%Y-%m-%dT%H:%M:%S.%fZ}")
        await asyncio.sleep((end - datetime.now(UTC)).total_seconds() + 0.1)
        async with opened(f"swift://{container}", application_secret(swift_server, made), counts=counts) as store:
            yield store


class TestSwiftOnTheWire(WireConformance):
    row = ROW

    @pytest.fixture
    def reach(self, swift_server: SwiftServer, user: User, container: str, tls: ssl.SSLContext) -> Iterator[Reach]:
        keystone = swift_server.keystone
        with (
            FaultProxy(keystone.url.removesuffix("/v3"), context=tls) as identity,
            FaultProxy(swift_server.url, context=tls) as swift,
            keystone.region(swift.endpoint) as region,
        ):
            url = f"{identity.endpoint}/v3"
            credentials = swift_secret(swift_server, user, OS_AUTH_URL=url, OS_REGION_NAME=region)
            yield lambda options: opened(f"swift://{container}", credentials, options)


class TestSwiftLegacy(StoreConformance):
    row = LEGACY_ROW
    promises: ClassVar = NOTHING

    @pytest.fixture
    async def container(self, swift_server: SwiftServer) -> str:
        return await make_container(legacy_secret(swift_server, swift_server.legacy))

    @pytest.fixture
    async def store(self, swift_server: SwiftServer, container: str) -> AsyncIterator[Store]:
        async with opened(f"swift://{container}", legacy_secret(swift_server, swift_server.legacy)) as store:
            yield store

    @pytest.fixture
    async def rival(self, swift_server: SwiftServer, container: str) -> AsyncIterator[Store]:
        """Another client: its inputs differ by the spelling of the host, which is right all the same."""
        url = f"{swift_server.legacy_url}/auth/v1.0".replace("127.0.0.1", "localhost")
        credentials = legacy_secret(swift_server, swift_server.legacy, OS_AUTH_URL=url)
        async with opened(f"swift://{container}", credentials) as store:
            yield store


class TestSwiftLegacyRefusals(RefusalConformance):
    row = LEGACY_ROW
    permissions: ClassVar = permissions("user acme:stranger")

    @pytest.fixture
    async def container(self, swift_server: SwiftServer) -> str:
        return await make_container(legacy_secret(swift_server, swift_server.legacy))

    @pytest.fixture
    async def stranger(
        self, swift_server: SwiftServer, container: str, counts: RequestCounts, canary: str
    ) -> AsyncIterator[Store]:
        credentials = legacy_secret(swift_server, LegacyUser(swift_server.legacy.name, canary))
        async with opened(f"swift://{container}", credentials, counts=counts) as store:
            yield store

    @pytest.fixture
    async def denied(self, swift_server: SwiftServer, container: str, counts: RequestCounts) -> AsyncIterator[Store]:
        credentials = legacy_secret(swift_server, swift_server.legacy_stranger)
        async with opened(f"swift://{container}", credentials, counts=counts) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, swift_server: SwiftServer, counts: RequestCounts) -> AsyncIterator[Store]:
        credentials = legacy_secret(swift_server, swift_server.legacy)
        async with opened("swift://no-such-container", credentials, counts=counts) as store:
            yield store
