"""A state moves whole, overwrites nobody, and survives whatever ends its run in between."""

import asyncio
import contextlib
from itertools import count

import pytest
import yaml

from clusterstate.api.annotations import FINALIZER
from clusterstate.api.load import load
from clusterstate.apply.history import History, Keeping
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import SECRETS
from clusterstate.kube.revisions import list_revisions
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.claims import make_claim
from clusterstate.plan.observed import Applied
from clusterstate.plan.rollback import restorable
from clusterstate.store.backends.memory import MemoryStore
from clusterstate.store.copying import see
from tests.kube.owners import create, get, owner_of
from tests.relocation.worlds import CLUSTER, World, files
from tests.state.files import FILES
from tests.store.streaming import LARGE, large

pytestmark = pytest.mark.apiserver
CONFIG = f"{CLUSTER}/config"
GROUP = f"{CLUSTER}/instancegroup/nodes"


@pytest.fixture
async def world(client: Client, namespace: str) -> World:
    return World(client, namespace)


async def copy_by_hand(world: World, *keys: str) -> None:
    for key in keys:
        await world.new.write(key, (await world.old.read(key)).data)


def message(world: World) -> str:
    found: str = next(each["message"] for each in world.status["conditions"] if each["type"] == "Ready")
    return found


async def check_moved(world: World, before: dict[str, bytes]) -> None:
    assert world.reason() == "Succeeded", message(world)
    after = await files(world.new)
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} <= {CONFIG}
    text = after[CONFIG].replace(world.new_url.encode(), world.old_url.encode())
    assert yaml.safe_load(text)["spec"] == yaml.safe_load(before[CONFIG])["spec"]
    assert world.old_url.encode() not in after[CONFIG]
    assert world.status["store"]["url"] == f"{world.new_url}/{CLUSTER}"


async def test_the_revision_of_a_move_says_what_was_declared(world: World) -> None:
    """The base after a push that was killed is made of two; it is no declaration."""
    await world.begin()
    owner = owner_of(world.body)
    declared = Applied({"kubernetesVersion": "v1.40.0", "channel": "mine"})
    history = History(world.client, owner, await list_revisions(world.client, owner), Keeping(10))
    base = Applied({"kubernetesVersion": "v1.40.0", "channel": None}, declared=declared)
    await history.intend(base, Plan((Change("config", Action.UPDATE),)))
    await world.move()
    await world.run()
    found = await list_revisions(world.client, owner)
    told = [restorable(each.content) for each in found if each.settled and each.content.get("departure")]
    assert told[0] == {"cluster": declared.cluster}


async def test_a_state_moves_and_nothing_is_done_to_the_old_place(world: World) -> None:
    await world.begin()
    before = await files(world.old)
    await world.move()
    await world.run()
    await check_moved(world, before)
    assert await files(world.old) == before
    old, new = [yaml.safe_load((await store.read(CONFIG)).data)["metadata"] for store in (world.old, world.new)]
    assert new["generation"] == old["generation"] + 1
    migration = world.status["migration"]
    assert (migration["phase"], migration["files"], migration["copied"]) == ("Switched", len(before), len(before))
    assert f"kops update cluster {CLUSTER} --yes" in migration["message"]
    assert world.reason("CloudUpdated") == "KopsUpdatePending"
    revision = world.body["metadata"]["resourceVersion"]
    await world.run(fresh=True)
    assert world.body["metadata"]["resourceVersion"] == revision, "a run that changes nothing writes nothing"


async def test_what_a_person_copied_before_is_taken(world: World) -> None:
    """As kops's page tells people to: copy all, then edit configBase."""
    await world.begin()
    before = await files(world.old)
    await copy_by_hand(world, *before)
    edited = before[CONFIG].replace(world.old_url.encode(), world.new_url.encode())
    await world.new.write(CONFIG, edited)
    await world.move()
    await world.run()
    await check_moved(world, before)
    assert (await world.new.read(CONFIG)).data == edited


@pytest.mark.parametrize("key", [GROUP, CONFIG, f"{CLUSTER}/instancegroup/theirs", f"{CLUSTER}/secrets/theirs"])
async def test_another_file_at_the_target_stops_the_move_before_anything_is_written(world: World, key: str) -> None:
    await world.begin()
    await world.new.write(key, b"theirs")
    await world.move()
    await world.run()
    assert world.reason("Stalled") == "MigrationRefused"
    assert key.removeprefix(f"{CLUSTER}/") in message(world)
    assert await files(world.new) == {key: b"theirs"}
    await world.new.delete(key)
    await world.run()
    await check_moved(world, await files(world.old))


async def test_unknown_files_at_the_target_stay(world: World) -> None:
    await world.begin()
    strange = f"{CLUSTER}/notes.txt"
    await world.new.write(strange, b"theirs")
    await world.move()
    await world.run()
    assert world.reason() == "Succeeded"
    assert (await world.new.read(strange)).data == b"theirs"


async def test_a_declaration_of_the_old_place_is_refused_by_name(world: World) -> None:
    await world.begin(cluster={"configBase": f"memfs://{world.namespace}-old/{CLUSTER}"})
    await world.move()
    await world.run()
    assert world.reason("Stalled") == "MigrationRefused"
    assert "configBase" in message(world)
    assert await files(world.new) == {}
    await world.change(cluster={"configBase": f"{world.new_url}/{CLUSTER}"})
    before = await files(world.old)
    await world.run()
    await check_moved(world, before)


async def test_what_only_pull_put_into_the_spec_is_no_declaration_of_the_old_place(world: World) -> None:
    await world.begin(sync={"direction": "Both", "conflict": "PreferSpec"})
    assert world.body["spec"]["cluster"]["configBase"] == f"{world.old_url}/{CLUSTER}"
    before = await files(world.old)
    await world.move()
    await world.run()
    assert world.reason() == "Succeeded", message(world)
    assert (await files(world.new)).keys() == before.keys()
    assert world.body["spec"]["cluster"]["configBase"] == f"{world.new_url}/{CLUSTER}"


async def test_a_file_that_the_new_store_does_not_take_is_refused_before_anything_is_written(world: World) -> None:
    await world.begin()
    backup = f"{CLUSTER}/backups/etcd/main/2026-01-31T12:00:00Z-000001/etcd.backup.gz"
    await world.old.write(backup, bytes(9 << 20))
    for dry_run in (True, False):
        await world.change(store={"url": "k8s://"}, sync={"dryRun": dry_run})
        await world.run()
        assert world.reason("Stalled") == "MigrationRefused"
        assert f"{backup.removeprefix(f'{CLUSTER}/')} (9437184 bytes) can't be copied to k8s://" in message(world)
        assert "the largest file that can has 8388608 bytes" in message(world)
    assert [each async for each in world.client.list(SECRETS, world.namespace)] == []
    await world.change(sync={"migration": {"backups": "None"}})
    await world.run()
    assert world.reason() == "Succeeded", message(world)


async def test_a_large_backup_moves_and_its_old_copy_goes(world: World) -> None:
    await world.begin(sync={"migration": {"cleanup": "Delete", "backups": "All"}})
    backup = f"{CLUSTER}/backups/etcd/main/2026-01-31T12:00:00Z-000001/etcd.backup.gz"
    await world.old.write(backup, large(1))
    await world.move()
    await world.run()
    assert world.reason() == "Succeeded", message(world)
    digests = [(await see(store, backup, LARGE)).digest for store in (world.old, world.new)]
    assert digests[0] == digests[1]
    await make_updated(world.new, world.old_url, world.new_url)
    await world.confirm()
    await world.run(fresh=True)
    assert world.status["migration"]["phase"] == "CleanedUp", world.status["migration"]
    assert await files(world.old) == {}


async def test_a_dry_run_counts_and_plans_at_the_old_place(world: World) -> None:
    await world.begin()
    await world.change(sync={"dryRun": True}, store={"url": world.new_url}, cluster={"kubernetesVersion": "v1.41.0"})
    await world.run()
    migration = world.status["migration"]
    assert (migration["phase"], migration["files"]) == ("Planned", len(await files(world.old)))
    assert world.status["plan"]["update"] == 1
    assert await files(world.new) == {}
    await world.change(sync={"dryRun": False}, store={"url": world.old_url})
    await world.run()
    assert "migration" not in world.status


async def test_a_pull_follows_the_url(world: World) -> None:
    await world.begin()
    await world.change(sync={"direction": "Pull"}, store={"url": world.new_url})
    await world.run()
    assert world.status["store"]["files"] == 0
    assert await files(world.new) == {}


async def interrupt(world: World) -> None:
    """Run, and be gone as soon as files are at the new place: before the switch, which is a request of its own."""
    task = asyncio.create_task(world.run(fresh=True))
    while not task.done() and not await files(world.new):  # noqa: ASYNC110 - a store has no event
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "migration" not in world.status


async def test_a_run_that_ends_before_the_switch_is_resumed_with_what_changed_meanwhile(world: World) -> None:
    """The source counts: what is changed and added there is copied again, though a copy of it is there."""
    await world.begin()
    await world.move()
    await interrupt(world)
    await world.old.write(GROUP, (await world.old.read(GROUP)).data.replace(b"maxSize: 1", b"maxSize: 5"))
    await world.old.write(f"{CLUSTER}/secrets/later", b'{"Data": "bGF0ZXI="}')
    await interrupt(world)
    text = (await world.old.read(CONFIG)).data.replace(b"v1.40.0", b"v1.40.1")
    await world.old.write(CONFIG, text)
    await world.change(cluster={"kubernetesVersion": "v1.40.1"})
    await world.run(fresh=True)
    await check_moved(world, await files(world.old))


async def test_a_run_without_time_says_how_far_it_came(world: World) -> None:
    await world.begin(sync={"timeout": "1s"})
    await world.move()
    times = iter([0.0, 0.8])
    await world.run(clock=lambda: next(times, 0.8))
    assert world.reason() == "Migrating"
    assert world.reason("Reconciling") == "ProgressingWithRetry"
    assert world.status["migration"]["phase"] == "Copying"
    assert world.status["store"]["url"] == f"{world.old_url}/{CLUSTER}"
    await world.run()
    await check_moved(world, await files(world.old))


async def test_copies_that_somebody_removed_count_no_more(world: World) -> None:
    await world.begin(sync={"timeout": "1s"})
    await world.new.write(f"{CLUSTER}/kops-version.txt", b"theirs")
    await copy_by_hand(world, GROUP, f"{CLUSTER}/cluster-completed.spec")
    await world.move()
    await world.run()
    assert world.reason() == "MigrationRefused"
    assert world.memory.copied
    assert len(world.memory.copied.pairs) == 2
    for key in await files(world.new):
        await world.new.delete(key)
    for key in (GROUP, f"{CLUSTER}/cluster-completed.spec"):
        await world.old.delete(key)
    await world.run()
    await check_moved(world, await files(world.old))


async def test_a_long_run_tells_how_far_it_is_and_that_the_object_is_not_ready(world: World) -> None:
    await world.begin()
    await world.move()
    seconds = count(0, 4.0)
    await world.run(clock=lambda: next(seconds))
    *told, last = world.told
    on_the_way = [each for each in told if each.get("migration", {}).get("phase") == "Copying"]
    assert on_the_way
    for each in on_the_way:
        conditions = {one["type"]: (one["status"], one["reason"]) for one in each["conditions"]}
        assert conditions["Ready"] == ("False", "Migrating")
        assert conditions["Reconciling"] == ("True", "ProgressingWithRetry")
        assert "InSync" not in conditions or conditions["InSync"][0] != "True"
    copied = [each["migration"]["copied"] for each in on_the_way]
    assert copied == sorted(copied)
    assert last["migration"]["phase"] == "Switched"


async def test_a_newer_file_at_the_target_stops_even_a_resumed_move(world: World) -> None:
    """Somebody uses the new place before the switch: nothing of theirs is overwritten."""
    await world.begin()
    await world.move()
    await interrupt(world)
    await world.new.write(GROUP, b"theirs")
    await world.run(fresh=True)
    assert world.reason("Stalled") == "MigrationRefused"
    assert "instancegroup/nodes" in message(world)
    assert (await world.new.read(GROUP)).data == b"theirs"


async def test_a_move_back_takes_its_own_old_files_for_copies(world: World) -> None:
    await world.begin()
    await world.move()
    await world.run()
    await world.change(cluster={"kubernetesVersion": "v1.41.0"})
    await world.run()
    there = await files(world.new)
    await world.change(store={"url": world.old_url})
    await world.run(fresh=True)
    assert world.reason() == "Succeeded", message(world)
    back = await files(world.old)
    assert {key for key in there if back[key] != there[key]} == {CONFIG}
    assert b"v1.41.0" in back[CONFIG]
    assert world.new_url.encode() not in back[CONFIG]


async def test_a_place_that_an_older_object_writes_to_is_not_entered(world: World) -> None:
    await world.begin()
    body = await create(world.client, world.namespace, "other", store={"url": world.new_url}, clusterName=CLUSTER)
    body["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    claim = make_claim(load(body), f"{world.new_url}/{CLUSTER}", proven=True)
    world.claims.set((world.namespace, "other"), claim)
    await world.move()
    await world.run()
    assert world.reason("Stalled") == "StateClaimed"
    assert await files(world.new) == {}
    world.claims.set((world.namespace, "other"), None)
    await world.run()
    await check_moved(world, await files(world.old))


async def make_updated(store: MemoryStore, old: str, new: str) -> None:
    """Do to the state what `kops update cluster` does."""
    key = f"{CLUSTER}/cluster-completed.spec"
    await store.write(key, (await store.read(key)).data.replace(old.encode(), new.encode()))


async def test_the_old_files_go_when_nobody_reads_them_any_more(world: World) -> None:
    await world.begin(sync={"migration": {"cleanup": "Delete", "backups": "All"}})
    before = await files(world.old)
    await world.move()
    await world.run()
    await world.confirm()
    await world.run()
    assert await files(world.old) == before, "no update has been seen"
    assert world.status["migration"]["phase"] == "Switched"
    await make_updated(world.new, world.old_url, world.new_url)
    await world.annotate(rolled="77, s3://former#1,78/promoted")
    await world.run()
    assert await files(world.old) == before, "nobody has confirmed the rolling update"
    await world.confirm()
    confirmed = world.body["metadata"]["annotations"]["clusterstate.dev/rolled"].split(",")
    assert confirmed[:-1] == ["77", "78/promoted"], "what else was confirmed stays"
    await world.run()
    assert world.status["migration"]["phase"] == "CleanedUp", world.status["migration"]
    assert await files(world.old) == {}
    revision = world.body["metadata"]["resourceVersion"]
    await world.run(fresh=True)
    assert world.body["metadata"]["resourceVersion"] == revision


async def test_what_was_changed_at_the_old_place_after_the_switch_is_kept_and_named(world: World) -> None:
    await world.begin(sync={"migration": {"cleanup": "Delete"}})
    await world.move()
    await world.run()
    await world.old.write(GROUP, b"theirs")
    await make_updated(world.new, world.old_url, world.new_url)
    await world.confirm()
    await world.run(fresh=True)
    migration = world.status["migration"]
    assert migration["phase"] == "CleanedUp"
    assert "instancegroup/nodes" in migration["message"]
    left = await files(world.old)
    assert left[GROUP] == b"theirs"
    assert {key for key in left if "/backups/" in key}, "only the latest backups were copied"
    assert f"{CLUSTER}/kops-version.txt" not in left


async def test_a_confirmation_counts_for_one_move_only(world: World) -> None:
    await world.begin(sync={"migration": {"cleanup": "Delete"}})
    await world.move()
    await world.run()
    await world.confirm()
    await world.change(store={"url": world.old_url})
    await world.run()
    await world.move()
    await world.run()
    await make_updated(world.new, world.old_url, world.new_url)
    await world.run()
    assert world.status["migration"]["phase"] == "Switched"
    assert CONFIG in await files(world.old), "nobody has confirmed the second rolling update"


async def copied_in_part(world: World) -> dict[str, bytes]:
    """Begin a move whose run ends when the first files are at the new place; give what the old place had."""
    await world.begin()
    before = await files(world.old)
    await world.move()
    await interrupt(world)
    assert await files(world.new)
    return before


@pytest.mark.parametrize("fresh", [True, False])
async def test_a_source_that_is_emptied_takes_no_copy_along(world: World, *, fresh: bool) -> None:
    before = await copied_in_part(world)
    copies = await files(world.new)
    for key in before:
        await world.old.delete(key)
    await world.run(fresh=fresh)
    assert world.reason("Stalled") == "MigrationRefused"
    assert "holds no config any more" in message(world)
    assert await files(world.new) == copies
    for key, data in before.items():
        await world.old.write(key, data)
    await world.run(fresh=True)
    await check_moved(world, before)


async def test_a_source_that_loses_much_while_it_is_copied_takes_no_copy_along(world: World) -> None:
    await world.begin()
    before = await files(world.old)
    await world.move()
    lost = [key for key in before if "/pki/" in key or "/instancegroup/" in key or "/addons/" in key]

    def clock() -> float:
        return 0.0

    task = asyncio.create_task(world.run(clock=clock))
    while not task.done() and not set(lost) & {*await files(world.new)}:  # noqa: ASYNC110 - a store has no event
        await asyncio.sleep(0)
    for key in lost:
        await world.old.delete(key)
    await task
    assert world.reason("Stalled") == "MigrationRefused", message(world)
    assert f"has lost {len(lost)} of" in message(world)
    assert CONFIG not in await files(world.new)


async def test_what_went_at_the_source_goes_at_the_target(world: World) -> None:
    await world.begin()
    gone, stays = f"{CLUSTER}/addons/gone.yaml", f"{CLUSTER}/addons/stays.yaml"
    for key in (gone, stays):
        await world.old.write(key, b"x")
    await world.move()
    task = asyncio.create_task(world.run())
    while not task.done() and gone not in await files(world.new):  # noqa: ASYNC110 - a store has no event
        await asyncio.sleep(0)
    await world.old.delete(gone)
    await task
    there = await files(world.new)
    assert (gone in there, stays in there) == (False, True)
    assert world.reason() == "Succeeded", message(world)


async def test_what_config_names_meanwhile_moves_too(world: World) -> None:
    await world.begin()
    await world.move()
    task = asyncio.create_task(world.run())
    while not task.done() and not await files(world.new):  # noqa: ASYNC110 - a store has no event
        await asyncio.sleep(0)
    config = yaml.safe_load((await world.old.read(CONFIG)).data)
    config["spec"]["keyStore"] = f"{world.old_url}/keys"
    place = "private/kubernetes-ca/keyset.yaml"
    data = next((folder / key).read_bytes() for folder, key in FILES if key == f"pki/{place}")
    await world.old.write(f"keys/{place}", data)
    await world.old.write(CONFIG, yaml.safe_dump(config).encode())
    await task
    assert world.reason() == "Migrating"
    assert "names other places" in message(world)
    await world.run()
    assert world.reason() == "Succeeded", message(world)
    moved = await files(world.new)
    assert moved[f"keys/{place}"] == data
    assert yaml.safe_load(moved[CONFIG])["spec"]["keyStore"] == f"{world.new_url}/keys"


async def switched(world: World, **sync: object) -> None:
    """Bring a state to its new place, with everything done that lets the old files go, but for a run."""
    await world.begin(sync={"migration": {"cleanup": "Delete", "backups": "All"}, **sync})
    await world.move()
    await world.run()
    await make_updated(world.new, world.old_url, world.new_url)
    await world.confirm()


async def test_a_state_below_the_old_one_stays(world: World) -> None:
    key = f"{CLUSTER}/team/pki/private/ca/keyset.yaml"
    await world.old.write(key, b"a key of others")
    await switched(world)
    await world.run()
    assert world.status["migration"]["phase"] == "CleanedUp"
    assert "team/pki/private/ca/keyset.yaml" in world.status["migration"]["message"]
    assert await files(world.old) == {key: b"a key of others"}


async def test_files_that_another_object_refers_to_stay(world: World) -> None:
    await switched(world)
    before = await files(world.old)
    body = await create(world.client, world.namespace, "other", store={"url": world.old_url}, clusterName=CLUSTER)
    world.claims.set((world.namespace, "other"), make_claim(load(body), f"{world.old_url}/{CLUSTER}", proven=True))
    await world.run()
    assert "another ClusterState refers to them" in world.status["migration"]["message"]
    assert await files(world.old) == before
    world.claims.set((world.namespace, "other"), None)
    await world.run(fresh=True)
    assert await files(world.old) == {}


async def test_a_cleanup_that_was_killed_goes_on(world: World) -> None:
    await switched(world)
    task = asyncio.create_task(world.run())
    every = len(await files(world.old))
    while not task.done() and len(await files(world.old)) == every:  # noqa: ASYNC110 - a store has no event
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    left = await files(world.old)
    assert 0 < len(left) < every
    assert CONFIG in left
    await world.run(fresh=True)
    assert world.status["migration"]["phase"] == "CleanedUp", world.status["migration"]
    assert await files(world.old) == {}


async def test_under_delete_the_finalizer_is_on_before_the_first_copy(world: World) -> None:
    await world.begin()
    await world.change(sync={"deletionPolicy": "Delete"}, store={"url": world.new_url})
    await interrupt(world)
    world.body = await get(world.client, world.body)
    assert FINALIZER in world.body["metadata"]["finalizers"]


async def test_a_dry_run_refuses_what_the_move_would(world: World) -> None:
    await world.begin()
    await world.new.write(f"{CLUSTER}/secrets/theirs", b"theirs")
    await world.change(sync={"dryRun": True}, store={"url": world.new_url})
    await world.run()
    assert world.reason() == "MigrationRefused"
    assert "secrets/theirs" in message(world)


async def test_a_place_that_was_left_before_is_named(world: World) -> None:
    await world.begin()
    await world.move()
    await world.run()
    await world.change(store={"url": f"memfs://{world.namespace}-third"})
    await world.run()
    assert f"Files of {world.old_url}/{CLUSTER}, where it was before, stay too" in world.status["migration"]["message"]
    await world.change(store={"url": world.old_url})
    for key in await files(world.old):
        await world.old.delete(key)
    await world.run()
    told = world.status["migration"]["message"]
    assert f"Files of {world.new_url}/{CLUSTER}, where it was before, stay too" in told
