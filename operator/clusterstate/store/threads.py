"""One bounded pool of threads for all backends whose SDK blocks.

A `Lane` is a backend's share of it: a slow service fills its own lane and nobody else's.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

THREADS: Final = 128
"""Threads of the whole process, started when needed. They wait for networks; Python runs one at a time."""
LANE: Final = 16
"""Threads that one service may hold at the same time: eight dead ones don't stop the others."""

P = ParamSpec("P")
T = TypeVar("T")

_POOL: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="store")


class Lane:
    """A share of the pool. One lane may serve many event loops, each with its own share."""

    def __init__(self, width: int = LANE) -> None:
        self._width = width
        self._free: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in a thread and give its result.

        When the caller is cancelled, a call that has begun goes on to its end and keeps its place in the lane.
        """
        loop = asyncio.get_running_loop()
        free = self._free.setdefault(loop, asyncio.Semaphore(self._width))
        await free.acquire()

        def give_back(_: Future[T]) -> None:
            with suppress(RuntimeError):  # the loop may be closed before the call ends
                loop.call_soon_threadsafe(free.release)

        future = _POOL.submit(call, *args, **kwargs)
        future.add_done_callback(give_back)
        return await asyncio.wrap_future(future)
