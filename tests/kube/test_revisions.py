"""What was applied, kept in the cluster: as it was written, for this object alone, whatever became of others."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from clusterstate.api.annotations import OWNER_UID_LABEL
from clusterstate.errors import ObjectChanged, ObjectExists, Unreadable
from clusterstate.kube.client import Client
from clusterstate.kube.contents import MAX_PACKED, pack
from clusterstate.kube.kinds import CONTROLLER_REVISIONS
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import (
    SETTLED,
    Revision,
    create_revision,
    delete_revision,
    list_revisions,
    rebase_revision,
    settle_revision,
)
from clusterstate.sandbox.controlplane import ControlPlane
from tests.kube.owners import create, owner_of, plane

__all__ = ["plane"]

pytestmark = pytest.mark.apiserver
CONTENT = {"cluster": {"channel": "stable"}, "instanceGroups": {}, "created": {}}


@pytest.fixture
async def owner(plane: ControlPlane, client: Client, namespace: str) -> Owner:
    del plane
    return owner_of(await create(client, namespace))


def intent(number: int, **more: Any) -> Revision:
    return Revision(number, settled=False, packed=pack(CONTENT), **more)


async def test_an_intent_is_kept_and_settled_once(client: Client, owner: Owner) -> None:
    made = await create_revision(client, owner, intent(1, groups_pushed=1, changes=3))
    assert await list_revisions(client, owner) == (made,)
    assert (made.settled, made.groups_pushed, made.changes) == (False, 1, 3)
    settled = await settle_revision(client, made)
    assert await list_revisions(client, owner) == (settled,)
    assert (settled.settled, settled.content, settled.created) == (True, CONTENT, made.created)
    with pytest.raises(ObjectChanged):
        await settle_revision(client, made)


async def test_one_that_was_listed_can_be_settled_too(client: Client, owner: Owner) -> None:
    await create_revision(client, owner, intent(1))
    (listed,) = await list_revisions(client, owner)
    assert (await settle_revision(client, listed)).settled


async def test_they_come_in_the_order_of_their_numbers(client: Client, owner: Owner) -> None:
    made = [await create_revision(client, owner, intent(number)) for number in (10, 9, 100)]
    assert [each.number for each in await list_revisions(client, owner)] == [9, 10, 100]
    await delete_revision(client, made[0])
    await delete_revision(client, made[0])
    assert [each.number for each in await list_revisions(client, owner)] == [9, 100]


async def test_a_number_is_given_once(client: Client, owner: Owner) -> None:
    await create_revision(client, owner, intent(1))
    with pytest.raises(ObjectExists):
        await create_revision(client, owner, intent(1, changes=7))
    assert [each.changes for each in await list_revisions(client, owner)] == [0]


async def test_a_namesake_and_a_neighbour_have_their_own(client: Client, owner: Owner) -> None:
    neighbour = owner_of(await create(client, owner.namespace, "other"))
    await create_revision(client, owner, intent(1))
    await create_revision(client, neighbour, intent(1, changes=2))
    assert [each.changes for each in await list_revisions(client, neighbour)] == [2]
    assert await list_revisions(client, Owner(owner.namespace, owner.name, "another-uid")) == ()


async def forge(client: Client, owner: Owner, number: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Write a revision as the operator would have, but for one change."""
    made = await create_revision(client, owner, intent(number))
    await delete_revision(client, made)
    stored = made.stored["metadata"]
    metadata = {key: stored[key] for key in ("name", "namespace", "labels", "annotations", "ownerReferences")}
    body: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata}
    body |= {"revision": number, "data": dict(made.stored["data"])}
    change(body)
    await client.create(CONTROLLER_REVISIONS, body)


async def numbers(client: Client, owner: Owner) -> list[int]:
    return [each.number for each in await list_revisions(client, owner)]


@pytest.mark.parametrize("data", [{"gzip": "bm8gZ3ppcA=="}, {"gzip": 7}, {"zip": ""}])
async def test_a_damaged_one_is_left_out_and_gives_way(client: Client, owner: Owner, data: dict[str, Any]) -> None:
    await create_revision(client, owner, intent(1))
    await forge(client, owner, 2, lambda body: body.update(data=data))
    assert await numbers(client, owner) == [1]
    await create_revision(client, owner, intent(2, changes=5))
    assert [(each.number, each.changes) for each in await list_revisions(client, owner)] == [(1, 0), (2, 5)]


@pytest.mark.parametrize("claim", ["nobody", "neighbour", "not its controller"])
async def test_one_that_only_carries_the_label_counts_for_nothing_and_stays(
    client: Client, owner: Owner, claim: str
) -> None:
    neighbour = owner_of(await create(client, owner.namespace, "other"))
    references = {
        "nobody": [],
        "neighbour": [neighbour.reference()],
        "not its controller": [{**owner.reference(), "controller": False}],
    }
    await forge(client, owner, 1, lambda body: body["metadata"].update(ownerReferences=references[claim]))
    assert await numbers(client, owner) == []
    with pytest.raises(ObjectExists):
        await create_revision(client, owner, intent(1))


async def test_only_what_a_run_needs_is_unpacked(client: Client, owner: Owner) -> None:
    for number in (1, 2, 3, 4):
        made = await create_revision(client, owner, intent(number))
        if number != 4:
            await settle_revision(client, made)
    await forge(client, owner, 5, lambda body: body.update(data={"gzip": "AAAA"}))
    listed = await list_revisions(client, owner)
    assert [each.number for each in listed] == [1, 2, 3, 4]
    assert ["content" in vars(each) for each in listed] == [False, False, True, True]
    assert all(each.content == CONTENT for each in listed)


async def test_the_newest_settled_one_that_can_be_read_is_the_base(client: Client, owner: Owner) -> None:
    def spoil(body: dict[str, Any]) -> None:
        body["metadata"]["annotations"][SETTLED] = "true"
        body["data"] = {"gzip": "AAAA"}

    await forge(client, owner, 1, spoil)
    await settle_revision(client, await create_revision(client, owner, intent(2)))
    await forge(client, owner, 3, spoil)
    old, base = await list_revisions(client, owner)
    assert (old.number, old.settled, old.readable) == (1, True, False)
    assert (base.number, base.settled, base.readable) == (2, True, True)
    with pytest.raises(Unreadable):
        _ = old.content


async def test_an_annotation_that_somebody_spoilt_makes_it_unreadable(client: Client, owner: Owner) -> None:
    made = await create_revision(client, owner, intent(1))
    metadata = made.stored["metadata"]
    spoilt = dict.fromkeys(metadata["annotations"], "many")
    body = {**made.stored, "apiVersion": "apps/v1", "kind": "ControllerRevision"}
    await client.replace(CONTROLLER_REVISIONS, body | {"metadata": {**metadata, "annotations": spoilt}})
    assert await list_revisions(client, owner) == ()


async def test_the_largest_that_can_be_packed_can_be_kept(client: Client, owner: Owner) -> None:
    half = {"cluster": {"text": os.urandom(MAX_PACKED // 3).hex()}}
    await create_revision(client, owner, Revision(1, settled=False, packed=pack(half)))
    (kept,) = await list_revisions(client, owner)
    assert kept.content == half


def revision(number: int, **more: Any) -> Revision:
    return Revision(number, settled=True, packed=pack(content(number)), **more)


def content(number: int) -> dict[str, Any]:
    return {**CONTENT, "cluster": {"channel": str(number), "none": None}}


async def names(client: Client, owner: Owner) -> list[str]:
    found = [each["metadata"]["name"] async for each in client.list(CONTROLLER_REVISIONS, owner.namespace)]
    return sorted(name.partition(owner.uid[:8])[2] for name in found)


async def test_older_ones_lead_back_and_say_all_that_they_said(client: Client, owner: Owner) -> None:
    made = [await create_revision(client, owner, revision(each, changes=each, by="ann", what="w")) for each in (1, 2)]
    newest = await create_revision(client, owner, revision(4))
    second = await rebase_revision(client, owner, made[1], newest)
    await rebase_revision(client, owner, made[0], second)
    assert await names(client, owner) == ["-1-from-2", "-2-from-4", "-4"]
    listed = await list_revisions(client, owner)
    assert [each.content for each in listed] == [content(1), content(2), content(4)]
    assert [each.created for each in listed[:2]] == [each.created for each in made]
    assert [(each.changes, each.by, each.what) for each in listed[:2]] == [(1, "ann", "w"), (2, "ann", "w")]
    again = await rebase_revision(client, owner, listed[0], listed[2])
    assert (again.created, again.content) == (made[0].created, content(1))
    assert await names(client, owner) == ["-1-from-4", "-2-from-4", "-4"]


async def test_one_whose_way_back_is_broken_says_nothing_but_that_it_was(client: Client, owner: Owner) -> None:
    made = [await create_revision(client, owner, revision(each)) for each in (1, 2, 3)]
    second = await rebase_revision(client, owner, made[1], made[2])
    await rebase_revision(client, owner, made[0], second)
    await delete_revision(client, second)
    first, newest = await list_revisions(client, owner)
    assert (first.number, first.settled, first.readable, newest.readable) == (1, True, False, True)
    with pytest.raises(Unreadable):
        await rebase_revision(client, owner, first, newest)
    assert await names(client, owner) == ["-1-from-2", "-3"]


async def test_killed_between_the_new_form_and_the_old_ones_end(client: Client, owner: Owner) -> None:
    """Both are there then; whichever a reader takes, it says the same, and the next try mends it."""
    old, newest = [await create_revision(client, owner, revision(each)) for each in (1, 2)]
    await rebase_revision(client, owner, old, newest)
    await create_revision(client, owner, revision(1))
    assert await names(client, owner) == ["-1", "-1-from-2", "-2"]
    listed = await list_revisions(client, owner)
    assert [(each.number, each.origin, each.content) for each in listed] == [(1, 0, content(1)), (2, 0, content(2))]
    await rebase_revision(client, owner, *listed)
    assert await names(client, owner) == ["-1-from-2", "-2"]
    assert [each.content for each in await list_revisions(client, owner)] == [content(1), content(2)]


async def test_without_the_base_nothing_older_counts(client: Client, owner: Owner) -> None:
    old, newest = [await create_revision(client, owner, revision(each)) for each in (1, 2)]
    await rebase_revision(client, owner, old, newest)
    await delete_revision(client, newest)
    assert await list_revisions(client, owner) == ()


@pytest.mark.parametrize("origin", [1, 0, None, [7], "x"])
async def test_one_that_leads_nowhere_is_left_out(client: Client, owner: Owner, origin: Any) -> None:
    await forge(client, owner, 1, lambda body: body.update(data={"back": "AAAA", "from": origin}))
    assert await list_revisions(client, owner) == ()


async def test_it_belongs_to_its_object_and_goes_with_it(client: Client, owner: Owner) -> None:
    long = owner_of(await create(client, owner.namespace, f"{'x' * 199}.{'y' * 50}"))
    made = await create_revision(client, long, intent(2**31))
    metadata = made.stored["metadata"]
    assert metadata["ownerReferences"] == [long.reference()]
    assert metadata["labels"] == {OWNER_UID_LABEL: long.uid}
    assert (long.reference()["controller"], long.reference()["blockOwnerDeletion"]) == (True, False)
    assert str(owner) == f"{owner.namespace}/{owner.name}"
