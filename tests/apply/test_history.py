"""An intent before the first write, settled after the last, and never more revisions than asked for."""

from typing import Any

import pytest

from clusterstate.apply.history import History
from clusterstate.kube.client import Client
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import list_revisions
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.observed import Applied
from tests.kube.owners import create, owner_of

pytestmark = pytest.mark.apiserver
CONFIG = Plan(changes=(Change("config", Action.UPDATE),))
GROUP = Plan(changes=(Change("instancegroup/nodes", Action.UPDATE), Change("config", Action.UPDATE)))


@pytest.fixture
async def owner(client: Client, namespace: str) -> Owner:
    return owner_of(await create(client, namespace))


async def history(client: Client, owner: Owner, limit: int = 10) -> History:
    """Give it as the next run finds it."""
    return History(client, owner, await list_revisions(client, owner), limit=limit)


def declared(channel: str) -> Applied:
    return Applied(cluster={"channel": channel})


async def kept(client: Client, owner: Owner) -> list[tuple[int, bool, Any]]:
    return [(each.number, each.settled, each.content["cluster"]) for each in await list_revisions(client, owner)]


async def test_a_push_is_an_intent_until_it_is_settled(client: Client, owner: Owner) -> None:
    run = await history(client, owner)
    assert (run.applied, run.groups_pushed, run.newest) == ((), 0, 0)
    await run.intend(declared("stable"), CONFIG)
    assert await kept(client, owner) == [(1, False, {"channel": "stable"})]
    assert list(run.applied) == []
    assert run.newest == 1
    await run.settle(declared("stable"))
    assert await kept(client, owner) == [(1, True, {"channel": "stable"})]
    (applied,) = run.applied
    assert (applied.number, applied.changes) == (1, 1)
    assert applied.time.endswith("Z")
    assert (await history(client, owner)).applied == run.applied


async def test_what_is_settled_already_writes_nothing(client: Client, owner: Owner) -> None:
    run = await history(client, owner)
    await run.settle(declared("stable"))
    before = await list_revisions(client, owner)
    await run.settle(declared("stable"))
    await (await history(client, owner)).settle(declared("stable"))
    after = await list_revisions(client, owner)
    assert [each.stored for each in after] == [each.stored for each in before]


async def test_a_push_that_never_ends_records_its_intent_once(client: Client, owner: Owner) -> None:
    for _ in range(3):
        await (await history(client, owner)).intend(declared("stable"), CONFIG)
    assert await kept(client, owner) == [(1, False, {"channel": "stable"})]
    await (await history(client, owner)).intend(declared("alpha"), CONFIG)
    run = await history(client, owner)
    await run.settle(declared("alpha"))
    assert [each.number for each in run.applied] == [2]
    assert [settled for _, settled, _ in await kept(client, owner)] == [False, True]


async def test_a_settled_declaration_that_is_written_again_is_an_intent_of_its_own(
    client: Client, owner: Owner
) -> None:
    for _ in range(2):
        run = await history(client, owner)
        await run.intend(declared("stable"), CONFIG)
        await run.settle(declared("stable"))
    assert [each.number for each in run.applied] == [2, 1]


async def test_the_newest_push_of_an_instance_group_is_carried_on(client: Client, owner: Owner) -> None:
    found = []
    for channel, plan in (("a", CONFIG), ("b", GROUP), ("c", CONFIG), ("d", GROUP)):
        run = await history(client, owner)
        await run.intend(declared(channel), plan)
        await run.settle(declared(channel))
        found.append(run.groups_pushed)
    assert found == [0, 2, 2, 4]
    assert (await history(client, owner)).groups_pushed == 4


async def test_an_intent_that_did_not_name_groups_does_not_stand_for_one_that_does(
    client: Client, owner: Owner
) -> None:
    await (await history(client, owner)).intend(declared("a"), CONFIG)
    run = await history(client, owner)
    await run.intend(declared("a"), GROUP)
    await run.intend(declared("a"), CONFIG)
    assert run.groups_pushed == 2
    assert [number for number, _, _ in await kept(client, owner)] == [1, 2]


async def test_only_so_many_are_kept_and_numbers_go_on(client: Client, owner: Owner) -> None:
    for channel in "abcd":
        await (await history(client, owner, limit=2)).settle(declared(channel))
    assert [number for number, _, _ in await kept(client, owner)] == [3, 4]
    run = await history(client, owner, limit=1)
    await run.settle(declared("d"))
    assert [each.number for each in run.applied] == [4]
    assert run.newest == 4
    assert await kept(client, owner) == [(4, True, {"channel": "d"})]


async def test_what_the_store_showed_makes_no_revision_of_its_own(client: Client, owner: Owner) -> None:
    def seen(version: str) -> Applied:
        return Applied({"channel": "stable"}, shown=Applied({"kubernetesVersion": version}))

    run = await history(client, owner)
    await run.intend(seen("1"), CONFIG)
    await run.settle(seen("1"))
    for version in ("2", "3", "4"):
        await run.settle(seen(version))
    assert [number for number, *_ in await kept(client, owner)] == [1, 4], "the push, and the newest look"
    newest = (await list_revisions(client, owner))[-1]
    assert Applied.from_json(newest.content) == seen("4")
