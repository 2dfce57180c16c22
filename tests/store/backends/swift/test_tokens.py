"""Tokens: fetched once, renewed once by one of all, never asked for again with credentials that are wrong."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from clusterstate.errors import AuthenticationFailed, StoreRefused, StoreUnavailable
from clusterstate.store.base import Store
from clusterstate.store.clients import CLIENTS
from clusterstate.store.credentials import Credentials
from clusterstate.store.wrappers import ATTEMPTS
from tests.store.backends.swift.stores import client_of, legacy_secret, make_container, swift_secret
from tests.store.conformance import keys_of
from tests.store.opening import opened
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.openstack.account import Account
from tests.support.openstack.identity import User
from tests.support.openstack.server import SwiftServer

pytestmark = pytest.mark.objectstore
LOGIN = ("POST", "/v3/auth/tokens")


@pytest.fixture
def identity(swift_server: SwiftServer) -> Iterator[FaultProxy]:
    """The face that Keystone shows."""
    with FaultProxy(swift_server.keystone.url.removesuffix("/v3")) as proxy:
        yield proxy


@pytest.fixture
def swift(swift_server: SwiftServer) -> Iterator[FaultProxy]:
    """The face that Swift shows."""
    with FaultProxy(swift_server.url) as proxy:
        yield proxy


@pytest.fixture
def credentials(
    swift_server: SwiftServer, user: User, identity: FaultProxy, swift: FaultProxy
) -> Iterator[Credentials]:
    with swift_server.keystone.region(swift.endpoint) as region:
        url = f"{identity.endpoint}/v3"
        yield swift_secret(swift_server, user, OS_AUTH_URL=url, OS_REGION_NAME=region)


@pytest.fixture
async def store(container: str, credentials: Credentials) -> AsyncIterator[Store]:
    async with opened(f"swift://{container}", credentials) as store:
        yield store


async def test_one_token_serves_many_calls_and_stores(
    container: str, credentials: Credentials, identity: FaultProxy, swift: FaultProxy
) -> None:
    for _ in range(3):
        async with opened(f"swift://{container}", credentials) as store:
            await asyncio.gather(*(keys_of(store) for _ in range(16)))
    assert dict(identity.counts) == {LOGIN: 1}
    assert swift.counts.total() == 48


def wait_until_refused(account: Account, container: str) -> None:
    """Swift believes a token for a second without asking Keystone again."""
    while account.ask("HEAD", container).status != 401:
        time.sleep(0.1)


async def test_a_token_that_was_revoked_is_renewed_once_for_all(
    swift_server: SwiftServer, store: Store, container: str, identity: FaultProxy
) -> None:
    await store.write("file", b"x")
    account = client_of(store)._account
    assert account is not None
    swift_server.keystone.request("DELETE", "/auth/tokens", **{"X-Subject-Token": account.token})
    await asyncio.to_thread(wait_until_refused, Account(account.place.identity, account.token), container)
    identity.counts.clear()
    blobs = await asyncio.gather(*(store.read("file") for _ in range(16)))
    assert {blob.data for blob in blobs} == {b"x"}
    assert dict(identity.counts) == {LOGIN: 1}


async def test_credentials_that_became_wrong_are_tried_once(
    swift_server: SwiftServer, store: Store, container: str, user: User, identity: FaultProxy, swift: FaultProxy
) -> None:
    other = swift_server.keystone.create_user(project=user)
    region = client_of(store).inputs.service.region
    given = swift_secret(swift_server, other, OS_AUTH_URL=f"{identity.endpoint}/v3", OS_REGION_NAME=region)
    async with opened(f"swift://{container}", given) as theirs:
        await keys_of(theirs)
        swift_server.keystone.request("PATCH", f"/users/{other.id}", {"user": {"password": "another"}})
        identity.counts.clear()
        with swift.failing(Fault(status=401)), pytest.raises(AuthenticationFailed, match=identity.endpoint):
            await keys_of(theirs)
    assert dict(identity.counts) == {LOGIN: 1}


async def test_a_swift_that_knows_no_token_is_asked_twice(
    store: Store, identity: FaultProxy, swift: FaultProxy
) -> None:
    await keys_of(store)
    identity.counts.clear()
    swift.counts.clear()
    with swift.failing(Fault(status=401)), pytest.raises(AuthenticationFailed, match=f"{swift.endpoint}.*401"):
        await keys_of(store)
    assert (identity.counts.total(), swift.counts.total()) == (1, 2)


async def test_v1_tokens_are_renewed_too(swift_server: SwiftServer) -> None:
    with FaultProxy(swift_server.legacy_url) as proxy:
        url = f"{proxy.endpoint}/auth/v1.0"
        credentials = legacy_secret(swift_server, swift_server.legacy, OS_AUTH_URL=url)
        async with opened(f"swift://{await make_container(credentials)}", credentials) as store:
            proxy.counts.clear()
            with proxy.failing(Fault(path="/v1/", status=401, times=1)):
                await keys_of(store)
            assert store.endpoint == f"{proxy.endpoint}/v1/TEMP_acme"
    assert proxy.counts["GET", "/auth/v1.0"] == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_outage_of_keystone_is_one_of_the_store(
    store: Store, identity: FaultProxy, swift: FaultProxy, status: int
) -> None:
    with identity.failing(Fault(status=status)), pytest.raises(StoreUnavailable, match=str(status)):
        await keys_of(store)
    assert dict(identity.counts) == {LOGIN: ATTEMPTS}
    with identity.failing(Fault(status=status, retry_after=60)), pytest.raises(StoreUnavailable) as caught:
        await keys_of(store)
    assert caught.value.retry_after == 60
    assert swift.counts.total() == 0
    assert await keys_of(store) == []


async def test_a_keystone_that_is_gone_is_an_outage_that_heals(store: Store, identity: FaultProxy) -> None:
    identity.refuse()
    with pytest.raises(StoreUnavailable, match=identity.endpoint):
        await keys_of(store)
    identity.accept()
    assert await keys_of(store) == []


@pytest.mark.parametrize("length", [0, 100])
async def test_half_a_token_is_damage(store: Store, identity: FaultProxy, length: int) -> None:
    with identity.failing(Fault(truncate_to=length, times=1)):
        assert await keys_of(store) == []
    assert dict(identity.counts) == {LOGIN: 2}


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, AuthenticationFailed, "400"),
        (401, AuthenticationFailed, "doesn't accept the credentials"),
        (403, AuthenticationFailed, "doesn't accept the credentials"),
        (404, StoreRefused, "There is no Keystone at"),
    ],
)
async def test_what_keystone_refuses_lets_nobody_in(
    store: Store, identity: FaultProxy, status: int, kind: type[Exception], words: str
) -> None:
    with identity.failing(Fault(status=status)), pytest.raises(kind, match=words):
        await keys_of(store)
    assert dict(identity.counts) == {LOGIN: 1}


async def test_equal_credentials_share_a_client_and_others_never(
    swift_server: SwiftServer, user: User, container: str
) -> None:
    made = swift_server.keystone.create_user(project=user)
    mine, theirs = swift_secret(swift_server, user), swift_secret(swift_server, made)
    async with (
        opened(f"swift://{container}", mine) as one,
        opened(f"swift://{container}/other", mine) as same,
        opened(f"swift://{container}", theirs) as other,
    ):
        assert client_of(one) is client_of(same)
        assert client_of(one) is not client_of(other)
        CLIENTS.forget(mine)
        async with opened(f"swift://{container}", mine) as later:
            assert client_of(later) is not client_of(one)
