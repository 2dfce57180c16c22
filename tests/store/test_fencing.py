"""Whoever may no longer write begins no request that writes, at whatever store, and however late that shows."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any

import pytest

from clusterstate.errors import KeyNotFound, LeadershipLost
from clusterstate.fence import Fence, fenced
from clusterstate.store.base import ABSENT, ANYTHING, Store, streams
from clusterstate.store.credentials import NO_CREDENTIALS
from tests.store.backends.gcs.stores import open_as
from tests.store.backends.kubernetes.stores import near
from tests.store.backends.oss.stores import oss_secret
from tests.store.backends.s3.stores import s3_secret
from tests.store.backends.swift.stores import make_container, swift_secret
from tests.store.opening import opened
from tests.store.streaming import Watched, large

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

Opened = AbstractAsyncContextManager[Store]
Ask = Callable[[str], Any]


async def s3(ask: Ask) -> Opened:
    server = ask("s3_server")
    return opened(f"s3://{ask('bucket')}", s3_secret(server, server.endpoint))


async def gs(ask: Ask) -> Opened:
    server = ask("gcs_server")
    return open_as(server, f"gs://{server.create_bucket()}", server.create_account())


async def oss(ask: Ask) -> Opened:
    server = ask("oss_server")
    bucket = server.create_bucket(f"test-{secrets.token_hex(5)}")
    return opened(f"oss://{bucket}", oss_secret(server, server.endpoint))


async def swift(ask: Ask) -> Opened:
    server = ask("swift_server")
    who = swift_secret(server, server.keystone.create_user())
    return opened(f"swift://{await make_container(who)}", who)


async def k8s(ask: Ask) -> Opened:
    return near(ask("control_plane"), f"k8s:///{ask('namespace')}/state")


async def memfs(_: Ask) -> Opened:
    return opened(f"memfs://{secrets.token_hex(5)}", NO_CREDENTIALS)


@pytest.fixture(params=[s3, gs, oss, swift, k8s, memfs], ids=lambda each: each.__name__)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    make: Callable[[Ask], Awaitable[Opened]] = request.param
    async with await make(request.getfixturevalue) as store:
        yield store


def closing(after: int) -> Fence:
    """Give a fence that is found closed when so many have found it open."""
    looks = count()
    fence = Fence(lambda: 0.0 if next(looks) < after else 100.0)
    fence.open_until(50.0)
    return fence


def networked(store: Store) -> bool:
    return store.capabilities.shared


async def test_neither_a_write_nor_a_delete_begins(store: Store) -> None:
    version = await store.write("there", b"old", expect=ABSENT)
    for late in (0, 1) if networked(store) else (0,):  # at the store, and at the first request
        for expect in (ANYTHING, version):
            with fenced(closing(late)), pytest.raises(LeadershipLost):
                await store.write("there", b"new", expect=expect)
            with fenced(closing(late)), pytest.raises(LeadershipLost):
                await store.delete("there", expect=expect)
        with fenced(closing(late)), pytest.raises(LeadershipLost):
            await store.write("new", b"new", expect=ABSENT)
    with fenced(closing(0)):
        assert (await store.read("there")).data == b"old"
        with pytest.raises(KeyNotFound):
            await store.read("new")
    with fenced(closing(1000)):
        await store.delete("there")


@pytest.mark.parametrize("store", [s3, gs, oss, swift], ids=lambda each: each.__name__, indirect=True)
async def test_a_large_file_that_is_on_its_way_never_arrives(store: Store) -> None:
    with Watched.of(large(1)) as body:
        with fenced(closing(6)), pytest.raises(LeadershipLost):
            await streams(store).upload("large", body, expect=ABSENT)
        with pytest.raises(KeyNotFound):
            await store.read("large")
