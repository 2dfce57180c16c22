"""S3 against a strict server with signatures on."""

import secrets
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest

from clusterstate.errors import AccessDenied, AuthenticationFailed, StoreNotFound, StoreRefused
from clusterstate.sandbox.s3server import S3Server
from clusterstate.store.backends.s3.expect import proof_of
from clusterstate.store.base import Store
from clusterstate.store.options import StoreOptions
from tests.store.backends.s3.stores import SomeKeys, s3_secret
from tests.store.conformance import StoreConformance, keys_of
from tests.store.opening import opened
from tests.support.faultproxy import FaultProxy

pytestmark = pytest.mark.objectstore


class TestS3(StoreConformance):
    @pytest.fixture
    async def store(self, s3_server: S3Server, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"s3://{bucket}", s3_secret(s3_server, s3_server.endpoint)) as store:
            yield store

    @pytest.fixture
    async def rival(self, s3_server: S3Server, bucket: str) -> AsyncIterator[Store]:
        """Another client: its inputs differ by the region, which is right all the same."""
        credentials = s3_secret(s3_server, s3_server.endpoint, S3_REGION=s3_server.region, AWS_REGION="eu-west-1")
        async with opened(f"s3://{bucket}", credentials) as store:
            yield store


class TestS3BelowAPrefix(TestS3):
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
    assert not proof_of("http://somebody.else").capabilities.atomic_update


async def test_a_wrong_secret_is_told_without_showing_it(s3_server: S3Server, bucket: str) -> None:
    canary = secrets.token_hex(20)
    wrong = SomeKeys(s3_server.access_key, canary)
    async with opened(f"s3://{bucket}", s3_secret(wrong, s3_server.endpoint)) as store:
        with pytest.raises(AuthenticationFailed, match=bucket) as caught:
            await keys_of(store)
    assert "SignatureDoesNotMatch" in caught.value.message
    assert canary not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


async def test_an_unknown_key_is_told(s3_server: S3Server, bucket: str) -> None:
    async with opened(f"s3://{bucket}", s3_secret(SomeKeys("nobody", "x" * 20), s3_server.endpoint)) as store:
        with pytest.raises(AuthenticationFailed, match="InvalidAccessKeyId"):
            await store.read("file")


async def test_a_missing_bucket_is_told(s3_server: S3Server) -> None:
    async with opened("s3://no-such-bucket", s3_secret(s3_server, s3_server.endpoint)) as store:
        with pytest.raises(StoreNotFound, match="no-such-bucket"):
            await keys_of(store)
        with pytest.raises(StoreNotFound):
            await store.read("file")
        with pytest.raises(StoreNotFound):
            await store.write("file", b"x")


async def test_a_denied_user_learns_the_permission(s3_server: S3Server, bucket: str) -> None:
    user = s3_server.create_user()
    async with opened(f"s3://{bucket}", s3_secret(user, s3_server.endpoint)) as store:
        with pytest.raises(AccessDenied, match="s3:ListBucket"):
            await keys_of(store)
        with pytest.raises(AccessDenied, match="s3:GetObject"):
            await store.read("file")
        with pytest.raises(AccessDenied, match="s3:PutObject"):
            await store.write("file", b"x")


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


async def test_folder_markers_are_not_files(s3_server: S3Server, bucket: str) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="c/")
    async with opened(f"s3://{bucket}", s3_secret(s3_server, s3_server.endpoint)) as store:
        await store.write("c/config", b"x")
        assert await keys_of(store) == ["c/config"]
        assert await keys_of(store, "c/", shallow=True) == ["c/config"]
