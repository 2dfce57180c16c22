"""S3 against a strict server with signatures on."""

from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

import pytest

from clusterstate.errors import AccessDenied, AuthenticationFailed, StoreRefused
from clusterstate.sandbox.s3server import S3Server
from clusterstate.store.base import Store
from clusterstate.store.expect import proof_of
from clusterstate.store.options import StoreOptions
from tests.store.backends.s3.exams import Conformance, Faults, OnTheWire, Refusals
from tests.store.backends.s3.stores import s3_secret, secret
from tests.store.conformance import TWO_PAGES, keys_of
from tests.store.faults import ExpiryConformance
from tests.store.opening import SomeKeys, opened
from tests.support.faultproxy import FaultProxy

pytestmark = pytest.mark.objectstore


ROW = "s3 (versitygw)"


class TestS3(Conformance):
    scheme, row = "s3", ROW


class TestS3Faults(Faults):
    """By default the first write asks for the bucket's encryption."""

    scheme, row = "s3", ROW
    questions = 1


class TestS3Refusals(Refusals):
    """Whatever the bucket answers to the question about its encryption, AES256 is sent then, as kops does."""

    scheme, row = "s3", ROW
    requests: ClassVar = {"stranger": (1, 1, 2), "denied": (1, 1, 2), "nowhere": (1, 1, 2)}


class TestS3Expiry(ExpiryConformance):
    row = ROW

    @pytest.fixture
    async def expired(self, s3_server: S3Server, bucket: str, proxy: FaultProxy) -> AsyncIterator[Store]:
        """The server knows no session tokens, so it calls each one invalid, as AWS does once they are old."""
        keys = {"AWS_ACCESS_KEY_ID": s3_server.access_key, "AWS_SECRET_ACCESS_KEY": s3_server.secret_key}
        credentials = secret(keys | {"AWS_SESSION_TOKEN": "old"})
        async with opened(f"s3://{bucket}", credentials, StoreOptions(endpoint=proxy.endpoint)) as store:
            yield store


class TestS3OnTheWire(OnTheWire):
    scheme, row = "s3", ROW


class TestS3BelowAPrefix(Conformance):
    scheme, row = "s3", "s3, below a prefix"
    folder = "a team/pre.fix/"
    listed = TWO_PAGES

    @pytest.fixture
    async def store(self, s3_server: S3Server, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"s3://{bucket}/a team/pre.fix", s3_secret(s3_server, s3_server.endpoint)) as store:
            yield store
        async with opened(f"s3://{bucket}", s3_secret(s3_server, s3_server.endpoint)) as root:
            assert all(key.startswith("a team/pre.fix/") for key in await keys_of(root))

    @pytest.fixture
    async def rival(self, s3_server: S3Server, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"s3://{bucket}/a%20team/pre.fix/", s3_secret(s3_server, s3_server.endpoint)) as store:
            yield store


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server.endpoint) as proxy:
        yield proxy


async def test_looking_again_is_one_request(s3_server: S3Server, bucket: str, proxy: FaultProxy) -> None:
    credentials = s3_secret(s3_server, proxy.endpoint)
    async with opened(f"s3://{bucket}", credentials) as store:
        await store.write("c/config", b"x")
    proxy.counts.clear()
    for _ in range(3):
        async with opened(f"s3://{bucket}/c", credentials) as store:
            assert await keys_of(store) == ["config"]
    assert dict(proxy.counts) == {("GET", f"/{bucket}"): 3}


async def test_an_endpoint_is_proven_by_the_first_update(s3_server: S3Server, bucket: str, proxy: FaultProxy) -> None:
    async with opened(f"s3://{bucket}", s3_secret(s3_server, proxy.endpoint)) as store:
        version = await store.write("file", b"one")
        assert not store.capabilities.atomic_update
        proxy.counts.clear()
        version = await store.write("file", b"two", expect=version)
        assert (store.capabilities.atomic_create, store.capabilities.atomic_update) == (True, True)
        assert proxy.counts == {("GET", f"/{bucket}/file"): 1, ("PUT", f"/{bucket}/file"): 3}
        proxy.counts.clear()
        version = await store.write("file", b"three", expect=version)
        assert proxy.counts == {("PUT", f"/{bucket}/file"): 1}
        assert not store.capabilities.atomic_delete
        await store.delete("file", expect=version)
        assert store.capabilities.atomic_delete
        assert await keys_of(store) == []


async def test_what_one_store_proved_its_neighbours_know(s3_server: S3Server, bucket: str) -> None:
    async with opened(f"s3://{bucket}", s3_secret(s3_server, s3_server.endpoint)) as store:
        version = await store.write("file", b"one")
        await store.write("file", b"two", expect=version)
    async with opened(f"s3://{bucket}/other", s3_secret(s3_server, s3_server.endpoint)) as neighbour:
        assert neighbour.capabilities.atomic_update
    assert not proof_of("http://somebody.else", "", own=False).capabilities.atomic_update


async def test_an_unknown_key_is_told(s3_server: S3Server, bucket: str) -> None:
    async with opened(f"s3://{bucket}", s3_secret(SomeKeys("nobody", "x" * 20), s3_server.endpoint)) as store:
        with pytest.raises(AuthenticationFailed, match="InvalidAccessKeyId"):
            await store.read("file")


async def test_another_owner_is_told(s3_server: S3Server, bucket: str) -> None:
    options = StoreOptions(expected_bucket_owner="999999999999")
    async with opened(f"s3://{bucket}", s3_secret(s3_server, s3_server.endpoint), options) as store:
        with pytest.raises(AccessDenied, match="ExpectedBucketOwner=999999999999"):
            await keys_of(store)


async def test_a_wrong_signing_region_heals_by_itself(s3_server: S3Server, bucket: str, proxy: FaultProxy) -> None:
    credentials = s3_secret(s3_server, proxy.endpoint, S3_REGION="ap-south-2")
    async with opened(f"s3://{bucket}", credentials) as store:
        await store.write("file", b"x")
        proxy.counts.clear()
        assert await keys_of(store) == ["file"]
    assert proxy.counts.total() == 1


async def test_a_file_in_the_way_is_refused_with_the_servers_words(s3_server: S3Server, bucket: str) -> None:
    async with opened(f"s3://{bucket}", s3_secret(s3_server, s3_server.endpoint)) as store:
        await store.write("d1", b"x")
        with pytest.raises(StoreRefused, match="ObjectParentIsFile"):
            await store.write("d1/x", b"x")
