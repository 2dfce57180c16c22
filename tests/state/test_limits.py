"""However much lies in a store, a run reads little of it at once, and says which bound it met."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from clusterstate.errors import MalformedFile, StateTooLarge
from clusterstate.state import limits
from clusterstate.state.layout import Places
from clusterstate.state.tree import PARALLEL, Listing, Tree, Wanted, read_cluster, read_state
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import Blob, Entry, Page, Version
from clusterstate.store.counting import Counting, RequestCounts

EVERYTHING = Wanted(secrets=lambda _: True, ssh_public_keys=True)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GROUP = b"apiVersion: kops.k8s.io/v1alpha2\nkind: InstanceGroup\nmetadata: {name: g}\nspec: {}\n"
CONFIG = GROUP.replace(b"InstanceGroup", b"Cluster")


@pytest.fixture
def counts() -> RequestCounts:
    return RequestCounts()


@pytest.fixture
def tree(request: pytest.FixtureRequest, counts: RequestCounts) -> Tree:
    return Tree(Counting(MemoryStore(request.node.nodeid), counts, "memfs"))


def listing_of(sizes: dict[str, int]) -> Listing:
    return Listing({key: Entry(key, Version("1"), size, NOW) for key, size in sizes.items()})


LARGEST = {
    "config": 2 * 1024**2,
    "cluster-completed.spec": 2 * 1024**2,
    "instancegroup/giant": 2 * 1024**2,
    "pki/private/giant/keyset.yaml": 1024**2,
    "secrets/giant": 2 * 1024**2,
    "pki/ssh/public/admin/giant": 64 * 1024,
}


ONE_BY_ONE = sorted(key for key in LARGEST if key.startswith(("pki/", "secrets/")))


@pytest.mark.parametrize("key", sorted(LARGEST.keys() - ONE_BY_ONE))
async def test_a_document_larger_than_its_kind_is_not_even_read(tree: Tree, counts: RequestCounts, key: str) -> None:
    await tree.trunk.write(key, b"#" * (LARGEST[key] + 1))
    with pytest.raises(MalformedFile, match=f"{key} has {LARGEST[key] + 1} bytes"):
        await read_state(tree, await tree.list_files(), EVERYTHING)
    assert counts.reads == 0


@pytest.mark.parametrize("keys", [*([key] for key in ONE_BY_ONE), ONE_BY_ONE])
async def test_a_keyset_secret_or_ssh_key_larger_than_its_kind_is_broken_and_the_rest_is_read(
    tree: Tree, counts: RequestCounts, keys: list[str]
) -> None:
    for key in keys:
        await tree.trunk.write(key, b"#" * (LARGEST[key] + 1))
    await tree.trunk.write("instancegroup/g", GROUP)
    await tree.trunk.write("secrets/sound", b'{"Data":"eA=="}')
    read = await read_state(tree, await tree.list_files(), EVERYTHING)
    assert (list(read.state.instance_groups), list(read.state.secrets), counts.reads) == (["g"], ["sound"], 2)
    assert {key: type(error) for key, error in read.broken.items()} == dict.fromkeys(keys, MalformedFile)
    assert all(f"{key} has {LARGEST[key] + 1} bytes" in read.broken[key].message for key in keys)


async def test_giants_that_are_not_read_do_not_count(tree: Tree) -> None:
    listing = listing_of({f"secrets/s{number}": LARGEST["secrets/giant"] + 1 for number in range(20)})
    assert len((await read_state(tree, listing, EVERYTHING)).broken) == 20


async def test_config_alone_has_the_same_bound(tree: Tree) -> None:
    await tree.trunk.write("config", b"#" * (LARGEST["config"] + 1))
    with pytest.raises(MalformedFile, match="config has"):
        await read_cluster(tree, await tree.list_files())


async def test_other_files_may_have_any_size(tree: Tree) -> None:
    await tree.trunk.write("config", CONFIG)
    await tree.trunk.write("addons/giant", b"#" * (LARGEST["config"] + 1))
    assert (await read_state(tree, await tree.list_files(), EVERYTHING)).versions.keys() == {"config"}


async def test_a_file_that_grew_since_it_was_listed_is_not_decoded(tree: Tree) -> None:
    await tree.trunk.write("instancegroup/g", GROUP)
    listing = await tree.list_files()
    await tree.trunk.write("instancegroup/g", GROUP + b"#" * LARGEST["instancegroup/giant"])
    with pytest.raises(MalformedFile, match="instancegroup/g has"):
        await read_state(tree, listing, EVERYTHING)


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ({f"instancegroup/g{number}": 2 * 1024**2 for number in range(17)}, "17 files of 35651584 bytes"),
        ({f"secrets/s{number}": 9 for number in range(5_001)}, "5001 files of 45009 bytes"),
    ],
)
async def test_too_much_in_all_is_refused_before_anything_is_read(
    tree: Tree, counts: RequestCounts, sizes: dict[str, int], found: str
) -> None:
    with pytest.raises(StateTooLarge, match=f"{found}.*at most 5000 files of 33554432 bytes"):
        await read_state(tree, listing_of(sizes), EVERYTHING)
    assert counts.reads == 0


def test_exactly_as_much_as_is_allowed_is_allowed() -> None:
    limits.check_total(listing_of({f"instancegroup/g{number}": 2 * 1024**2 for number in range(16)}).entries.values())
    limits.check_total(listing_of({f"instancegroup/g{number}": 1 for number in range(5_000)}).entries.values())
    setups = {f"igconfig/node/g{number}/nodeupconfig.yaml": 2 * 1024**2 for number in range(17)}
    limits.check_total(listing_of(setups).entries.values())
    for key, size in LARGEST.items():
        limits.check_file(key, size)
    limits.check_listed(limits.MAX_LISTED, "anywhere")


async def test_what_is_not_wanted_does_not_count(tree: Tree) -> None:
    listing = listing_of(dict.fromkeys((f"secrets/s{number}" for number in range(5_001)), 9))
    assert not (await read_state(tree, listing, Wanted())).versions


class Watched(MemoryStore):
    """Counts the files that were asked for."""

    def __init__(self, bucket: str) -> None:
        super().__init__(bucket)
        self.begun = 0

    async def read(self, key: str) -> Blob:
        self.begun += 1
        return await super().read(key)


async def test_others_have_their_turn_after_each_file_and_few_files_wait(request: pytest.FixtureRequest) -> None:
    store = Watched(request.node.nodeid)
    for number in range(60):
        await store.write(f"instancegroup/g{number:02}", GROUP)
    tree = Tree(store)
    reading = asyncio.create_task(read_state(tree, await tree.list_files(), EVERYTHING))
    seen: list[int] = []
    while not reading.done():
        seen.append(store.begun)
        await asyncio.sleep(0)
    assert len(reading.result().state.instance_groups) == 60
    steps = [after - before for before, after in pairwise(seen)]
    assert len(set(seen)) > 40
    assert max(steps) <= PARALLEL


class Endless(MemoryStore):
    """Lists new files for ever."""

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        del prefix, shallow
        for page in range(1_000):
            keys = (f"{after}addons/{page}-{number}" for number in range(1_000))
            yield Page(tuple(Entry(key, Version("1"), 1, NOW) for key in keys))
        raise AssertionError


async def test_a_listing_ends_at_a_bound_that_names_the_place(request: pytest.FixtureRequest) -> None:
    with pytest.raises(StateTooLarge, match=r"spec\.store\.url.* more than 100000 files"):
        await Tree(Endless(request.node.nodeid)).list_files()
    others = {"memfs://keys": Endless(request.node.nodeid)}
    tree = Tree(MemoryStore(request.node.nodeid), Places(None, "memfs://keys", None), others)
    with pytest.raises(StateTooLarge, match=r"memfs://keys .*more than 100000 files"):
        await tree.list_files()


def test_files_that_kops_does_not_know_are_counted_apart() -> None:
    listing = listing_of({"config": 1, "instancegroup/nodes": 1, "notes.txt": 1, "other/thing": 1})
    assert (listing.files, listing.known_files) == (4, 2)
