"""Files that no single Secret can hold: whole at every moment, and nothing of them stays behind."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator

import pytest

from clusterstate.errors import IntegrityFailed, LostRace, StoreUnavailable
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.store.backends.kubernetes import files
from clusterstate.store.base import ABSENT, Store, Version
from tests.store.backends.kubernetes.stores import bare, far, near, objects
from tests.store.conformance import entries_of
from tests.store.opening import opened
from tests.support.faultproxy import Fault, FaultProxy

pytestmark = pytest.mark.apiserver
KEY = "c.example.com/large"
LARGE, OTHER = (random.Random(seed).randbytes(5 << 19) for seed in (1, 2))
"""Of three parts each: chance doesn't compress."""


@pytest.fixture
async def store(control_plane: ControlPlane, namespace: str) -> AsyncIterator[Store]:
    async with near(control_plane, f"k8s:///{namespace}") as store:
        yield store


@pytest.fixture
async def rival(control_plane: ControlPlane, namespace: str) -> AsyncIterator[Store]:
    async with near(control_plane, f"k8s:///{namespace}") as store:
        yield store


def names(plane: ControlPlane, namespace: str) -> set[str]:
    return {each["metadata"]["name"] for each in objects(plane, namespace)}


def names_for(data: bytes) -> set[str]:
    """Give the names of all Secrets that a file of these bytes takes."""
    return {files.name_of(KEY), *(files.part_name(KEY, chunk) for chunk in files.pack(data).parts)}


async def test_parts_come_and_go_with_what_they_hold(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    version = await store.write(KEY, LARGE, expect=ABSENT)
    assert len(names_for(LARGE)) == 4
    assert names(control_plane, namespace) == names_for(LARGE)
    blob = await store.read(KEY)
    assert (blob.data, blob.version) == (LARGE, version)
    assert [(entry.key, entry.size) for entry in await entries_of(store)] == [(KEY, len(LARGE))]
    version = await store.write(KEY, OTHER, expect=version)
    assert names(control_plane, namespace) == names_for(OTHER)
    assert (await store.read(KEY)).data == OTHER
    version = await store.write(KEY, b"small", expect=version)
    assert names(control_plane, namespace) == {files.name_of(KEY)}
    version = await store.write(KEY, LARGE, expect=version)
    await store.delete(KEY, expect=version)
    assert names(control_plane, namespace) == set()


async def test_a_whole_mebibyte_needs_no_parts(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    """What doesn't compress takes a little more than it has bytes."""
    await store.write(KEY, random.Random(3).randbytes((1 << 20) - 1024))
    assert names(control_plane, namespace) == {files.name_of(KEY)}


@pytest.mark.parametrize("later", [b"small", OTHER, LARGE], ids=["small", "other", "same"])
async def test_what_a_crash_left_is_found_by_the_next_write(
    control_plane: ControlPlane, namespace: str, trust: ssl.SSLContext, later: bytes
) -> None:
    """The head is never written: all POSTs but those of the three parts fail."""
    with FaultProxy(control_plane.url, trust=trust) as proxy:
        async with opened(f"k8s:///{namespace}", far(proxy.endpoint, control_plane.admin_token)) as store:
            await _fail_at_head(proxy, store)
            assert names(control_plane, namespace) == names_for(LARGE) - {files.name_of(KEY)}
            assert await entries_of(store) == []
            await store.write(KEY, later, expect=ABSENT)
            assert names(control_plane, namespace) == names_for(later)
            assert (await store.read(KEY)).data == later


async def _fail_at_head(proxy: FaultProxy, store: Store) -> None:
    passing = Fault(method="POST", times=3, delay=0.001)
    failing = Fault(method="POST", status=503, retry_after=60)
    with proxy.failing(passing), proxy.failing(failing), pytest.raises(StoreUnavailable):
        await store.write(KEY, LARGE, expect=ABSENT)


async def test_of_many_creators_one_wins_with_all_its_parts(store: Store, rival: Store) -> None:
    contents = [random.Random(seed % 3).randbytes(5 << 18) for seed in range(9)]
    writers = ((store, rival)[n % 2].write(KEY, data, expect=ABSENT) for n, data in enumerate(contents))
    outcomes = await asyncio.gather(*writers, return_exceptions=True)
    (winner,) = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Version)]
    assert sum(isinstance(outcome, LostRace) for outcome in outcomes) == 8, outcomes
    assert (await store.read(KEY)).data == contents[winner]


async def test_who_reads_while_others_write_sees_one_or_the_other(
    control_plane: ControlPlane, namespace: str, store: Store, rival: Store
) -> None:
    await store.write(KEY, LARGE)
    reading = True

    async def read() -> int:
        count = 0
        while reading:
            assert (await rival.read(KEY)).data in (LARGE, OTHER)
            count += 1
        return count

    reader = asyncio.create_task(read())
    for data in (OTHER, LARGE) * 4:
        await store.write(KEY, data)
    reading = False
    assert await reader
    assert names(control_plane, namespace) == names_for(LARGE)


async def test_parts_that_somebody_made_sure_of_are_spared(
    control_plane: ControlPlane, namespace: str, store: Store
) -> None:
    """One looks and is slow to clean up; meanwhile the file goes, and another creates it with the same bytes."""
    await store.write(KEY, LARGE)
    async with bare(control_plane, namespace) as slow:
        seen = await slow._look(KEY)
        assert len(seen.parts) == 3
        await store.delete(KEY)
        await store.write(KEY, LARGE, expect=ABSENT)
        await slow._remove(KEY, seen.parts)
    assert (await store.read(KEY)).data == LARGE


async def test_a_missing_part_is_damage_that_is_told(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    await store.write(KEY, LARGE)
    name = files.part_name(KEY, files.pack(LARGE).parts[1])
    control_plane.api().request("DELETE", f"/api/v1/namespaces/{namespace}/secrets/{name}")
    with pytest.raises(IntegrityFailed, match=rf"{KEY} can't be used: a part is missing"):
        await store.read(KEY)
    await store.write(KEY, LARGE)
    assert (await store.read(KEY)).data == LARGE
