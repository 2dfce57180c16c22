"""The exams of S3 and its flavours on the strict server; a class of each scheme inherits them."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import ClassVar

import pytest

from clusterstate.sandbox.s3server import S3Server
from clusterstate.store.backends.s3.config import make_config
from clusterstate.store.base import Store
from clusterstate.store.credentials import Credentials
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.s3.stores import bare, s3_secret
from tests.store.conformance import Mark, StoreConformance
from tests.store.faults import FaultConformance, Reach, RefusalConformance, WireConformance
from tests.store.opening import LOOPBACK, Keys, SomeKeys, opened
from tests.support.faultproxy import Fault, FaultProxy

CONFLICT = "<Error><Code>ConditionalRequestConflict</Code><Message>Try again</Message></Error>"
Open = Callable[[str, Keys], AbstractAsyncContextManager[Store]]


class OfAScheme:
    scheme: ClassVar[str]

    @pytest.fixture
    def url(self, bucket: str) -> str:
        return f"{self.scheme}://{bucket}"

    @pytest.fixture
    def proxy(self, s3_server: S3Server) -> Iterator[FaultProxy]:
        with FaultProxy(s3_server.endpoint) as proxy:
            yield proxy


class Conformance(OfAScheme, StoreConformance):
    folder: ClassVar[str] = ""
    """Where the store is in the bucket."""

    @pytest.fixture
    def mark(self, s3_server: S3Server, bucket: str) -> Mark:
        s3 = s3_server.client()
        return lambda key: s3.put_object(Bucket=bucket, Key=self.folder + key)

    @pytest.fixture
    async def store(self, s3_server: S3Server, url: str) -> AsyncIterator[Store]:
        async with opened(url, s3_secret(s3_server, s3_server.endpoint, scheme=self.scheme)) as store:
            yield store

    @pytest.fixture
    async def rival(self, s3_server: S3Server, url: str) -> AsyncIterator[Store]:
        """Another client: its inputs differ by the spelling of the host, which is right all the same."""
        endpoint = s3_server.endpoint.replace("127.0.0.1", "localhost")
        async with opened(url, s3_secret(s3_server, endpoint, scheme=self.scheme)) as store:
            yield store


class Faults(OfAScheme, FaultConformance):
    conflict = Fault(method="PUT", status=409, body=CONFLICT)

    @pytest.fixture
    def credentials(self, s3_server: S3Server, proxy: FaultProxy) -> Credentials:
        return s3_secret(s3_server, proxy.endpoint, scheme=self.scheme)

    @pytest.fixture
    async def store(self, url: str, credentials: Credentials) -> AsyncIterator[Store]:
        async with opened(url, credentials) as store:
            yield store

    @pytest.fixture
    async def hurried(self, url: str, bucket: str, credentials: Credentials) -> AsyncIterator[Store]:
        config = make_config(Opening(Location.parse(url), StoreOptions(), credentials, LOOPBACK))
        wire = replace(config.inputs.wire, read_seconds=0.3)
        async with bare(bucket, replace(config, inputs=replace(config.inputs, wire=wire))) as store:
            yield store


class Refusals(OfAScheme, RefusalConformance):
    permissions: ClassVar = {
        name: rf"Grant s3:{permission} to access key \w+\."
        for name, permission in (("list", "ListBucket"), ("read", "GetObject"), ("write", "PutObject"))
    }

    @pytest.fixture
    def open_as(self, proxy: FaultProxy) -> Open:
        return lambda url, keys: opened(url, s3_secret(keys, proxy.endpoint, scheme=self.scheme))

    @pytest.fixture
    async def stranger(self, s3_server: S3Server, url: str, open_as: Open, canary: str) -> AsyncIterator[Store]:
        async with open_as(url, SomeKeys(s3_server.access_key, canary)) as store:
            yield store

    @pytest.fixture
    async def denied(self, s3_server: S3Server, url: str, open_as: Open) -> AsyncIterator[Store]:
        async with open_as(url, s3_server.create_user()) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, s3_server: S3Server, open_as: Open) -> AsyncIterator[Store]:
        async with open_as(f"{self.scheme}://no-such-bucket", s3_server) as store:
            yield store


class OnTheWire(OfAScheme, WireConformance):
    @pytest.fixture
    def reach(self, s3_server: S3Server, url: str, tls: ssl.SSLContext) -> Iterator[Reach]:
        with FaultProxy(s3_server.endpoint, context=tls) as front:
            credentials = s3_secret(s3_server, front.endpoint, scheme=self.scheme)
            yield lambda options: opened(url, credentials, options)
