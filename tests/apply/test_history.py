"""An intent before the first write, settled after the last, and never more revisions than asked for."""

import os
from dataclasses import replace
from typing import Any

import pytest

from clusterstate.apply.history import MOST_BYTES, STORE_ALONE, History, Keeping
from clusterstate.kube.client import Client
from clusterstate.kube.contents import MAX_PACKED
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import delete_revision, list_revisions, settle_revision
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.departure import Departure
from clusterstate.plan.hook import WANTED, JobState
from clusterstate.plan.observed import Applied
from tests.kube.owners import create, owner_of

pytestmark = pytest.mark.apiserver
CONFIG = Plan(changes=(Change("config", Action.UPDATE),))
GROUP = Plan(changes=(Change("instancegroup/nodes", Action.UPDATE), Change("config", Action.UPDATE)))


@pytest.fixture
async def owner(client: Client, namespace: str) -> Owner:
    return owner_of(await create(client, namespace))


async def history(client: Client, owner: Owner, limit: int = 10, by: str = "") -> History:
    """Give it as the next run finds it."""
    return History(client, owner, await list_revisions(client, owner), Keeping(limit, by))


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


async def test_a_move_that_takes_many_runs_records_its_intent_once(client: Client, owner: Owner) -> None:
    """A move itself is followed up by no Job, though pushes of the object are."""
    for _ in range(3):
        keeping = Keeping(1, hook=WANTED)
        run = History(client, owner, await list_revisions(client, owner), keeping)
        await run.intend(replace(declared("stable"), departure=Departure({"url": "s3://old"})), Plan())
    assert await kept(client, owner) == [(1, False, {"channel": "stable"})]


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


async def push(client: Client, owner: Owner, text: str, limit: int = 10) -> None:
    run = await history(client, owner, limit, by=f"who wrote {text[:8]}")
    await run.intend(declared(text), CONFIG)
    await run.settle(declared(text))


async def test_older_ones_lead_back_and_each_says_who_and_what(client: Client, owner: Owner) -> None:
    for channel in "abcd":
        await push(client, owner, channel, limit=3)
    listed = await list_revisions(client, owner)
    assert [(each.number, each.origin) for each in listed] == [(2, 3), (3, 4), (4, 0)]
    assert [each.content["cluster"] for each in listed] == [{"channel": channel} for channel in "bcd"]
    told = (await history(client, owner)).applied
    assert [(each.number, each.by, each.what) for each in told] == [
        (4, "who wrote d", "config (changed)"),
        (3, "who wrote c", "config (changed)"),
        (2, "who wrote b", "config (changed)"),
    ]
    assert [each.time for each in told] == [each.created for each in reversed(listed)]


async def test_intents_stay_whole_until_a_later_push_is_settled(client: Client, owner: Owner) -> None:
    await push(client, owner, "a")
    for channel in "bc":
        await (await history(client, owner)).intend(declared(channel), CONFIG)
    assert [each.origin for each in await list_revisions(client, owner)] == [0, 0, 0]
    await push(client, owner, "d")
    assert [(each.settled, each.origin) for each in await list_revisions(client, owner)] == [
        (True, 2),
        (False, 3),
        (False, 4),
        (True, 0),
    ]


async def test_killed_before_older_ones_are_shortened_the_next_run_does_it(client: Client, owner: Owner) -> None:
    await push(client, owner, "a")
    run = await history(client, owner)
    await run.intend(declared("b"), CONFIG)
    await settle_revision(client, run._known[-1])
    assert [each.origin for each in await list_revisions(client, owner)] == [0, 0]
    await (await history(client, owner)).settle(declared("b"))
    assert await kept(client, owner) == [(1, True, {"channel": "a"}), (2, True, {"channel": "b"})]
    assert [each.origin for each in await list_revisions(client, owner)] == [2, 0]


async def test_what_cant_be_read_back_stays_as_it_is_and_goes_in_its_turn(client: Client, owner: Owner) -> None:
    for channel in "abc":
        await push(client, owner, channel)
    await delete_revision(client, (await list_revisions(client, owner))[1])
    await push(client, owner, "d")
    listed = await list_revisions(client, owner)
    assert [(each.number, each.readable) for each in listed] == [(1, False), (3, True), (4, True)]
    await push(client, owner, "e", limit=3)
    assert [each.number for each in await list_revisions(client, owner)] == [3, 4, 5]


async def test_all_together_stay_within_what_a_run_should_read(client: Client, owner: Owner) -> None:
    texts = [os.urandom(MAX_PACKED // 2).hex() for _ in range(7)]
    for text in texts:
        await push(client, owner, text)
    listed = await list_revisions(client, owner)
    assert sum(len(each.packed) for each in listed) <= MOST_BYTES
    assert [each.content["cluster"] for each in listed] == [{"channel": text} for text in texts[-len(listed) :]]
    assert 2 < len(listed) < len(texts)


async def test_what_the_store_showed_makes_no_revision_of_its_own(client: Client, owner: Owner) -> None:
    def seen(version: str) -> Applied:
        return Applied({"channel": "stable"}, shown=Applied({"kubernetesVersion": version}))

    run = await history(client, owner, by="ann")
    await run.intend(seen("1"), CONFIG)
    await run.settle(seen("1"))
    for version in ("2", "3", "4"):
        await run.settle(seen(version))
    assert [number for number, *_ in await kept(client, owner)] == [1, 4], "the push, and the newest look"
    newest = (await list_revisions(client, owner))[-1]
    assert Applied.from_json(newest.content) == seen("4")
    assert [number for number, *_ in await kept(client, owner)] == [1, 4], "what came before is still told"
    await run.settle(replace(seen("4"), cluster={"channel": "alpha"}))
    told = [(each.number, each.by, each.what) for each in run.applied]
    assert told == [(5, "ann", ""), (4, "", STORE_ALONE), (1, "ann", "config (changed)")], "ann didn't change the store"


async def test_a_declaration_alone_stays_told_when_the_store_moves_on(client: Client, owner: Owner) -> None:
    def seen(version: str) -> Applied:
        return Applied({"channel": "stable"}, shown=Applied({"kubernetesVersion": version}))

    await (await history(client, owner, by="ann")).settle(declared("stable"))
    await (await history(client, owner, by="argocd")).settle(replace(seen("1"), absent=frozenset({"/spec/x"})))
    for version in ("2", "3"):
        await (await history(client, owner, by="argocd")).settle(replace(seen(version), absent=frozenset({"/spec/x"})))
    told = [(each.number, each.by, each.what) for each in (await history(client, owner)).applied]
    assert told == [(4, "", STORE_ALONE), (2, "argocd", ""), (1, "ann", "")]


@pytest.mark.parametrize("whole", [True, False])
async def test_what_is_kept_for_its_job_can_be_read_whatever_goes_after_it(
    client: Client, owner: Owner, *, whole: bool
) -> None:
    async def run(limit: int) -> History:
        return History(client, owner, await list_revisions(client, owner), Keeping(limit, hook=WANTED))

    for number, result in enumerate((JobState.SUCCEEDED, JobState.FAILED, JobState.FAILED), 1):
        pushed = await run(3)
        await pushed.intend(declared(f"v{number}"), CONFIG)
        await pushed.settle(declared(f"v{number}"))
        await pushed.mark_hook(number, f"job-{number}")
        await pushed.end_hook(number, result, "")
    last = await run(3)
    await last.intend(declared("v4"), CONFIG)
    if whole:
        await last.settle(declared("v4"))
    assert await kept(client, owner) == [
        (1, True, {"channel": "v1"}),
        (3, True, {"channel": "v3"}),
        (4, whole, {"channel": "v4"}),
    ]


async def test_intents_that_the_base_needs_are_kept_beyond_the_limit(client: Client, owner: Owner) -> None:
    await (await history(client, owner, limit=1)).settle(declared("a"))
    for channel in ("b", "c"):
        await (await history(client, owner, limit=1)).intend(declared(channel), CONFIG)
    assert [(number, settled) for number, settled, _ in await kept(client, owner)] == [
        (1, True),
        (2, False),
        (3, False),
    ]


async def test_numbers_go_on_when_revisions_were_deleted(client: Client, owner: Owner) -> None:
    run = History(client, owner, [], Keeping(10, after=7))
    await run.settle(declared("stable"))
    assert [number for number, *_ in await kept(client, owner)] == [8]


async def test_a_look_at_the_store_does_not_replace_a_revision_with_a_job(client: Client, owner: Owner) -> None:
    run = await history(client, owner)
    await run.settle(declared("stable"))
    await run.settle(replace(declared("stable"), shown=declared("theirs")))
    await run.mark_hook(2, "a-job")
    await (await history(client, owner)).settle(replace(declared("stable"), shown=declared("others'")))
    assert [number for number, *_ in await kept(client, owner)] == [1, 2, 3]
