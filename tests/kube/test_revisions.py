"""What was applied, kept in the cluster: as it was written, for this object alone, whatever became of others."""

import base64
import gzip
import os
from typing import Any

import pytest

from clusterstate.api.annotations import OWNER_UID_LABEL
from clusterstate.errors import ObjectChanged, ObjectExists, SpecTooLarge
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CONTROLLER_REVISIONS
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import (
    MAX_ENCODED,
    Revision,
    create_revision,
    delete_revision,
    list_revisions,
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
    return Revision(number, settled=False, content=CONTENT, **more)


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
    for number in (10, 9, 100):
        await create_revision(client, owner, intent(number))
    assert [each.number for each in await list_revisions(client, owner)] == [9, 10, 100]
    await delete_revision(client, owner, 10)
    await delete_revision(client, owner, 10)
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


def packed(data: bytes) -> str:
    return base64.b64encode(gzip.compress(data)).decode()


@pytest.mark.parametrize(
    "data",
    [
        {"gzip": packed(b"{}")[:-9]},
        {"gzip": packed(b"{")},
        {"gzip": packed(b"[]")},
        {"gzip": "bm8gZ3ppcA=="},
        {"gzip": "%"},
        {"gzip": 7},
        {"zip": ""},
    ],
)
async def test_a_damaged_one_is_left_out_and_gives_way(client: Client, owner: Owner, data: dict[str, Any]) -> None:
    await create_revision(client, owner, intent(1))
    made = await create_revision(client, owner, intent(2))
    await delete_revision(client, owner, 2)
    stored = made.stored["metadata"]
    metadata = {key: stored[key] for key in ("name", "namespace", "labels", "annotations", "ownerReferences")}
    body = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "revision": 2, "data": data}
    await client.create(CONTROLLER_REVISIONS, body)
    assert [each.number for each in await list_revisions(client, owner)] == [1]
    await create_revision(client, owner, intent(2, changes=5))
    assert [(each.number, each.changes) for each in await list_revisions(client, owner)] == [(1, 0), (2, 5)]


async def test_an_annotation_that_somebody_spoilt_makes_it_unreadable(client: Client, owner: Owner) -> None:
    made = await create_revision(client, owner, intent(1))
    metadata = made.stored["metadata"]
    spoilt = dict.fromkeys(metadata["annotations"], "many")
    body = {**made.stored, "apiVersion": "apps/v1", "kind": "ControllerRevision"}
    await client.replace(CONTROLLER_REVISIONS, body | {"metadata": {**metadata, "annotations": spoilt}})
    assert await list_revisions(client, owner) == ()


async def test_what_no_object_can_hold_is_refused_before_it_is_sent(client: Client, owner: Owner) -> None:
    large = {"cluster": {"text": os.urandom(MAX_ENCODED).hex()}}
    with pytest.raises(SpecTooLarge, match="Declare less"):
        await create_revision(client, owner, Revision(1, settled=False, content=large))
    assert await list_revisions(client, owner) == ()
    half = {"cluster": {"text": os.urandom(MAX_ENCODED // 3).hex()}}
    await create_revision(client, owner, Revision(1, settled=False, content=half))
    (kept,) = await list_revisions(client, owner)
    assert kept.content == half


async def test_it_belongs_to_its_object_and_goes_with_it(client: Client, owner: Owner) -> None:
    long = owner_of(await create(client, owner.namespace, f"{'x' * 199}.{'y' * 50}"))
    made = await create_revision(client, long, intent(2**31))
    metadata = made.stored["metadata"]
    assert metadata["ownerReferences"] == [long.reference()]
    assert metadata["labels"] == {OWNER_UID_LABEL: long.uid}
    assert (long.reference()["controller"], long.reference()["blockOwnerDeletion"]) == (True, False)
    assert str(owner) == f"{owner.namespace}/{owner.name}"
