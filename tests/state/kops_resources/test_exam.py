"""The exam of a state that is kops's own objects: each kind of them, and another file beside them."""

import asyncio

import pytest

from clusterstate.errors import KeyNotFound, LostRace, StoreRefused
from clusterstate.store.base import ABSENT, Page, Store, Version
from tests.state.kops_resources.samples import KINDS, Sample, meaning, samples
from tests.store.conformance import NEVER, Examined, entries_of, keys_of, pages_of

pytestmark = pytest.mark.apiserver


@pytest.fixture
def sample(cluster: str, request: pytest.FixtureRequest) -> Sample:
    return samples(cluster)[request.param]


EACH = pytest.mark.parametrize("sample", KINDS, indirect=True)


class TestKopsResources(Examined):
    row = "k8s (KopsResources)"

    @EACH
    async def test_what_was_written_is_read(self, store: Store, rival: Store, sample: Sample) -> None:
        for data in (sample.first, sample.second):
            version = await store.write(sample.key, data)
            blob = await rival.read(sample.key)
            assert (meaning(blob.data), blob.version) == (meaning(data), version)

    @EACH
    async def test_version_of_listing_read_and_write_agree(self, store: Store, sample: Sample) -> None:
        version = await store.write(sample.key, sample.first)
        blob = await store.read(sample.key)
        (entry,) = await entries_of(store)
        assert (entry.key, entry.version, entry.size) == (sample.key, blob.version, len(blob.data))
        assert version == blob.version

    @EACH
    async def test_a_missing_file_is_told_apart(self, store: Store, sample: Sample) -> None:
        with pytest.raises(KeyNotFound, match=sample.key):
            await store.read(sample.key)

    @EACH
    async def test_a_deleted_file_is_gone_and_may_be_deleted_again(self, store: Store, sample: Sample) -> None:
        await store.write(sample.key, sample.first)
        await store.delete(sample.key)
        with pytest.raises(KeyNotFound):
            await store.read(sample.key)
        await store.delete(sample.key)
        assert await keys_of(store) == []

    @EACH
    async def test_create_wants_nothing_there(self, store: Store, rival: Store, sample: Sample) -> None:
        await store.write(sample.key, sample.first, expect=ABSENT)
        with pytest.raises(LostRace):
            await rival.write(sample.key, sample.second, expect=ABSENT)
        assert meaning((await store.read(sample.key)).data) == meaning(sample.first)

    @EACH
    async def test_update_wants_its_version(self, store: Store, rival: Store, sample: Sample) -> None:
        first = await store.write(sample.key, sample.first)
        second = await rival.write(sample.key, sample.second, expect=first)
        for stale in (first, NEVER):
            with pytest.raises(LostRace):
                await store.write(sample.key, sample.first, expect=stale)
        await store.write(sample.key, sample.first, expect=second)

    @EACH
    async def test_update_of_a_deleted_file_is_a_lost_race(self, store: Store, rival: Store, sample: Sample) -> None:
        version = await store.write(sample.key, sample.first)
        await rival.delete(sample.key)
        with pytest.raises(LostRace):
            await store.write(sample.key, sample.second, expect=version)
        assert await keys_of(store) == []

    @EACH
    async def test_delete_wants_its_version(self, store: Store, rival: Store, sample: Sample) -> None:
        first = await store.write(sample.key, sample.first)
        second = await rival.write(sample.key, sample.second)
        for stale in (first, ABSENT):
            with pytest.raises(LostRace):
                await store.delete(sample.key, expect=stale)
        await store.delete(sample.key, expect=second)
        await store.delete(sample.key, expect=ABSENT)
        assert await keys_of(store) == []

    @EACH
    async def test_of_sixteen_creators_one_wins(self, store: Store, rival: Store, sample: Sample) -> None:
        contents = [(sample.first, sample.second)[n % 2] for n in range(16)]
        writers = ((store, rival)[n % 2].write(sample.key, data, expect=ABSENT) for n, data in enumerate(contents))
        outcomes = await asyncio.gather(*writers, return_exceptions=True)
        (winner,) = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Version)]
        assert sum(isinstance(outcome, LostRace) for outcome in outcomes) == 15, outcomes
        assert meaning((await store.read(sample.key)).data) == meaning(contents[winner])

    @EACH
    async def test_of_sixteen_updaters_one_wins(self, store: Store, rival: Store, sample: Sample) -> None:
        version = await store.write(sample.key, sample.first)
        writers = ((store, rival)[n % 2].write(sample.key, sample.second, expect=version) for n in range(16))
        outcomes = await asyncio.gather(*writers, return_exceptions=True)
        assert sum(isinstance(outcome, Version) for outcome in outcomes) == 1, outcomes
        assert sum(isinstance(outcome, LostRace) for outcome in outcomes) == 15, outcomes

    async def test_the_endpoint_keeps_what_it_promises(self, store: Store) -> None:
        found = store.capabilities
        assert (found.atomic_create, found.atomic_update, found.atomic_delete) == (True, True, True)

    async def test_an_empty_store_lists_nothing(self, store: Store) -> None:
        assert await keys_of(store) == []

    async def test_a_shallow_listing_stops_at_the_next_slash(self, store: Store, cluster: str) -> None:
        for sample in samples(cluster).values():
            await store.write(sample.key, sample.first)
        (page,) = await pages_of(store, shallow=True)
        assert [entry.key for entry in page.entries] == ["config"]
        assert page.prefixes == ("addons/", "instancegroup/", "pki/", "secrets/")
        assert await pages_of(store, "pki/", shallow=True) == [Page((), ("pki/private/", "pki/ssh/"))]

    async def test_prefixes_are_plain_and_keys_sort_by_their_bytes(self, store: Store, cluster: str) -> None:
        keys = sorted(sample.key for sample in samples(cluster).values())
        for sample in samples(cluster).values():
            await store.write(sample.key, sample.first)
        assert await keys_of(store) == keys
        assert await keys_of(store, "pki/p") == ["pki/private/kubernetes-ca/keyset.yaml"]
        assert await keys_of(store, after="config") == keys[2:]

    @pytest.mark.parametrize(
        "key", ["instancegroup/UPPER", "instancegroup/a?b", "secrets/system:scheduler", "pki/private/é/keyset.yaml"]
    )
    async def test_odd_keys_are_ordinary(self, store: Store, key: str) -> None:
        """What no object may be called is a file like any other."""
        version = await store.write(key, b"x", expect=ABSENT)
        assert (await store.read(key)).data == b"x"
        assert await keys_of(store) == [key]
        await store.delete(key, expect=version)

    @pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "instancegroup/../config"])
    async def test_what_is_no_key_is_refused(self, store: Store, key: str) -> None:
        for work in (store.read(key), store.write(key, b"x"), store.delete(key)):
            with pytest.raises(StoreRefused):
                await work
