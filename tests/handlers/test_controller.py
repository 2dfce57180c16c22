"""What happens to an object becomes a run when it may matter, and nothing is confused with its namesake."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from clusterstate.gather import Access
from clusterstate.handlers.controller import JITTER, Controller
from clusterstate.handlers.distance import FREE_ANSWERS, PEACE
from clusterstate.handlers.shards import NOWHERE
from clusterstate.handlers.watched import Watched
from clusterstate.plan.outcome import Failure
from clusterstate.reasons import Nature, Reason
from clusterstate.store.credentials import NO_CREDENTIALS
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.options import StoreOptions
from tests.handlers.clock import now, play
from tests.handlers.objects import KEY, Body, body, make_controller, mirror

OTHER = ("clusters", "other")


async def runs_of(controller: Controller, seconds: float = 0.001) -> list[tuple[float, tuple[str, str]]]:
    """Give when which key would be run, from now on."""
    started: list[tuple[float, tuple[str, str]]] = []

    async def run(key: tuple[str, str]) -> None:
        started.append((now(), key))

    worker = asyncio.create_task(controller.queue.work(run))
    await asyncio.sleep(seconds)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    return started


async def is_run(controller: Controller) -> bool:
    return bool(await runs_of(controller))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"generation": 2}, True),
        ({"annotations": {"clusterstate.dev/reconcile-requested-at": "1"}}, True),
        ({"deletionTimestamp": "2026-01-02T00:00:00Z"}, True),
        ({"annotations": {"example.com/note": "1"}}, False),
        ({"labels": {"team": "a"}, "managedFields": []}, False),
    ],
)
async def test_only_what_matters_makes_a_run(change: Body, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    controller = make_controller()
    controller.observe(body(1), deleted=False)
    assert await is_run(controller)
    controller.observe(body(2, metadata=change), deleted=False)
    assert await is_run(controller) is expected


async def test_a_status_makes_no_run_and_old_news_none_either() -> None:
    controller = make_controller()
    controller.observe(body(5), deleted=False)
    assert await is_run(controller)
    controller.observe(body(6) | {"status": {"summary": "s"}}, deleted=False)
    controller.observe(body(4, metadata={"generation": 9}), deleted=False)
    assert not await is_run(controller)
    assert controller._objects[KEY].body["status"] == {"summary": "s"}


@pytest.mark.parametrize("late", ["its end", "its last change", "both"])
async def test_news_of_a_namesake_may_come_late(late: str) -> None:
    """kopf hands on the events of two objects side by side, even when one had to go for the other to come."""
    controller = make_controller()
    controller.observe(body(1), deleted=False)
    controller.observe(body(4, uid="u2"), deleted=False)
    if late in {"its last change", "both"}:
        controller.observe(body(2, metadata={"generation": 2}), deleted=False)
    if late in {"its end", "both"}:
        controller.observe(body(3), deleted=True)
    assert controller._objects[KEY].body["metadata"]["uid"] == "u2"
    claim = controller._context.claims.get(KEY)
    assert claim is not None
    assert claim.uid == "u2"
    assert await is_run(controller)


async def test_a_new_object_inherits_nothing_from_its_namesake() -> None:
    controller = make_controller()
    controller.observe(body(1), deleted=False)
    controller._objects[KEY].memory.fingerprint = ("complete",)
    controller.observe(body(2, uid="u2"), deleted=False)
    assert controller._objects[KEY].memory.fingerprint is None
    controller.observe(body(3, uid="u2"), deleted=True)
    controller.mirror_changed("clusters", "u1", "m", mirror("m", "u1"))
    controller.mirror_changed("clusters", "u2", "m", None)
    assert not await is_run(controller)


async def test_a_deleted_object_is_forgotten_and_frees_its_state() -> None:
    controller = make_controller()
    younger = body(2, uid="u2", clusterName="prod", metadata={"name": "other"})
    controller.observe(body(1), deleted=False)
    controller.observe(younger, deleted=False)
    assert controller._context.claims.holder(OTHER) == KEY
    await runs_of(controller)
    controller.observe(body(3), deleted=True)
    assert controller._context.claims.holder(OTHER) is None
    assert [key for _, key in await runs_of(controller)] == [OTHER]
    assert KEY not in controller._objects


async def test_a_claim_is_known_before_its_object_is_watched() -> None:
    controller = make_controller()
    controller.foresee(body(1))
    controller.observe(body(2, uid="u2", clusterName="prod", metadata={"name": "other"}), deleted=False)
    assert controller._context.claims.holder(OTHER) == KEY
    controller.foresee(body(3, metadata={"name": "broken"}, store={"url": "no url"}))
    assert controller._context.claims.get(("clusters", "broken")) is None


async def test_a_mirror_makes_a_run_when_it_is_not_as_we_left_it() -> None:
    controller = make_controller()
    controller.observe(body(1), deleted=False)
    await runs_of(controller)
    controller._objects[KEY].memory.mirrors = {"m": "d"}
    controller.mirror_changed("clusters", "u1", "m", mirror("m", "u1"))
    controller.mirror_changed("clusters", "somebody", "m", None)
    controller.mirror_changed("elsewhere", "u1", "m", None)
    assert not await is_run(controller)
    controller.mirror_changed("clusters", "u1", "m", None)
    assert await is_run(controller)


async def test_an_object_that_vanished_unseen_is_forgotten_and_frees_its_state() -> None:
    controller = make_controller()
    controller.presence_changed(*KEY, "u1")
    controller.observe(body(1), deleted=False)
    controller.observe(body(2, uid="u2", clusterName="prod", metadata={"name": "other"}), deleted=False)
    await runs_of(controller)
    controller.queue.add(KEY, 5)
    controller.presence_changed(*KEY, None)
    assert KEY not in controller._objects
    assert controller._context.claims.get(KEY) is None
    assert not controller.queue._timers
    assert [key for _, key in await runs_of(controller)] == [OTHER]
    controller.mirror_changed("clusters", "u1", "m", None)
    assert not await is_run(controller)


@pytest.mark.parametrize("seen", [["u1"], []])
async def test_the_end_of_a_namesake_or_of_nobody_ends_nobody_else(seen: list[str]) -> None:
    controller = make_controller()
    for uid in seen:
        controller.presence_changed(*KEY, uid)
    controller.observe(body(4, uid="u2"), deleted=False)
    controller.presence_changed(*KEY, None)
    assert controller._objects[KEY].body["metadata"]["uid"] == "u2"
    assert controller._context.claims.get(KEY) is not None
    controller.presence_changed(*KEY, "u2")
    controller.presence_changed(*KEY, None)
    assert KEY not in controller._objects


async def test_claims_of_objects_that_went_before_anybody_watched_are_dropped() -> None:
    controller = make_controller()
    controller.foresee(body(1))
    controller.foresee(body(2, uid="u3", clusterName="there", metadata={"name": "there"}))
    controller.presence_changed("clusters", "there", "u3")
    controller.observe(body(3, uid="u2", clusterName="prod", metadata={"name": "other"}), deleted=False)
    await runs_of(controller)
    controller.drop_phantoms()
    assert sorted(controller._context.claims.claimants()) == [OTHER, ("clusters", "there")]
    assert [key for _, key in await runs_of(controller)] == [OTHER], "it may write now"


async def test_a_claim_goes_with_its_object_though_that_was_never_watched() -> None:
    controller = make_controller()
    controller.foresee(body(1))
    controller.presence_changed(*KEY, "u1")
    controller.drop_phantoms()
    controller.observe(body(3, uid="u2", clusterName="prod", metadata={"name": "other"}), deleted=False)
    await runs_of(controller)
    assert controller._context.claims.holder(OTHER) == KEY
    controller.presence_changed(*KEY, None)
    assert controller._context.claims.claimants() == [OTHER]
    assert [key for _, key in await runs_of(controller)] == [OTHER]


@pytest.mark.parametrize("spec", [{"store": {"url": "no url"}}, {"cluster": {"channel": None}}, {"nonsense": 1}])
async def test_a_text_that_turns_invalid_gives_up_no_claim(spec: Body) -> None:
    """It will be corrected; until then nobody else may become the writer."""
    controller = make_controller()
    controller.observe(body(1), deleted=False)
    claim = controller._context.claims.get(KEY)
    assert claim is not None
    controller.observe(body(2, metadata={"generation": 2}, **spec), deleted=False)
    assert controller._context.claims.get(KEY) == claim
    controller.observe(body(3, uid="u2", **spec), deleted=False)
    assert controller._context.claims.get(KEY) is None, "a namesake inherits nothing"


def fight(seconds: float, pause: float = 0.01) -> list[float]:
    """Give the seconds between repairs when each is undone after a pause."""

    async def story() -> list[float]:
        loop, repairs = asyncio.get_running_loop(), list[float]()
        controller = make_controller(clock=lambda: 1000 + loop.time())
        controller.observe(body(1), deleted=False)
        controller._objects[KEY].memory.mirrors = {"m": "d"}

        async def repair(_: tuple[str, str]) -> None:
            repairs.append(now())
            loop.call_later(pause, controller.mirror_changed, "clusters", "u1", "m", None)

        worker = asyncio.create_task(controller.queue.work(repair))
        await asyncio.sleep(seconds)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        return [round(later - earlier - pause, 3) for earlier, later in pairwise(repairs)]

    return play(story())


def test_who_fights_over_a_secret_is_met_at_a_growing_distance_and_never_at_once_again() -> None:
    found = fight(3600)
    assert found[: FREE_ANSWERS + 1] == [0] * (FREE_ANSWERS + 1), "many mirrors may change together"
    slowed = found[FREE_ANSWERS + 1 :]
    assert slowed[:6] == [2, 4, 8, 16, 32, PEACE]
    assert set(slowed[6:]) == {PEACE}


def test_after_a_while_of_peace_a_repair_is_at_once() -> None:
    assert set(fight(3600, PEACE)) == {0}


async def test_objects_share_a_lane_when_they_share_a_service() -> None:
    controller = make_controller()

    def lane(name: str, namespace: str = "clusters", **store: Any) -> Any:
        made = body(1, uid=f"u{name}", metadata={"name": name, "namespace": namespace}, store=store)
        controller.observe(made, deleted=False)
        return controller._lane_of((namespace, name))

    first = lane("1", url="s3://b/p")
    assert first == lane("2", url="s3://b/q")
    assert first != lane("3", url="s3://c/p")
    assert first != lane("4", url="s3://b/p", endpoint="https://minio.example.com")
    assert first != lane("5", url="s3://b/p", credentialsSecretRef={"name": "x"}), "it may name another endpoint"
    assert first != lane("6", "elsewhere", url="s3://b/p")
    for name, namespace in (("1", "clusters"), ("6", "elsewhere")):
        store = Location.parse("s3://b/p")
        access = Access(store, store, StoreOptions(), NO_CREDENTIALS, EndpointPolicy())
        controller._objects[namespace, name].memory.access = access
    bucket = (None, "s3://b")
    assert controller._lane_of(("clusters", "1")) == controller._lane_of(("elsewhere", "6")) == bucket
    for name, namespace in (("1", "clusters"), ("6", "elsewhere")):
        controller._objects[namespace, name].memory.endpoint = "https://minio.example.com"
    service = ("https://minio.example.com", "")
    assert controller._lane_of(("clusters", "1")) == controller._lane_of(("elsewhere", "6")) == service
    assert controller._lane_of(("clusters", "nobody")) is None


def pauses(nature: Nature, interval: float | None, tries: int = 11, **failure: Any) -> list[int]:
    """Give the seconds between tries that all fail, to the accuracy that jitter leaves."""

    async def story() -> list[int]:
        controller, watched, made = make_controller(), Watched(body(1), NOWHERE), []
        for _ in range(tries):
            begin = now()
            controller._retry(KEY, watched, Failure(Reason.INTERNAL_ERROR, nature, "m", **failure), interval)
            for at, _key in await runs_of(controller, 1_000):
                made.append(at - begin)
        return [round(each) for each in made]

    return play(story())


def assert_like(found: list[int], expected: list[float]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert abs(one - other) <= other * JITTER + 0.5


def test_transient_failures_are_tried_again_ever_more_rarely() -> None:
    assert_like(pauses(Nature.TRANSIENT, 600), [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])


def test_whoever_stalls_is_looked_at_more_rarely_up_to_its_interval() -> None:
    assert_like(pauses(Nature.STALLED, 120), [10, 20, 40, 80, *[120] * 7])
    assert pauses(Nature.STALLED, None) == []


def test_a_pause_that_was_asked_for_is_kept_within_reason() -> None:
    assert_like(pauses(Nature.TRANSIENT, 600, 3, retry_after=30.0), [30, 30, 30])
    assert_like(pauses(Nature.TRANSIENT, 600, 3, retry_after=1e9), [300, 300, 300])


async def test_a_change_of_the_object_begins_anew() -> None:
    controller = make_controller()
    controller.observe(body(1), deleted=False)
    controller._objects[KEY].failures = 7
    controller.observe(body(2, metadata={"generation": 2}), deleted=False)
    assert controller._objects[KEY].failures == 0
