"""The exams on real Swift and Keystone; `test_legacy` has those on Swift with v1 authentication."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from clusterstate.store.base import Capabilities, Store
from clusterstate.store.credentials import Credentials
from tests.store.backends.swift.stores import SwiftFaultConformance, application_secret, permissions, swift_secret
from tests.store.conformance import Mark, StoreConformance
from tests.store.faults import ExpiryConformance, Reach, RefusalConformance, WireConformance
from tests.store.opening import opened
from tests.support.faultproxy import FaultProxy
from tests.support.openstack.account import Account
from tests.support.openstack.identity import User
from tests.support.openstack.server import SwiftServer

pytestmark = pytest.mark.objectstore
ROW = "swift (Keystone)"


class TestSwift(StoreConformance):
    row = ROW
    promises: ClassVar = Capabilities(atomic_create=False, atomic_update=False, atomic_delete=False)

    @pytest.fixture
    def mark(self, swift_server: SwiftServer, user: User, container: str) -> Mark:
        account = Account.of(swift_server, user)
        return lambda key: account.mark(f"{container}/{key}")

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


class Faced:
    """Keystone and Swift are asked through a face each; Swift's is in a region of its own."""

    @pytest.fixture
    def proxy(self, swift_server: SwiftServer) -> Iterator[FaultProxy]:
        with FaultProxy(swift_server.url) as proxy:
            yield proxy

    @pytest.fixture
    def identity(self, swift_server: SwiftServer) -> Iterator[FaultProxy]:
        with FaultProxy(swift_server.keystone.url.removesuffix("/v3")) as identity:
            yield identity

    @pytest.fixture
    def faces(self, proxy: FaultProxy, identity: FaultProxy) -> Sequence[FaultProxy]:
        return proxy, identity

    @pytest.fixture
    def where(self, swift_server: SwiftServer, proxy: FaultProxy, identity: FaultProxy) -> Iterator[dict[str, str]]:
        with swift_server.keystone.region(proxy.endpoint) as region:
            yield {"OS_AUTH_URL": f"{identity.endpoint}/v3", "OS_REGION_NAME": region}


class TestSwiftFaults(Faced, SwiftFaultConformance):
    row = ROW

    @pytest.fixture
    def credentials(self, swift_server: SwiftServer, user: User, where: dict[str, str]) -> Credentials:
        return swift_secret(swift_server, user, **where)


class TestSwiftRefusals(Faced, RefusalConformance):
    """Who is known has a token from the first request on. Swift doesn't say which is missing, file or container."""

    row = ROW
    permissions: ClassVar = permissions(r"user user-\w+ of project project-\w+")
    requests: ClassVar = {"stranger": (1, 1, 1), "denied": (2, 1, 1), "nowhere": (2, 2, 1)}

    @pytest.fixture
    async def stranger(
        self, swift_server: SwiftServer, user: User, container: str, where: dict[str, str], canary: str
    ) -> AsyncIterator[Store]:
        credentials = swift_secret(swift_server, user, OS_PASSWORD=canary, **where)
        async with opened(f"swift://{container}", credentials) as store:
            yield store

    @pytest.fixture
    async def denied(
        self, swift_server: SwiftServer, user: User, container: str, where: dict[str, str]
    ) -> AsyncIterator[Store]:
        reader = swift_server.keystone.create_user("reader", project=user)
        async with opened(f"swift://{container}", swift_secret(swift_server, reader, **where)) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, swift_server: SwiftServer, user: User, where: dict[str, str]) -> AsyncIterator[Store]:
        async with opened("swift://no-such-container", swift_secret(swift_server, user, **where)) as store:
            yield store


class TestSwiftExpiry(Faced, ExpiryConformance):
    row = ROW

    @pytest.fixture
    async def expired(
        self, swift_server: SwiftServer, user: User, container: str, where: dict[str, str]
    ) -> AsyncIterator[Store]:
        """An application credential whose time is over."""
        end = datetime.now(UTC) + timedelta(seconds=4)
        made = swift_server.keystone.create_application_credential(user, expires_at=f"{end:%Y-%m-%dT%H:%M:%S.%fZ}")
        await asyncio.sleep((end - datetime.now(UTC)).total_seconds() + 0.1)
        async with opened(f"swift://{container}", application_secret(swift_server, made, **where)) as store:
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
