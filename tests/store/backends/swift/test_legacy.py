"""The exams on real Swift with v1 authentication, where tokens and files are asked for at the same address."""

import ssl
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

import pytest

from clusterstate.store.base import Capabilities, Store
from clusterstate.store.credentials import Credentials
from tests.store.backends.swift.stores import SwiftFaultConformance, legacy_secret, make_container, permissions
from tests.store.conformance import TWO_PAGES, Mark, StoreConformance
from tests.store.faults import Reach, RefusalConformance, WireConformance
from tests.store.opening import opened
from tests.support.faultproxy import FaultProxy
from tests.support.openstack.account import Account
from tests.support.openstack.server import LegacyUser, SwiftServer

pytestmark = pytest.mark.objectstore
ROW = "swift (v1)"


@pytest.fixture
async def container(swift_server: SwiftServer) -> str:
    return await make_container(legacy_secret(swift_server, swift_server.legacy))


@pytest.fixture
def proxy(swift_server: SwiftServer) -> Iterator[FaultProxy]:
    """A face; with a token Swift gives the address that it was asked at."""
    with FaultProxy(swift_server.legacy_url) as proxy:
        yield proxy


@pytest.fixture
def where(proxy: FaultProxy) -> dict[str, str]:
    return {"OS_AUTH_URL": f"{proxy.endpoint}/auth/v1.0"}


class TestLegacy(StoreConformance):
    row = ROW
    promises: ClassVar = Capabilities(atomic_create=False, atomic_update=False, atomic_delete=False)
    listed = TWO_PAGES

    @pytest.fixture
    def mark(self, swift_server: SwiftServer, container: str) -> Mark:
        account = Account.of_legacy(swift_server)
        return lambda key: account.mark(f"{container}/{key}")

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


class TestLegacyFaults(SwiftFaultConformance):
    row = ROW

    @pytest.fixture
    def credentials(self, swift_server: SwiftServer, where: dict[str, str]) -> Credentials:
        return legacy_secret(swift_server, swift_server.legacy, **where)


class TestLegacyRefusals(RefusalConformance):
    """Who is known has a token from the first request on. Swift doesn't say which is missing, file or container."""

    row = ROW
    permissions: ClassVar = permissions("user acme:stranger")
    requests: ClassVar = {"stranger": (1, 1, 1), "denied": (2, 1, 1), "nowhere": (2, 2, 1)}

    @pytest.fixture
    async def stranger(
        self, swift_server: SwiftServer, container: str, where: dict[str, str], canary: str
    ) -> AsyncIterator[Store]:
        credentials = legacy_secret(swift_server, LegacyUser(swift_server.legacy.name, canary), **where)
        async with opened(f"swift://{container}", credentials) as store:
            yield store

    @pytest.fixture
    async def denied(self, swift_server: SwiftServer, container: str, where: dict[str, str]) -> AsyncIterator[Store]:
        credentials = legacy_secret(swift_server, swift_server.legacy_stranger, **where)
        async with opened(f"swift://{container}", credentials) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, swift_server: SwiftServer, where: dict[str, str]) -> AsyncIterator[Store]:
        credentials = legacy_secret(swift_server, swift_server.legacy, **where)
        async with opened("swift://no-such-container", credentials) as store:
            yield store


class TestLegacyOnTheWire(WireConformance):
    row = ROW

    @pytest.fixture
    def reach(self, swift_server: SwiftServer, container: str, tls: ssl.SSLContext) -> Iterator[Reach]:
        with FaultProxy(swift_server.legacy_url, context=tls) as front:
            url = f"{front.endpoint}/auth/v1.0"
            credentials = legacy_secret(swift_server, swift_server.legacy, OS_AUTH_URL=url)
            yield lambda options: opened(f"swift://{container}", credentials, options)
