"""The work queue: many events for one object become one run, and no store holds up another.

A key is ready at once or after a delay (the earliest wish wins), runs at most once at a time, and is run again
when something came in meanwhile. Ready keys wait in lanes, one for each store; lanes take turns, and one lane
never holds more than its share of the workers. A run that takes long gives its worker's place away: it waits for
somebody, and whoever it waits for delays nobody else's runs.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

LONG = 5.0
"""Seconds after which a run doesn't count as work any more, but as waiting."""
CROWD = 8
"""How many times more runs than workers there may be, with all that wait."""


@dataclass
class _Lane(Generic[K]):
    waiting: deque[K] = field(default_factory=deque)
    running: int = 0


class Queue(Generic[K]):
    """Keys waiting to be worked on, by a bounded number of workers."""

    def __init__(
        self, lane_of: Callable[[K], Hashable], *, workers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take what tells a key's lane, how many keys may be worked on at once, and a clock of seconds."""
        self._lane_of = lane_of
        self._workers = workers
        self._clock = clock
        self._share = max(1, workers // 2)
        self._lanes: OrderedDict[Hashable, _Lane[K]] = OrderedDict()
        self._waiting: dict[K, float] = {}
        """Since when each is ready, by the clock."""
        self._running: dict[K, Hashable] = {}
        self._slow: set[K] = set()
        self._again: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()

    def add(self, key: K, delay: float = 0.0) -> None:
        """Ask for a run of this key, `delay` seconds from now at the latest."""
        if delay > 0:
            self._add_later(key, delay)
            return
        self._cancel_timer(key)
        if key in self._running:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = self._clock()
            self._lanes.setdefault(self._lane_of(key), _Lane()).waiting.append(key)
            self._wake.set()

    def is_due(self, key: K) -> bool:
        """Whether a run of this key that hasn't begun needs nothing but its turn."""
        return key in self._waiting or key in self._again

    def forget(self, key: K) -> None:
        """Drop every wish for this key; a run that has begun goes on."""
        self._cancel_timer(key)
        self._again.discard(key)
        if key in self._waiting:
            del self._waiting[key]
            name, lane = next((name, lane) for name, lane in self._lanes.items() if key in lane.waiting)
            lane.waiting.remove(key)
            self._drop_if_empty(name)

    @property
    def depth(self) -> int:
        """How many keys are ready and wait for their turn; may be asked from another thread."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many keys are being worked on; may be asked from another thread."""
        return len(self._running)

    @property
    def age(self) -> float:
        """How many seconds the key has been ready that waits longest, 0 where none waits; the same for threads."""
        since = min(list(self._waiting.values()), default=None)
        return 0.0 if since is None else max(0.0, self._clock() - since)

    async def work(self, run: Callable[[K], Awaitable[None]]) -> None:
        """Run keys until cancelled; `run` must not raise. Cancels its runs and waits for them to end."""
        async with asyncio.TaskGroup() as group:
            while True:
                while self._has_room() and (key := self._take()) is not None:
                    group.create_task(self._run(key, run))
                self._wake.clear()
                await self._wake.wait()

    async def _run(self, key: K, run: Callable[[K], Awaitable[None]]) -> None:
        timer = asyncio.get_running_loop().call_later(LONG, self._grow_slow, key)
        try:
            await run(key)
        finally:
            timer.cancel()
            self._finish(key)

    def _has_room(self) -> bool:
        return len(self._running) - len(self._slow) < self._workers and len(self._running) < CROWD * self._workers

    def _grow_slow(self, key: K) -> None:
        self._slow.add(key)
        self._wake.set()

    def _take(self) -> K | None:
        for name, lane in self._lanes.items():
            if lane.waiting and lane.running < self._share:
                key = lane.waiting.popleft()
                lane.running += 1
                del self._waiting[key]
                self._running[key] = name
                self._lanes.move_to_end(name)
                return key
        return None

    def _finish(self, key: K) -> None:
        name = self._running.pop(key)
        self._slow.discard(key)
        self._lanes[name].running -= 1
        self._drop_if_empty(name)
        if key in self._again:
            self._again.discard(key)
            self.add(key)
        self._wake.set()

    def _drop_if_empty(self, name: Hashable) -> None:
        lane = self._lanes[name]
        if not lane.running and not lane.waiting:
            del self._lanes[name]

    def _add_later(self, key: K, delay: float) -> None:
        if key in self._waiting or key in self._again:
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= loop.time() + delay:
            return
        self._cancel_timer(key)
        self._timers[key] = loop.call_later(delay, self._due, key)

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _cancel_timer(self, key: K) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()
