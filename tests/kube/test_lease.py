"""Who may write, whatever is late: requests, answers, timers, whole processes. Time is played."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusterstate.errors import (
    KubeForbidden,
    KubeUnavailable,
    LeadershipLost,
    ObjectChanged,
    ObjectExists,
    ObjectNotFound,
)
from clusterstate.fence import Fence, fenced, require_leadership
from clusterstate.kube.election import Elector
from clusterstate.kube.kinds import JsonObject, Kind
from clusterstate.kube.lease import View
from clusterstate.settings import Election
from tests.handlers.clock import play

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TIMES = Election(wanted=True, duration=12, deadline=8, retry=2)


class Server:
    """One Lease, with the API server's conditions; every request has a delay before it counts, and one after.

    What was sent counts, though nobody waits for the answer any more.
    """

    def __init__(self, delay: Callable[[], float] = lambda: 0.0, fails: Callable[[], bool] = lambda: False) -> None:
        self.lease: JsonObject | None = None
        self.version = 0
        self.away = False
        self.tasks: set[asyncio.Task[JsonObject]] = set()
        self.delay = delay
        self.fails = fails

    async def get(self, *_: Kind | str) -> JsonObject:
        return await self._answer(self._read)

    async def create(self, _: Kind, body: JsonObject) -> JsonObject:
        return await self._answer(lambda: self._write(body, there=False))

    async def replace(self, _: Kind, body: JsonObject) -> JsonObject:
        return await self._answer(lambda: self._write(body, there=True))

    async def _answer(self, work: Callable[[], JsonObject]) -> JsonObject:
        task = asyncio.create_task(self._work(work))
        self.tasks.add(task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _work(self, work: Callable[[], JsonObject]) -> JsonObject:
        await asyncio.sleep(self.delay())
        if self.away or self.fails():
            raise KubeUnavailable("away")
        answer = work()
        await asyncio.sleep(self.delay())
        return answer

    def _read(self) -> JsonObject:
        if self.lease is None:
            raise ObjectNotFound("none")
        return self.lease

    def _write(self, body: JsonObject, *, there: bool) -> JsonObject:
        if there and self.lease is None:
            raise ObjectNotFound("none")
        if not there and self.lease is not None:
            raise ObjectExists("there")
        if self.lease is not None and body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise ObjectChanged("changed")
        self.version += 1
        metadata = {**body["metadata"], "resourceVersion": str(self.version), "uid": "a"}
        self.lease = {**body, "metadata": metadata}
        return self.lease


def elector(
    server: Server,
    *,
    start: float = 0.0,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    hold_back: Callable[[], float] = lambda: 0.0,
) -> Elector:
    """Give a candidate whose clock began at another time than everybody else's."""
    loop = asyncio.get_running_loop()
    client: Any = server
    return Elector(client, TIMES, "home", hold_back=hold_back, clock=lambda: loop.time() + start, sleep=sleep)


@dataclass
class Chance:
    """How late things are: mostly hardly, sometimes much too late."""

    source: random.Random

    def delay(self) -> float:
        return self.source.choice((0.0, 0.01, 0.3, 1.0)) if self.source.random() < 0.95 else self.source.uniform(1, 30)

    def fails(self) -> bool:
        return self.source.random() < 0.1

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds + self.delay())


async def candidate(server: Server, chance: Chance, leading: list[Elector]) -> None:
    """Stand by, lead, and begin anew, for ever; whoever is told to go sometimes lets go of the Lease."""
    while True:
        one = elector(server, start=chance.source.uniform(0, 1e6), sleep=chance.sleep)
        leading.append(one)
        await one.lead()
        with suppress(LeadershipLost, TimeoutError):
            async with asyncio.timeout(chance.source.uniform(1, 60)):
                await one.keep()
        await one.release()
        leading.remove(one)


def test_a_lease_that_is_nobodys_is_left_for_a_while_to_who_has_none() -> None:
    async def story() -> list[float]:
        server, now = Server(), asyncio.get_running_loop().time
        rich, poor = elector(server, hold_back=lambda: 4.0), elector(server)
        taken = []
        for waits in (rich, poor, rich):  # there never was one; it was released; its holder is dead
            await waits.lead()
            assert (waits.is_led, waits.is_engaged) == (True, True)
            taken.append(now())
            await (rich.release() if waits is rich else asyncio.sleep(0))
            rich = elector(server, hold_back=lambda: 4.0)
        return taken

    first, second, third = play(story())
    assert first == 4.0
    assert second == first
    assert third == second + TIMES.duration + 4.0


@settings(max_examples=10)
@given(st.integers(0, 2**32))
def test_never_more_than_one_may_write(seed: int) -> None:
    async def story() -> int:
        source = random.Random(seed)
        chance = Chance(source)
        server, leading, seen = Server(chance.delay, chance.fails), list[Elector](), set[Elector]()
        tasks = [asyncio.create_task(candidate(server, chance, leading)) for _ in range(3)]
        for _ in range(1000):
            await asyncio.sleep(0.1)
            holders = [each for each in leading if each.fence.seconds > 0]
            assert len(holders) <= 1
            seen.update(holders)
            server.away ^= source.random() < (0.05 if server.away else 0.005)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(seen)

    assert play(story()) > 0


@pytest.mark.parametrize("phase", [0.0, 0.1, 1.0, 1.9])
def test_whoever_vanishes_is_succeeded_when_its_lease_is_over(phase: float) -> None:
    async def story() -> float:
        server, now = Server(), asyncio.get_running_loop().time
        first, second = elector(server), elector(server, start=1e6)
        await first.lead()
        keeping = asyncio.create_task(first.keep())
        await asyncio.sleep(phase)
        standing = asyncio.create_task(second.lead())
        await asyncio.sleep(10 * TIMES.retry)
        keeping.cancel()
        began = now()
        await standing
        assert first.fence.seconds <= 0
        return now() - began

    assert Election(wanted=True) == TIMES, "the default"
    assert TIMES.duration - TIMES.retry <= play(story()) <= TIMES.duration + TIMES.retry < 20


def test_whoever_lets_go_is_succeeded_at_the_next_look() -> None:
    async def story() -> float:
        server, now = Server(), asyncio.get_running_loop().time
        first, second = elector(server), elector(server)
        await first.lead()
        waiting = asyncio.create_task(second.lead())
        await asyncio.sleep(3 * TIMES.retry - 0.5)
        began = now()
        await first.release()
        await waiting
        return now() - began

    assert play(story()) <= TIMES.retry


def test_whoever_leads_goes_on_while_it_is_answered_and_ends_soon_after() -> None:
    async def story() -> float:
        server, now = Server(), asyncio.get_running_loop().time
        leader, other = elector(server), elector(server)
        await leader.lead()
        keeping, standing = asyncio.create_task(leader.keep()), asyncio.create_task(other.lead())
        await asyncio.sleep(1000)
        assert leader.fence.seconds > 0
        assert other.fence.seconds <= 0
        server.away, began = True, now()
        with pytest.raises(LeadershipLost):
            await keeping
        seconds = now() - began
        assert server.lease is not None
        assert server.lease["spec"]["leaseTransitions"] == 0
        server.away = False
        await standing
        assert server.lease["spec"]["leaseTransitions"] == 1
        return seconds

    assert TIMES.deadline - TIMES.retry <= play(story()) <= TIMES.deadline


def test_one_request_without_answer_loses_nothing() -> None:
    async def story() -> None:
        hung = iter([0.0] * 8 + [60.0])
        server = Server(lambda: next(hung, 0.0))
        leader = elector(server)
        await leader.lead()
        with suppress(TimeoutError):
            async with asyncio.timeout(100):
                await leader.keep()
        assert next(hung, None) is None
        assert leader.fence.seconds > 0

    play(story())


def test_a_lease_that_somebody_deletes_isnt_free_to_whoever_saw_its_holder() -> None:
    async def story() -> float:
        server, now = Server(), asyncio.get_running_loop().time
        leader, other = elector(server), elector(server)
        await leader.lead()
        standing = asyncio.create_task(other.lead())
        await asyncio.sleep(0.1)
        server.lease = None
        await standing
        return now()

    assert play(story()) >= TIMES.duration


def test_a_lease_that_somebody_deletes_is_made_again_by_its_holder() -> None:
    async def story() -> None:
        server = Server()
        leader = elector(server)
        await leader.lead()
        keeping = asyncio.create_task(leader.keep())
        server.lease = None
        await asyncio.sleep(10 * TIMES.retry)
        assert leader.fence.seconds > 0
        keeping.cancel()

    play(story())


class Refusing(Server):
    """Nobody may write, but look."""

    refuses = True

    def _write(self, body: JsonObject, *, there: bool) -> JsonObject:
        if self.refuses:
            raise KubeForbidden("no")
        return super()._write(body, there=there)


def test_who_may_not_take_the_lease_could_not_lead() -> None:
    """Else a release without that right would look fine, and nobody would lead."""

    async def story() -> None:
        server, held = Refusing(), Refusing()
        one, other = elector(server), elector(held)
        held.lease = lease("you", 1, seconds=1000)
        waiting, standing = asyncio.create_task(one.lead()), asyncio.create_task(other.lead())
        for _ in range(20):
            await asyncio.sleep(0.5 * TIMES.retry)
            assert not one.sees_lease
            assert other.sees_lease, "it isn't its turn"
        server.refuses = False
        await waiting
        assert one.sees_lease
        standing.cancel()

    play(story())


def lease(holder: str, version: int, *, renewed: str = "2026-11-27T12:00:00.000000Z", seconds: int = 20) -> JsonObject:
    spec = {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": seconds, "leaseTransitions": 3}
    return {"metadata": {"resourceVersion": str(version), "uid": "a"}, "spec": spec}


@given(st.datetimes(), st.integers(1, 100))
def test_no_clock_is_compared_with_another(renewed: datetime, seconds: int) -> None:
    view = View("me", 12.0)
    view.take_in(lease("you", 1, renewed=renewed.isoformat(), seconds=seconds), now=50.0)
    assert view.seconds_left(50.0) == seconds
    view.take_in(lease("you", 2, renewed=renewed.isoformat(), seconds=seconds), now=51.0)
    assert view.seconds_left(51.0) == seconds - 1, "a label of somebody's is no renewal"
    view.take_in(lease("you", 3, renewed="later", seconds=seconds), now=52.0)
    assert view.seconds_left(52.0) == seconds


def test_a_lease_is_replaced_as_it_was_seen() -> None:
    view = View("me", 12.0)
    assert "resourceVersion" not in view.claim("lease", "home", NOW)["metadata"]
    view.take_in(lease("you", 7), now=0.0)
    taken = view.claim("lease", "home", NOW)
    assert taken["metadata"]["resourceVersion"] == "7"
    assert taken["spec"]["leaseTransitions"] == 4
    view.take_in(lease("me", 8), now=1.0)
    assert view.claim("lease", "home", NOW)["spec"]["leaseTransitions"] == 3
    assert "holderIdentity" not in view.release("lease", "home", NOW)["spec"]


def test_a_fence_is_asked_by_all_that_begins_within_it() -> None:
    require_leadership()
    now = 0.0
    fence = Fence(lambda: now)

    async def story() -> None:
        with fenced(fence):
            task = asyncio.create_task(asyncio.to_thread(require_leadership))
        require_leadership()
        with pytest.raises(LeadershipLost):
            await task

    asyncio.run(story())
    fence.open_until(5.0)
    with fenced(fence):
        require_leadership()
        now = 5.0
        with pytest.raises(LeadershipLost):
            require_leadership()
        fence.open_until(6.0)
        fence.close()
        with pytest.raises(LeadershipLost):
            require_leadership()
