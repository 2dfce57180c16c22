"""Google Cloud Storage, with tokens, permissions and preconditions checked."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import ClassVar

import pytest
from joserfc.jwk import RSAKey

from clusterstate.errors import AccessDenied
from clusterstate.store.backends.gcs.config import make_config
from clusterstate.store.base import Store
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.gcs.stores import federation, knowing, of_config, open_as, open_through, secret
from tests.store.conformance import Mark, StoreConformance, keys_of
from tests.store.faults import ExpiryConformance, FaultConformance, Reach, RefusalConformance, WireConformance
from tests.store.opening import opened
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.gcs.server import GcsServer
from tests.support.tokens import Issuer

pytestmark = pytest.mark.objectstore
ROW = "gs (fake-gcs-server)"
OTHER_KEY = RSAKey.generate_key(2048)
Open = Callable[[str, Iterable[str]], AbstractAsyncContextManager[Store]]


class TestGcs(StoreConformance):
    row = ROW
    path: ClassVar = ("", "")
    """Behind the bucket in the URL, as it is spelt for `store` and for `rival`."""
    folder: ClassVar[str] = ""
    """Where that is in the bucket."""

    @pytest.fixture
    def mark(self, gcs_server: GcsServer, bucket: str) -> Mark:
        return lambda key: gcs_server.put(bucket, self.folder + key, b"")

    @pytest.fixture
    async def store(self, gcs_server: GcsServer, bucket: str) -> AsyncIterator[Store]:
        async with open_as(gcs_server, f"gs://{bucket}{self.path[0]}", gcs_server.create_account()) as store:
            yield store

    @pytest.fixture
    async def rival(self, gcs_server: GcsServer, bucket: str) -> AsyncIterator[Store]:
        """Somebody else, so another client too."""
        async with open_as(gcs_server, f"gs://{bucket}{self.path[1]}", gcs_server.create_account()) as store:
            yield store


class TestGcsBelowAPrefix(TestGcs):
    row = "gs, below a prefix"
    path = ("/a team/pre.fix", "/a%20team/pre.fix/")
    folder = "a team/pre.fix/"

    @pytest.fixture(autouse=True)
    async def _nothing_beside(self, gcs_server: GcsServer, bucket: str) -> AsyncIterator[None]:
        yield
        assert all(key.startswith("a team/pre.fix/") for key in gcs_server.keys(bucket))


class TestGcsWithLists(TestGcs):
    """Files with access control lists of their own: what is written is the same, and more is asked."""

    row = "gs, without uniform access"

    @pytest.fixture
    def bucket(self, gcs_server: GcsServer) -> str:
        return gcs_server.create_bucket(uniform=False)


class Faced:
    @pytest.fixture
    def proxy(self, gcs_server: GcsServer) -> Iterator[FaultProxy]:
        """The face of the files and of the tokens."""
        with FaultProxy(gcs_server.endpoint) as proxy:
            yield proxy


class TestGcsFaults(Faced, FaultConformance):
    """The first write asks for a token, and the bucket whether its files have lists."""

    row = ROW
    conflict = Fault(method="POST", status=409, body='{"error": {"errors": [{"reason": "conflict"}]}}')
    write_method = "POST"
    questions = 2

    @pytest.fixture
    async def store(self, gcs_server: GcsServer, bucket: str, proxy: FaultProxy) -> AsyncIterator[Store]:
        account = gcs_server.create_account(token_uri=f"{proxy.endpoint}/token")
        async with open_through(proxy, f"gs://{bucket}", secret(account.document)) as store:
            yield store

    @pytest.fixture
    def hurried(self, gcs_server: GcsServer, bucket: str, proxy: FaultProxy) -> Store:
        credentials = secret(gcs_server.create_account().document)
        options, policy = StoreOptions(endpoint=proxy.endpoint), knowing(gcs_server.endpoint)
        config = make_config(Opening(Location("gs", bucket), options, credentials, policy))
        wire = replace(config.inputs.wire, read_seconds=0.3)
        return of_config(bucket, replace(config, inputs=replace(config.inputs, wire=wire)))


class TestGcsRefusals(Faced, RefusalConformance):
    """Who is known has a token from the first request on. A write asks first whether the bucket's files have lists."""

    row = ROW
    permissions: ClassVar = {
        name: rf"Grant storage\.objects\.{permission} to sa-\w+@acme\.iam\.gserviceaccount\.com\."
        for name, permission in (("list", "list"), ("read", "get"), ("write", "create"))
    }
    requests: ClassVar = {"stranger": (1, 1, 1), "denied": (2, 1, 2), "nowhere": (2, 1, 1)}

    @pytest.fixture
    def open_with(self, gcs_server: GcsServer, proxy: FaultProxy) -> Open:
        """Give what opens a store for somebody with these permissions."""

        def open_with(url: str, permissions: Iterable[str]) -> AbstractAsyncContextManager[Store]:
            account = gcs_server.create_account(permissions, token_uri=f"{proxy.endpoint}/token")
            return open_through(proxy, url, secret(account.document))

        return open_with

    @pytest.fixture
    async def stranger(
        self, gcs_server: GcsServer, bucket: str, proxy: FaultProxy, canary: str
    ) -> AsyncIterator[Store]:
        account = gcs_server.create_account(token_uri=f"{proxy.endpoint}/token")
        wrong = account.changed(private_key=OTHER_KEY.as_pem(private=True).decode(), private_key_id=canary)
        async with open_through(proxy, f"gs://{bucket}", secret(wrong)) as store:
            yield store

    @pytest.fixture
    async def denied(self, bucket: str, open_with: Open) -> AsyncIterator[Store]:
        async with open_with(f"gs://{bucket}", ["storage.buckets.get"]) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, open_with: Open) -> AsyncIterator[Store]:
        async with open_with("gs://no-such-bucket", ["*"]) as store:
            yield store


class TestGcsExpiry(Faced, ExpiryConformance):
    row = ROW

    @pytest.fixture
    async def expired(self, gcs_server: GcsServer, bucket: str, proxy: FaultProxy) -> AsyncIterator[Store]:
        """A token that was to be exchanged, and has had its time."""
        issuer = Issuer()
        exchange = federation(gcs_server, issuer.key, url=proxy.endpoint)
        credentials = secret(exchange.document, GOOGLE_SUBJECT_TOKEN=issuer.issue(exchange.audience, seconds=-60))
        async with open_through(proxy, f"gs://{bucket}", credentials) as store:
            yield store


class TestGcsOnTheWire(WireConformance):
    row = ROW

    @pytest.fixture
    def reach(self, gcs_server: GcsServer, bucket: str, tls: ssl.SSLContext) -> Iterator[Reach]:
        with FaultProxy(gcs_server.endpoint, context=tls) as front:
            account = gcs_server.create_account(token_uri=f"{front.endpoint}/token")
            credentials, policy = secret(account.document), knowing(front.endpoint)
            yield lambda options: opened(
                f"gs://{bucket}", credentials, replace(options, endpoint=front.endpoint), policy
            )


async def test_reading_asks_for_nothing_else(gcs_server: GcsServer, bucket: str) -> None:
    """Neither we nor the SDK, which would have a thread ask for the bucket's metadata."""
    gcs_server.put(bucket, "file", b"x")
    with FaultProxy(gcs_server.endpoint) as face:
        options = StoreOptions(endpoint=face.endpoint)
        account = gcs_server.create_account(["storage.objects.get", "storage.objects.list"])
        async with open_as(gcs_server, f"gs://{bucket}", account, options) as store:
            assert await keys_of(store) == ["file"]
            assert (await store.read("file")).data == b"x"
            await asyncio.sleep(0.2)  # a thread would be heard of by now
        assert face.counts == {
            ("GET", f"/storage/v1/b/{bucket}/o"): 1,
            ("GET", f"/download/storage/v1/b/{bucket}/o/file"): 1,
        }


async def test_an_endpoint_is_proven_by_the_first_update(gcs_server: GcsServer, bucket: str) -> None:
    with FaultProxy(gcs_server.endpoint) as face:
        options = StoreOptions(endpoint=face.endpoint)
        async with open_as(gcs_server, f"gs://{bucket}", gcs_server.create_account(), options) as store:
            version = await store.write("file", b"one")
            assert not store.capabilities.atomic_update
            face.counts.clear()
            version = await store.write("file", b"two", expect=version)
            assert (store.capabilities.atomic_create, store.capabilities.atomic_update) == (True, True)
            upload = ("POST", f"/upload/storage/v1/b/{bucket}/o")
            assert face.counts == {("GET", f"/download/storage/v1/b/{bucket}/o/file"): 1, upload: 3}
            face.counts.clear()
            version = await store.write("file", b"three", expect=version)
            assert face.counts == {upload: 1}
            await store.delete("file", expect=version)
            assert store.capabilities.atomic_delete
            assert await keys_of(store) == []


async def test_who_may_do_nothing_learns_the_first_permission_that_is_missing(
    gcs_server: GcsServer, bucket: str
) -> None:
    async with open_as(gcs_server, f"gs://{bucket}", gcs_server.create_account([])) as store:
        with pytest.raises(AccessDenied, match=r"storage\.objects\.delete to sa-"):
            await store.delete("file")
        with pytest.raises(AccessDenied, match=r"Or grant storage\.buckets\.get"):
            await store.write("file", b"x")


async def test_overwriting_asks_for_the_right_to_delete(gcs_server: GcsServer, bucket: str) -> None:
    """As Google has it: who may only create can't replace."""
    gcs_server.put(bucket, "file", b"x")
    account = gcs_server.create_account(["storage.buckets.get", "storage.objects.create"])
    async with open_as(gcs_server, f"gs://{bucket}", account) as store:
        await store.write("new", b"x")
        with pytest.raises(AccessDenied, match=r"Grant storage\.objects\.delete to sa-"):
            await store.write("file", b"y")
