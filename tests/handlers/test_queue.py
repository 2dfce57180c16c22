"""One run per key at a time, none lost, none needless, and no lane holds up another."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.handlers.queue import CROWD, LONG, Queue
from tests.handlers.clock import now, play

Key = tuple[str, int]
"""A lane and a number."""
WORKERS = 4
SHARE = 2
A, B = ("a", 0), ("b", 0)


@dataclass
class Runs:
    """A queue at work, and what it does when."""

    queue: Queue[Key] = field(default_factory=lambda: Queue(lambda key: key[0], workers=WORKERS))
    lasting: Callable[[Key], float] = lambda _: 0.0
    started: list[tuple[float, Key]] = field(default_factory=list)
    running: Counter[Key] = field(default_factory=Counter)
    ended: list[Key] = field(default_factory=list)

    async def run(self, key: Key) -> None:
        self.started.append((now(), key))
        self.running[key] += 1
        self.check()
        try:
            await asyncio.sleep(self.lasting(key))
        finally:
            self.running[key] -= 1
            self.ended.append(key)

    def check(self) -> None:
        assert max(self.running.values()) <= 1, "two runs of one key"
        assert self.running.total() <= CROWD * WORKERS
        begun = {key: at for at, key in self.started}
        brief = [key for key, count in self.running.items() if count and now() - begun[key] < LONG]
        assert len(brief) <= WORKERS
        for lane in {lane for lane, _ in self.running}:
            assert sum(count for key, count in self.running.items() if key[0] == lane) <= SHARE

    @property
    def order(self) -> list[Key]:
        return [key for _, key in self.started]

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        worker = asyncio.create_task(self.queue.work(self.run))
        try:
            yield
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)


def test_many_wishes_are_one_run() -> None:
    async def story() -> None:
        runs = Runs()
        for _ in range(5):
            runs.queue.add(A)
        async with runs.working():
            await asyncio.sleep(100)
        assert runs.started == [(0, A)]

    play(story())


def test_changes_during_a_run_make_exactly_one_more() -> None:
    async def story() -> None:
        runs = Runs(lasting=lambda _: 10)
        runs.queue.add(A)
        async with runs.working():
            for _ in range(4):
                await asyncio.sleep(2)
                runs.queue.add(A)
            await asyncio.sleep(100)
        assert runs.started == [(0, A), (10, A)]

    play(story())


@pytest.mark.parametrize(
    ("delays", "expected"),
    [([5, 2], 2), ([2, 5], 2), ([5, 0], 0), ([0, 5], 0), ([5, 5], 5), ([0.001, 7], 0.001)],
)
def test_the_earliest_wish_wins_and_serves_the_others(delays: list[float], expected: float) -> None:
    async def story() -> None:
        runs = Runs()
        for delay in delays:
            runs.queue.add(A, delay)
        async with runs.working():
            await asyncio.sleep(100)
        assert runs.started == [(expected, A)]

    play(story())


def test_a_delay_that_ends_during_a_run_makes_one_more() -> None:
    async def story() -> None:
        runs = Runs(lasting=lambda _: 10)
        runs.queue.add(A)
        async with runs.working():
            await asyncio.sleep(1)
            runs.queue.add(A, 3)
            await asyncio.sleep(100)
        assert runs.started == [(0, A), (10, A)]

    play(story())


def test_a_lane_that_hangs_holds_its_share_and_no_more() -> None:
    async def story() -> None:
        runs = Runs(lasting=lambda key: 1_000_000 if key[0] == "hangs" else 1)
        for number in range(10):
            runs.queue.add(("hangs", number))
        async with runs.working():
            for number in range(10):
                runs.queue.add(("fine", number))
            await asyncio.sleep(100)
        counts = Counter(lane for lane, _ in runs.order)
        assert counts == {"hangs": SHARE, "fine": 10}
        assert runs.started[-1][0] == 4, "the other lane uses its own share all the time"

    play(story())


def test_runs_that_take_long_hold_up_no_other_lane() -> None:
    async def story() -> None:
        runs = Runs(lasting=lambda key: 100 if key[0].startswith("hangs") else 1)
        for number in range(WORKERS // SHARE):
            for other in range(SHARE):
                runs.queue.add((f"hangs{number}", other))
        async with runs.working():
            await asyncio.sleep(1)
            runs.queue.add(A)
            await asyncio.sleep(200)
        assert runs.started[-1] == (LONG, A)
        assert len(runs.ended) == WORKERS + 1

    play(story())


def test_there_is_an_end_to_what_may_wait_at_once() -> None:
    async def story() -> None:
        runs = Runs(lasting=lambda _: 1000)
        keys = [(f"{number}", 0) for number in range(CROWD * WORKERS + 1)]
        for key in keys:
            runs.queue.add(key)
        async with runs.working():
            await asyncio.sleep(999)
            assert runs.running.total() == CROWD * WORKERS
            assert max(at for at, _ in runs.started) == (CROWD - 1) * LONG
            await asyncio.sleep(2)
            assert runs.started[-1] == (1000, keys[-1]), "it follows the first that ends"
            await asyncio.sleep(2000)
        assert not runs.queue._slow
        assert not runs.queue._lanes

    play(story())


def test_a_place_that_was_given_away_is_not_given_twice() -> None:
    """A slow run that ends frees nothing any more."""

    async def story() -> None:
        runs = Runs(queue=Queue(lambda key: key[0], workers=1), lasting=lambda key: 7 if key == A else 4)
        for key in (A, B, ("c", 0)):
            runs.queue.add(key)
        async with runs.working():
            await asyncio.sleep(100)
        assert runs.started == [(0, A), (LONG, B), (LONG + 4, ("c", 0))]

    play(story())


def test_lanes_take_turns() -> None:
    async def story() -> None:
        runs = Runs(queue=Queue(lambda key: key[0], workers=1), lasting=lambda _: 1)
        for key in [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1), ("b", 2)]:
            runs.queue.add(key)
        async with runs.working():
            await asyncio.sleep(100)
        assert runs.order == [("a", 1), ("b", 1), ("c", 1), ("a", 2), ("b", 2), ("a", 3)]

    play(story())


def test_a_key_that_never_rests_lets_the_others_of_its_lane_pass() -> None:
    async def story() -> None:
        restless, runs = ("a", 99), Runs(lasting=lambda _: 1)
        async with runs.working():
            for number in [99, *range(6)]:
                runs.queue.add(("a", number))
            for _ in range(100):
                runs.queue.add(restless)
                await asyncio.sleep(0.1)
        assert set(runs.order) == {restless, *(("a", number) for number in range(6))}

    play(story())


def test_forgotten_wishes_make_no_run_and_leave_nothing_behind() -> None:
    async def story() -> None:
        runs = Runs(lasting=lambda _: 10)
        runs.queue.add(A)
        runs.queue.add(B, 5)
        runs.queue.forget(A)
        runs.queue.forget(B)
        async with runs.working():
            runs.queue.add(("c", 0))
            await asyncio.sleep(1)
            runs.queue.add(("c", 0))
            runs.queue.forget(("c", 0))
            await asyncio.sleep(100)
        assert runs.started == [(0, ("c", 0))]
        assert runs.ended == [("c", 0)], "a run that has begun goes on"
        assert not runs.queue._lanes
        runs.queue.forget(A)

    play(story())


def test_cancelling_work_cancels_runs_and_awaits_them() -> None:
    async def story() -> None:
        runs, ended = Runs(), []

        async def run(key: Key) -> None:
            try:
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(5)
                ended.append((now(), key))

        worker = asyncio.create_task(runs.queue.work(run))
        runs.queue.add(A)
        runs.queue.add(B)
        await asyncio.sleep(1)
        worker.cancel()
        with pytest.raises(asyncio.CancelledError):
            await worker
        assert sorted(ended) == [(6, A), (6, B)]

    play(story())


@dataclass(frozen=True)
class Wish:
    """After a pause: a wish, or forgetting."""

    pause: float
    key: Key
    delay: float | None


keys = st.tuples(st.sampled_from("ab"), st.integers(0, 3))
seconds = st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0, 5.0])
wishes = st.lists(st.builds(Wish, seconds, keys, st.none() | seconds), max_size=25)


@given(wishes, st.lists(st.sampled_from([0.0, 0.3, 1.0, 4.0, 7.0, 30.0]), min_size=1, max_size=5))
def test_no_wish_is_lost_and_no_run_is_needless(wishes: list[Wish], durations: list[float]) -> None:
    async def story() -> None:
        runs = Runs()
        runs.lasting = lambda _: durations[len(runs.started) % len(durations)]
        open_wishes: list[tuple[float, Key]] = []
        async with runs.working():
            for wish in wishes:
                await asyncio.sleep(wish.pause)
                if wish.delay is None:
                    runs.queue.forget(wish.key)
                    open_wishes = [each for each in open_wishes if each[1] != wish.key]
                else:
                    runs.queue.add(wish.key, wish.delay)
                    open_wishes.append((now(), wish.key))
            await asyncio.sleep(1000)
        for made, key in open_wishes:
            assert any(at >= made for at, of in runs.started if of == key), "a wish was lost"
        wished = Counter(wish.key for wish in wishes if wish.delay is not None)
        assert Counter(runs.order) <= wished, "more runs than wishes"
        assert not runs.queue._lanes
        assert not runs.queue._timers
        assert not runs.queue._slow, "a run that has ended is not slow"

    play(story())


@given(st.lists(keys, max_size=12, unique=True))
def test_nobody_waits_while_there_is_room(ready: list[Key]) -> None:
    async def story() -> None:
        runs = Runs(lasting=lambda _: 1)
        async with runs.working():
            for key in ready:
                runs.queue.add(key)
            await asyncio.sleep(0.5)
            per_lane = Counter(lane for lane, _ in ready)
            assert runs.running.total() == sum(min(count, SHARE) for count in per_lane.values())

    play(story())


def test_it_tells_how_many_wait_and_for_how_long() -> None:
    async def story() -> None:
        queue: Queue[Key] = Queue(lambda key: key[0], workers=1, clock=asyncio.get_running_loop().time)
        assert (queue.depth, queue.age, queue.running) == (0, 0.0, 0)
        queue.add(A)
        await asyncio.sleep(7)
        queue.add(B)
        queue.add(A)
        queue.add(("c", 0), delay=60)
        assert (queue.depth, queue.age, queue.running) == (2, 7.0, 0)
        worker = asyncio.create_task(queue.work(lambda _: asyncio.sleep(2)))
        await asyncio.sleep(1)
        assert (queue.depth, queue.age, queue.running) == (1, 1.0, 1)
        queue.forget(B)
        assert (queue.depth, queue.age) == (0, 0.0)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)

    play(story())
