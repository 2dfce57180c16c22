"""Which objects a process takes up, which it leaves, and what it knows of those."""

import asyncio
from collections import Counter
from typing import Any, cast

import pytest

from clusterstate.errors import ObjectChanged, ObjectExists, ObjectNotFound
from clusterstate.fence import Fence
from clusterstate.handlers.controller import Controller
from clusterstate.handlers.shards import Shards
from clusterstate.kube.client import Client
from clusterstate.plan.claims import Claim
from clusterstate.plan.shards import Sharding
from clusterstate.settings import Election, Settings
from tests.handlers.clock import play
from tests.handlers.objects import KEY, Body, body, make_controller
from tests.handlers.test_controller import runs_of


class Leases:
    """All Leases, with the API server's conditions."""

    def __init__(self) -> None:
        self.there: dict[str, Body] = {}
        self.versions = 0

    async def get(self, _: object, __: str, name: str) -> Body:
        if name not in self.there:
            raise ObjectNotFound("none")
        return self.there[name]

    async def create(self, _: object, wanted: Body) -> Body:
        if wanted["metadata"]["name"] in self.there:
            raise ObjectExists("there")
        return self._put(wanted)

    async def replace(self, _: object, wanted: Body) -> Body:
        there = self.there[wanted["metadata"]["name"]]["metadata"]
        if wanted["metadata"]["resourceVersion"] != there["resourceVersion"]:
            raise ObjectChanged("changed")
        return self._put(wanted)

    def _put(self, wanted: Body) -> Body:
        self.versions += 1
        metadata = {**wanted["metadata"], "resourceVersion": str(self.versions), "uid": "u"}
        self.there[metadata["name"]] = {**wanted, "metadata": metadata}
        return self.there[metadata["name"]]


SETTINGS = Settings(shards=2, election=Election(wanted=True, name="op"))
OURS, THEIRS = "op-0-of-2", "op-1-of-2"
PROD, OTHER = "u1", "u2"
"""Uids of objects of our shard, and of theirs."""
YOUNGER = ("clusters", "younger")


@pytest.fixture
def shards() -> Shards:
    """Those of a process that had the Lease of its shard before it listed the objects."""
    made = Shards(cast("Client", None), SETTINGS)
    made._held = {OURS: Fence()}
    made._first = frozenset({OURS})
    return made


@pytest.fixture
def controller(shards: Shards) -> Controller:
    context = make_controller()._context
    made = Controller(context, part=shards)
    shards.on_gain, shards.named = made.shards_gained, made.leases_named
    return made


def gain(shards: Shards, lease: str) -> None:
    shards._held[lease] = Fence()
    shards.on_gain()


def at(lease: str, version: int, uid: str, **metadata: Any) -> Body:
    return body(version, uid=uid, metadata=metadata) | {"status": {"shard": lease}}


async def is_run(controller: Controller) -> bool:
    return bool(await runs_of(controller))


def test_the_uids_are_of_different_shards() -> None:
    wanted = [Sharding("op", 2).place(body(1, uid=uid)).wanted for uid in (PROD, OTHER)]
    assert wanted == [OURS, THEIRS]


def test_processes_share_out_the_leases_and_leave_none_to_nobody() -> None:
    async def story() -> None:
        loop, client, leases = asyncio.get_running_loop(), cast("Any", Leases()), Sharding("op", 3).leases
        settings = Settings(shards=3, election=Election(wanted=True, name="op"))
        standing = [Shards(client, settings, clock=loop.time) for _ in range(4)]
        tasks = {one: asyncio.create_task(one.stand()) for one in standing}
        for expected in ([0, 1, 1, 1], [1, 1, 1], [1, 2], [3]):
            await asyncio.sleep(30)
            standing.sort(key=lambda one: len(one._held))
            assert [len(one._held) for one in standing] == expected
            assert Counter(lease for one in standing for lease in one._held) == dict.fromkeys(leases, 1)
            assert all(one.is_served(lease) for one in standing for lease in leases)
            tasks.pop(standing.pop()).cancel()  # as if killed: it releases nothing
        assert not tasks

    play(story())


async def test_what_is_ours_is_taken_up_and_what_is_theirs_is_left(controller: Controller) -> None:
    for lease, uid, ours in (("", PROD, True), (OURS, PROD, True), (THEIRS, OTHER, False), ("", OTHER, False)):
        controller.observe(at(lease, 1, uid), deleted=False)
        assert await is_run(controller) is ours
        assert (KEY in controller._objects, KEY in controller.others) == (ours, not ours)
        assert [each["metadata"]["uid"] for each in controller.bodies()] == ([PROD] if ours else [])
        controller.observe(at(lease, 2, uid), deleted=True)
        assert KEY not in controller.others
        assert controller._context.claims.get(KEY) is None


async def test_what_others_have_yet_is_left_until_they_release_it(controller: Controller) -> None:
    controller.observe(at(THEIRS, 1, PROD), deleted=False)
    assert not await is_run(controller)
    assert controller.leases_named() == {THEIRS}
    controller.observe(at("", 2, PROD), deleted=False)
    assert await is_run(controller)
    assert controller.leases_named() == {""}


async def test_what_is_no_more_ours_is_released_first(controller: Controller) -> None:
    controller.observe(at(OURS, 1, PROD), deleted=False)
    assert await is_run(controller)
    controller.observe(at(OURS, 2, PROD, labels={"sharding.clusterstate.dev/key": "1"}), deleted=False)
    assert await is_run(controller), "only its run may write that"
    assert KEY in controller._objects
    controller.observe(at("", 3, PROD, labels={"sharding.clusterstate.dev/key": "1"}), deleted=False)
    assert not await is_run(controller)
    assert KEY in controller.others


async def test_a_late_watch_is_not_believed(controller: Controller, shards: Shards) -> None:
    """It tells of the time before this process had the Lease; who had it may have given the object away since."""
    controller.observe(at(THEIRS, 1, OTHER), deleted=False)
    gain(shards, THEIRS)
    assert KEY in controller.others
    assert await is_run(controller), "which reads it anew"
    controller.observe(at(THEIRS, 2, OTHER), deleted=False)
    assert KEY in controller.others
    assert await is_run(controller)
    controller.observe(at("", 3, OTHER), deleted=False)
    assert KEY in controller._objects, "it is claimed as it was seen, or not at all"


async def test_a_lease_of_another_number_of_shards_makes_its_objects_ours(
    controller: Controller, shards: Shards
) -> None:
    controller.observe(at("op", 1, PROD), deleted=False)
    assert not await is_run(controller)
    assert shards._named_of_old() == {"op"}
    gain(shards, "op")
    assert await is_run(controller)


async def test_claims_of_other_shards_count_and_grow_with_their_status(controller: Controller) -> None:
    reached = {"url": "memfs://store/prod", "endpoint": "", "files": 1, "bytes": 1, "digest": "d"}
    older = at(THEIRS, 1, OTHER, name="older", namespace="theirs", creationTimestamp="2020-01-01T00:00:00Z")
    older["spec"]["clusterName"] = "prod"
    controller.observe(older, deleted=False)
    controller.observe(at(OURS, 2, PROD), deleted=False)
    assert controller._context.claims.holder(KEY) is None, "what nobody has proven holds up no other namespace"
    metadata = {**older["metadata"], "resourceVersion": "3"}
    controller.observe({**older, "metadata": metadata, "status": {"shard": THEIRS, "store": reached}}, deleted=False)
    assert controller._context.claims.holder(KEY) == ("theirs", "older")
    await runs_of(controller)
    controller.observe({**older, "metadata": {**metadata, "resourceVersion": "4"}}, deleted=True)
    assert [key for _, key in await runs_of(controller)] == [KEY], "it may go on"


async def test_an_object_that_vanished_unseen_frees_its_state(controller: Controller) -> None:
    controller.presence_changed(*YOUNGER, OTHER)
    controller.observe(at(THEIRS, 1, OTHER, name="younger"), deleted=False)
    assert isinstance(controller._context.claims.get(YOUNGER), Claim)
    controller.drop_phantoms()
    assert YOUNGER in controller.others
    controller.presence_changed(*YOUNGER, None)
    assert YOUNGER not in controller.others
    assert controller._context.claims.get(YOUNGER) is None


def test_what_nobody_serves_is_counted(controller: Controller, shards: Shards) -> None:
    controller.observe(at("", 1, OTHER), deleted=False)
    controller.observe(at("", 1, PROD, name="lost", labels={"sharding.clusterstate.dev/key": "blue"}), deleted=False)
    assert controller.others.count_unserved(lambda lease: lease == THEIRS) == 1
    assert controller.others.count_unserved(shards.is_served) == 2, "nobody has their Lease, as far as is known"
