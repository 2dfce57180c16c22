"""A plan is carried out in its order, by conditional writes, up to the first that fails."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clusterstate.apply.run import make_files, write_files
from clusterstate.errors import LostRace, MalformedFile
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.state import codec
from clusterstate.state.limits import MAX_DOCUMENT
from clusterstate.state.objects import Document
from clusterstate.state.tree import Tree
from clusterstate.store.backends.memory import MemoryStore

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEYS = ("instancegroup/b", "config", "instancegroup/a")


def document(text: str) -> Document:
    return Document("kops.k8s.io/v1alpha2", "Cluster", {"name": "prod"}, {"channel": text})


def create(key: str, text: str = "new") -> Change:
    return Change(key, Action.CREATE, document=document(text))


@pytest.fixture
def store(request: pytest.FixtureRequest) -> MemoryStore:
    return MemoryStore(request.node.nodeid)


async def test_the_listing_foretells_the_store(store: MemoryStore) -> None:
    tree = Tree(store)
    version = await store.write("config", b"old")
    await store.write("strange", b"theirs")
    changes = (create(KEYS[0]), replace(create("config"), action=Action.UPDATE, expect=version), create(KEYS[2]))
    told = await write_files(tree, make_files(Plan(changes)), await tree.list_files(), NOW)
    seen = await tree.list_files()
    assert (told.digest, told.bytes, told.files) == (seen.digest, seen.bytes, 4)
    assert told.entries["config"].modified == NOW
    versions = [int(seen.entries[key].version.token) for key in KEYS]
    assert versions == sorted(versions), "in the order of the plan"
    assert (await store.read("config")).data == codec.encode_document(document("new"))


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE])
async def test_whoever_wrote_meanwhile_is_not_overwritten_and_nothing_follows(
    store: MemoryStore, action: Action
) -> None:
    tree = Tree(store)
    planned = await store.write("config", b"old")
    listing = await tree.list_files()
    await store.write("config", b"theirs")
    second = replace(create("config"), action=action, expect=planned if action is Action.UPDATE else None)
    files = make_files(Plan((create(KEYS[0]), second, create(KEYS[2]))))
    with pytest.raises(LostRace):
        await write_files(tree, files, listing, NOW)
    assert (await store.read("config")).data == b"theirs"
    assert set((await tree.list_files()).entries) == {"config", KEYS[0]}, "what was written stays"


async def test_an_empty_plan_writes_nothing(store: MemoryStore) -> None:
    tree = Tree(store)
    listing = await tree.list_files()
    assert await write_files(tree, make_files(Plan()), listing, NOW) is listing


def test_a_file_that_the_next_run_could_not_read_is_never_written() -> None:
    with pytest.raises(MalformedFile, match="instancegroup/b has "):
        make_files(Plan((create("config"), create(KEYS[0], "x" * MAX_DOCUMENT))))


async def test_contents_are_written_and_deleted_under_their_versions(store: MemoryStore) -> None:
    tree = Tree(store)
    old = await store.write("secrets/old", b"old")
    changes = (
        Change("secrets/new", Action.CREATE, content="digest"),
        Change("secrets/old", Action.DELETE, expect=old),
    )
    files = make_files(Plan(changes), {"secrets/new": b"CANARY"})
    assert "CANARY" not in repr(files)
    before = await tree.list_files()
    told = await write_files(tree, files, before, NOW)
    assert told.digest == (await tree.list_files()).digest
    assert (await store.read("secrets/new")).data == b"CANARY"
    await store.write("secrets/old", b"theirs")
    with pytest.raises(LostRace):
        await write_files(tree, files[1:], before, NOW)
    assert (await store.read("secrets/old")).data == b"theirs"
