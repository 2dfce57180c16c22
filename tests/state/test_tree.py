"""A whole state wherever its parts lie: few lists, no backups, and the same error for the same damage."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

import pytest

from clusterstate.errors import KeyNotFound, MalformedFile, MalformedKeyset, StateError, UnusableKeyset
from clusterstate.state import codec
from clusterstate.state.layout import FileKind, Places
from clusterstate.state.tree import Listing, Tree, Wanted, read_cluster, read_state
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.base import ANYTHING, Blob, Capabilities, Expect, Page, Version
from clusterstate.store.counting import Counting, RequestCounts
from tests.state.files import FILES, STATES

EVERYTHING = Wanted(secrets=lambda _: True, ssh_public_keys=True)
COMPLEX = {key: (state / key).read_bytes() for state, key in FILES if state == STATES[1]}
BROKEN = b"-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n"
NO_KEYS = b"apiVersion: kops.k8s.io/v1alpha2\nkind: Keyset\nmetadata: {}\nspec: {keys: [], type: Keypair}\n"
CA = "pki/private/kubernetes-ca/keyset.yaml"


@pytest.fixture
def trunk(request: pytest.FixtureRequest) -> MemoryStore:
    return MemoryStore(request.node.nodeid)


async def fill(store: MemoryStore, keys: Iterable[str]) -> None:
    for key in keys:
        await store.write(key, b"x" * len(key))


async def load(store: MemoryStore) -> None:
    for key, data in COMPLEX.items():
        await store.write(key, data)


async def listed(trunk: MemoryStore) -> tuple[Listing, int]:
    counts = RequestCounts()
    listing = await Tree(Counting(trunk, counts, "memfs")).list_files()
    assert counts.total == counts.lists
    return listing, counts.lists


AROUND = ("backup", "backups", "backups.txt", "backups0", "backupsX", "addons/a", "config", "instancegroup/nodes", "a")


async def test_backups_are_left_out_by_a_second_list(trunk: MemoryStore) -> None:
    await fill(trunk, AROUND)
    listing, lists = await listed(trunk)
    assert (set(listing.entries), lists) == (set(AROUND), 1)
    await fill(trunk, [*(f"backups/etcd/main/{number:05}" for number in range(2500)), "backups/~", "backups/é"])
    listing, lists = await listed(trunk)
    assert set(listing.entries) == set(AROUND)
    assert lists == 2, "however many backups there are"


async def test_every_thousand_files_are_one_list(trunk: MemoryStore) -> None:
    await fill(trunk, (f"addons/{number:05}" for number in range(2500)))
    listing, lists = await listed(trunk)
    assert (listing.files, lists) == (2500, 3)


async def test_a_listing_adds_up(trunk: MemoryStore) -> None:
    empty, _ = await listed(trunk)
    assert (empty.files, empty.bytes, empty.last_change) == (0, 0, None)
    await fill(trunk, ["a", "bb", "instancegroup/z", "instancegroup/y"])
    listing, _ = await listed(trunk)
    assert (listing.files, listing.bytes) == (4, 33)
    assert listing.last_change == max(entry.modified for entry in listing.entries.values())
    assert listing.keys_of(FileKind.INSTANCE_GROUP) == {"y": "instancegroup/y", "z": "instancegroup/z"}
    assert list(listing.keys_of(FileKind.INSTANCE_GROUP)) == ["y", "z"]


async def test_the_digest_changes_with_any_file_and_foretells_our_own_write(trunk: MemoryStore) -> None:
    await fill(trunk, ["a", "b"])
    before, _ = await listed(trunk)
    assert (await listed(trunk))[0].digest == before.digest
    version = await trunk.write("b", b"new")
    after, _ = await listed(trunk)
    ours = before.written("b", version, 3, after.entries["b"].modified)
    assert before.digest != after.digest == ours.digest
    assert (ours.bytes, ours.files) == (after.bytes, 2)
    assert before.entries["b"].size == 1, "a listing never changes"


ELSEWHERE = Places("memfs://base", "memfs://keys", "memfs://words")


def spread(name: str) -> tuple[Tree, dict[str, MemoryStore], RequestCounts]:
    stores = {url or "": MemoryStore(f"{name}/{url}") for url in ("", *ELSEWHERE.urls())}
    counts = RequestCounts()
    others = {url: Counting(store, counts, "memfs") for url, store in stores.items() if url}
    return Tree(Counting(stores[""], counts, "memfs"), ELSEWHERE, others), stores, counts


async def test_parts_elsewhere_count_as_if_all_lay_together(request: pytest.FixtureRequest) -> None:
    tree, stores, counts = spread(request.node.nodeid)
    await fill(stores[""], ["config", "instancegroup/nodes", "pki/private/old/keyset.yaml", "addons/old", "strange"])
    await fill(stores["memfs://base"], ["cluster-completed.spec", "addons/new", "pki/old", "backups/x", "config"])
    await fill(stores["memfs://keys"], ["private/ca/keyset.yaml", "ssh/public/admin/ab"])
    await fill(stores["memfs://words"], ["dockerconfig", "backups/odd"])
    listing = await tree.list_files()
    assert set(listing.entries) == {
        "config",
        "instancegroup/nodes",
        "strange",
        "cluster-completed.spec",
        "addons/new",
        "pki/private/ca/keyset.yaml",
        "pki/ssh/public/admin/ab",
        "secrets/dockerconfig",
        "secrets/backups/odd",
    }
    assert counts.lists == 1 + 2 + 1 + 1
    assert all(key == entry.key for key, entry in listing.entries.items())


async def test_reading_and_writing_find_the_place(request: pytest.FixtureRequest) -> None:
    tree, stores, _ = spread(request.node.nodeid)
    places = {
        "config": ("", "config"),
        "instancegroup/nodes": ("", "instancegroup/nodes"),
        "kops-version.txt": ("memfs://base", "kops-version.txt"),
        "pki/private/ca/keyset.yaml": ("memfs://keys", "private/ca/keyset.yaml"),
        "secrets/dockerconfig": ("memfs://words", "dockerconfig"),
    }
    for key, (url, inner) in places.items():
        version = await tree.write(key, key.encode(), expect=ANYTHING)
        assert (await stores[url].read(inner)).version == version
        assert (await tree.read(key)).data == key.encode()


async def test_a_trunk_that_was_listed_already_is_taken_as_it_is(request: pytest.FixtureRequest) -> None:
    tree, stores, counts = spread(request.node.nodeid)
    await fill(stores[""], ["config"])
    first = await Tree(tree.trunk).list_files()
    assert (await tree.list_files(trunk=first)).entries == first.entries
    assert counts.lists == 1 + 3


async def test_a_state_is_read_whole_with_the_versions_that_were_read(trunk: MemoryStore) -> None:
    await load(trunk)
    counts = RequestCounts()
    tree = Tree(Counting(trunk, counts, "memfs"))
    listing = await tree.list_files()
    read = await read_state(tree, listing, EVERYTHING)
    state = read.state
    assert state.cluster is not None
    assert state.cluster.name == "complex.example.com"
    assert state.completed is None
    assert len(state.instance_groups) == 6
    assert {"kubernetes-ca", "service-account"} <= state.keysets.keys()
    assert state.secrets
    assert state.ssh_public_keys
    assert read.versions == {key: listing.entries[key].version for key in read.versions}
    assert counts.reads == len(read.versions)
    assert await read_cluster(tree, listing) == state.cluster


async def test_only_what_is_wanted_is_read(trunk: MemoryStore) -> None:
    await load(trunk)
    tree = Tree(trunk)
    read = await read_state(tree, await tree.list_files(), Wanted())
    assert not read.state.secrets
    assert not read.state.ssh_public_keys
    assert not any(key.startswith(("secrets/", "pki/ssh/")) for key in read.versions)
    some = Wanted(secrets=lambda name: name == "dockerconfig")
    state = (await read_state(tree, await tree.list_files(), some)).state
    assert state.secrets.keys() == {"dockerconfig"}
    keys = Wanted(documents=False, keysets=lambda name: name == "kubernetes-ca")
    read = await read_state(tree, await tree.list_files(), keys)
    assert read.versions.keys() == {"pki/private/kubernetes-ca/keyset.yaml"}


async def test_an_empty_store_is_an_empty_state(trunk: MemoryStore) -> None:
    tree = Tree(trunk)
    read = await read_state(tree, await tree.list_files(), EVERYTHING)
    assert read.state.cluster is None
    assert not read.versions
    assert await read_cluster(tree, await tree.list_files()) is None


@pytest.mark.parametrize(
    ("key", "data", "error"),
    [
        ("config", b"spec: [1, 2\nkind: }", MalformedFile),
        ("instancegroup/nodes-us-east-1a", b"\xff\xfe", MalformedFile),
    ],
)
async def test_damage_is_named_by_file(trunk: MemoryStore, key: str, data: bytes, error: type[Exception]) -> None:
    await load(trunk)
    await trunk.write(key, data)
    tree = Tree(trunk)
    with pytest.raises(error, match=key):
        await read_state(tree, await tree.list_files(), EVERYTHING)


@pytest.mark.parametrize(
    ("key", "data", "error"),
    [
        (CA, b"truncated: ", MalformedKeyset),
        (CA, NO_KEYS, UnusableKeyset),
        ("secrets/dockerconfig", b"{", MalformedFile),
    ],
)
async def test_a_damaged_object_is_named_and_the_others_are_there(
    trunk: MemoryStore, key: str, data: bytes, error: type[StateError]
) -> None:
    await load(trunk)
    tree = Tree(trunk)
    whole = await read_state(tree, await tree.list_files(), EVERYTHING)
    await trunk.write(key, data)
    read = await read_state(tree, await tree.list_files(), EVERYTHING)
    assert isinstance(read.broken[key], error)
    assert key in read.broken[key].message
    assert whole.versions.keys() - read.versions.keys() == read.broken.keys() == {key}
    assert len(read.state.keysets) + len(read.state.secrets) == len(whole.state.keysets) + len(whole.state.secrets) - 1


@pytest.mark.parametrize("index", [0, 1])
async def test_a_damaged_certificate_is_noticed_in_the_reading_even_of_a_distrusted_key(
    trunk: MemoryStore, index: int
) -> None:
    await load(trunk)
    whole = codec.decode_keyset(COMPLEX[CA], CA)
    assert [each.trusted for each in whole.items] == [False, True]
    items = list(whole.items)
    items[index] = replace(items[index], certificate=BROKEN)
    await trunk.write(CA, codec.encode_keyset(replace(whole, items=tuple(items))))
    tree = Tree(trunk)
    caught = (await read_state(tree, await tree.list_files(), Wanted())).broken[CA]
    assert isinstance(caught, MalformedKeyset)
    assert re.match(f"{CA}: .*{items[index].id}", caught.message)
    assert "Y2FuYXJ5" not in str(caught)


async def test_of_many_bad_files_always_the_same_one_is_named(trunk: MemoryStore) -> None:
    await load(trunk)
    for number in range(30):
        await trunk.write(f"instancegroup/bad-{number:02}", b"[")
    await trunk.write("secrets/aaa", b"{")
    tree = Tree(trunk)
    for _ in range(5):
        with pytest.raises(MalformedFile, match="instancegroup/bad-00"):
            await read_state(tree, await tree.list_files(), EVERYTHING)


async def test_a_file_that_vanishes_meanwhile_is_not_found(trunk: MemoryStore) -> None:
    await load(trunk)
    tree = Tree(trunk)
    listing = await tree.list_files()
    await trunk.delete("secrets/dockerconfig")
    with pytest.raises(KeyNotFound):
        await read_state(tree, listing, EVERYTHING)


class Slow:
    """A store in which one file can't be read, at once, and all others only after a day."""

    def __init__(self, inner: MemoryStore) -> None:
        self.inner = inner
        self.reading = 0
        self.most = 0

    @property
    def capabilities(self) -> Capabilities:
        return self.inner.capabilities

    async def read(self, key: str) -> Blob:
        self.reading += 1
        self.most = max(self.most, self.reading)
        try:
            await asyncio.sleep(0.001 if key == "config" else 86400)
            raise KeyNotFound(f"{key} is gone.")
        finally:
            self.reading -= 1

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        return await self.inner.write(key, data, expect=expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        await self.inner.delete(key, expect=expect)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        async for page in self.inner.list(prefix, after=after, shallow=shallow):
            yield page

    async def close(self) -> None:
        pass


async def test_nothing_is_read_any_more_once_a_read_has_failed(trunk: MemoryStore) -> None:
    await load(trunk)
    slow = Slow(trunk)
    tree = Tree(slow)
    with pytest.raises(KeyNotFound, match="config"):
        await read_state(tree, await tree.list_files(), EVERYTHING)
    assert slow.reading == 0
    assert 1 < slow.most <= 8


async def test_wanted_files_are_given_as_bytes(trunk: MemoryStore) -> None:
    store = trunk
    version = await store.write("addons/a", b"\xff")
    await store.write("addons/b", b"theirs")
    tree = Tree(store)
    listing = await tree.list_files()
    read = await read_state(tree, listing, Wanted(files=frozenset({"addons/a", "addons/gone"})))
    assert (read.files, read.versions) == ({"addons/a": b"\xff"}, {"addons/a": version})
    await tree.delete("addons/a", expect=version)
    assert listing.deleted("addons/a").digest == (await tree.list_files()).digest
