"""OSS's row of the exams: at a custom endpoint, at OSS's own names, and in a bucket that keeps versions."""

import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import ClassVar

import pytest

from clusterstate.store.backends.oss.config import make_config
from clusterstate.store.base import Capabilities, Store
from clusterstate.store.credentials import Credentials
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.oss.stores import OwnNames, bare, oss_secret
from tests.store.conformance import TWO_PAGES, Mark, StoreConformance, keys_of
from tests.store.faults import ExpiryConformance, FaultConformance, Reach, RefusalConformance, WireConformance
from tests.store.opening import LOOPBACK, Keys, SomeKeys, opened
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.oss.server import REGION, OssServer

pytestmark = pytest.mark.objectstore

CREATES = Capabilities(atomic_create=True, atomic_update=False, atomic_delete=False)
STALE = "<Error><Code>StaleFile</Code><Message>File is stale for this operation</Message></Error>"
Open = Callable[[str, Keys], AbstractAsyncContextManager[Store]]


class Conformance(StoreConformance):
    folder: ClassVar[str] = ""
    """Where the store is in the bucket."""

    @pytest.fixture
    def mark(self, oss_server: OssServer, bucket: str) -> Mark:
        oss = oss_server.bucket(bucket)
        return lambda key: oss.put_object(self.folder + key, b"")


class TestOss(Conformance):
    row = "oss"
    promises: ClassVar = CREATES

    @pytest.fixture
    async def store(self, oss_server: OssServer, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"oss://{bucket}", oss_secret(oss_server, oss_server.endpoint)) as store:
            yield store

    @pytest.fixture
    async def rival(self, oss_server: OssServer, bucket: str) -> AsyncIterator[Store]:
        """Another client: its inputs differ by the spelling of the host, which is right all the same."""
        endpoint = oss_server.endpoint.replace("127.0.0.1", "localhost")
        async with opened(f"oss://{bucket}", oss_secret(oss_server, endpoint)) as store:
            yield store


class TestOssAtItsOwnNames(Conformance):
    row = "oss, own names"
    promises: ClassVar = CREATES
    listed = TWO_PAGES

    @pytest.fixture
    async def store(self, oss_server: OssServer, own: OwnNames, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"oss://{bucket}", oss_secret(oss_server), own.options(REGION)) as store:
            yield store
        assert set(own.proxy.targets) == {f"{bucket}.oss-{REGION}.aliyuncs.com:443"}

    @pytest.fixture
    async def rival(self, oss_server: OssServer, own: OwnNames, bucket: str) -> AsyncIterator[Store]:
        user = oss_server.create_user([{"Effect": "Allow", "Action": "oss:*", "Resource": f"*:{bucket}*"}])
        async with opened(f"oss://{bucket}", oss_secret(user), own.options(REGION)) as store:
            yield store


class TestOssWithVersions(Conformance):
    """OSS overwrites what is there by a create, in a bucket that keeps versions."""

    row = "oss, versioned bucket"
    promises: ClassVar = Capabilities(atomic_create=False, atomic_update=False, atomic_delete=False)
    listed = TWO_PAGES

    @pytest.fixture
    def bucket(self, oss_server: OssServer) -> str:
        return oss_server.create_bucket(f"test-{secrets.token_hex(5)}", versioning="Enabled")

    @pytest.fixture
    async def store(self, oss_server: OssServer, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"oss://{bucket}", oss_secret(oss_server, oss_server.endpoint)) as store:
            yield store

    @pytest.fixture
    async def rival(self, oss_server: OssServer, bucket: str) -> AsyncIterator[Store]:
        user = oss_server.create_user([{"Effect": "Allow", "Action": "oss:*", "Resource": f"*:{bucket}*"}])
        async with opened(f"oss://{bucket}", oss_secret(user, oss_server.endpoint)) as store:
            yield store


class TestOssBelowAPrefix(Conformance):
    row = "oss, below a prefix"
    folder = "a team/pre.fix/"
    promises: ClassVar = CREATES
    listed = TWO_PAGES

    @pytest.fixture
    async def store(self, oss_server: OssServer, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"oss://{bucket}/a team/pre.fix", oss_secret(oss_server, oss_server.endpoint)) as store:
            yield store
        async with opened(f"oss://{bucket}", oss_secret(oss_server, oss_server.endpoint)) as root:
            assert all(key.startswith("a team/pre.fix/") for key in await keys_of(root))

    @pytest.fixture
    async def rival(self, oss_server: OssServer, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"oss://{bucket}/a%20team/pre.fix/", oss_secret(oss_server, oss_server.endpoint)) as store:
            yield store


class TestOssFaults(FaultConformance):
    row = "oss"
    conflict = Fault(method="PUT", status=409, body=STALE)

    @pytest.fixture
    def credentials(self, oss_server: OssServer, proxy: FaultProxy) -> Credentials:
        return oss_secret(oss_server, proxy.endpoint)

    @pytest.fixture
    async def store(self, bucket: str, credentials: Credentials) -> AsyncIterator[Store]:
        async with opened(f"oss://{bucket}", credentials) as store:
            yield store

    @pytest.fixture
    async def hurried(self, bucket: str, credentials: Credentials) -> AsyncIterator[Store]:
        config = make_config(Opening(Location("oss", bucket), StoreOptions(), credentials, LOOPBACK))
        wire = replace(config.inputs.wire, read_seconds=0.3)
        async with bare(bucket, replace(config, inputs=replace(config.inputs, wire=wire))) as store:
            yield store


class TestOssRefusals(RefusalConformance):
    row = "oss"
    permissions: ClassVar = {
        name: rf"Grant oss:{permission} to RAM user \d+\."
        for name, permission in (("list", "ListObjects"), ("read", "GetObject"), ("write", "PutObject"))
    }

    @pytest.fixture
    def open_as(self, proxy: FaultProxy) -> Open:
        return lambda bucket, keys: opened(f"oss://{bucket}", oss_secret(keys, proxy.endpoint))

    @pytest.fixture
    async def stranger(self, oss_server: OssServer, bucket: str, open_as: Open, canary: str) -> AsyncIterator[Store]:
        async with open_as(bucket, SomeKeys(oss_server.access_key, canary)) as store:
            yield store

    @pytest.fixture
    async def denied(self, oss_server: OssServer, bucket: str, open_as: Open) -> AsyncIterator[Store]:
        async with open_as(bucket, oss_server.create_user()) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, oss_server: OssServer, open_as: Open) -> AsyncIterator[Store]:
        async with open_as("no-such-bucket", oss_server) as store:
            yield store


class TestOssExpiry(ExpiryConformance):
    row = "oss"

    @pytest.fixture
    async def expired(self, oss_server: OssServer, bucket: str, proxy: FaultProxy) -> AsyncIterator[Store]:
        old = oss_server.lend(seconds=-1)
        async with opened(f"oss://{bucket}", oss_secret(old, proxy.endpoint)) as store:
            yield store


class TestOssOnTheWire(WireConformance):
    row = "oss"

    @pytest.fixture
    def reach(self, oss_server: OssServer, bucket: str, tls: ssl.SSLContext) -> Iterator[Reach]:
        with FaultProxy(oss_server.endpoint, context=tls) as front:
            credentials = oss_secret(oss_server, front.endpoint)
            yield lambda options: opened(f"oss://{bucket}", credentials, options)
