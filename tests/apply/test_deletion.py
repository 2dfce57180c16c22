"""A deletion goes stage by stage, deletes only what was decided on, and ends at the first file that is another."""

from datetime import UTC, datetime

import pytest

from clusterstate.api.sync import DeletionPolicy, SyncSpec
from clusterstate.apply.deletion import delete_files
from clusterstate.errors import LostRace
from clusterstate.plan.deletion import OWN, Deletion, Scene, make_deletion
from clusterstate.state.layout import Places
from clusterstate.state.tree import PARALLEL, Tree
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.location import Location

KEYS = "s3://keys"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
async def tree(request: pytest.FixtureRequest) -> Tree:
    """A state with an external key store, and backups."""
    trunk, keys = MemoryStore(request.node.nodeid), MemoryStore(f"{request.node.nodeid} keys")
    for key in (
        "config",
        "cluster-completed.spec",
        "backups/b",
        *(f"addons/{number}" for number in range(PARALLEL * 3)),
    ):
        await trunk.write(key, b"x")
    await keys.write("private/ca/keyset.yaml", b"x")
    return Tree(trunk, Places(None, KEYS, None), {KEYS: keys})


async def decide(tree: Tree, *, keep_backups: bool = True) -> Deletion:
    sync = SyncSpec(deletion_policy=DeletionPolicy.DELETE, delete_external_stores=True, keep_backups=keep_backups)
    listings = {url: await part.list_files(backups=not keep_backups) for url, part in tree.parts().items()}
    places = Places(None, KEYS, None)
    own = Location("s3", "state", "prod")
    return make_deletion(Scene(own, places, listings, (), unseen_base="", cloud_gone=True, sync=sync))


@pytest.mark.parametrize("keep_backups", [True, False])
async def test_all_places_are_emptied(tree: Tree, *, keep_backups: bool) -> None:
    deletion = await decide(tree, keep_backups=keep_backups)
    await delete_files(tree.parts(), deletion)
    left = {url: set((await part.list_files(backups=True)).entries) for url, part in tree.parts().items()}
    assert left == {OWN: {"backups/b"} if keep_backups else set(), KEYS: set()}
    await delete_files(tree.parts(), deletion)


@pytest.mark.parametrize(
    ("key", "left"), [("config", {"config"}), ("cluster-completed.spec", {"cluster-completed.spec", "config"})]
)
async def test_what_somebody_wrote_meanwhile_stays_and_so_do_later_stages(tree: Tree, key: str, left: set[str]) -> None:
    deletion = await decide(tree)
    await tree.write(key, b"theirs", expect=(await tree.read(key)).version)
    with pytest.raises(LostRace):
        await delete_files(tree.parts(), deletion)
    assert set((await tree.list_files()).entries) == left
    assert (await tree.read(key)).data == b"theirs"
    await delete_files(tree.parts(), await decide(tree))
    assert (await tree.list_files()).files == 0
