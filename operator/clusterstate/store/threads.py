"""Threads for backends whose SDK blocks: bounded for all, for each service and for each client, and in time.

A `Lane` is a share of the threads, and may lie within a wider one: a client's within its host's, that within the
share of all hosts that tenants name. So a slow service fills its own lanes and nobody else's. A call that takes
too long, or whose caller is gone, is given up: the connections that it showed by `expose` are shut down, whatever
the other side does, and its thread is free again. No thread holds up the end of the process.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from clusterstate.errors import StoreUnavailable

THREADS: Final = 256
"""Threads of the whole process, started when needed. They wait for networks; Python runs one at a time."""
NAMED_LANE: Final = 192
"""Threads for all hosts that tenants name: many names for dead machines leave some for AWS and the operator's own."""
HOST_LANE: Final = 32
"""Threads for one host, whoever calls it and with whatever keys."""
LANE: Final = 16
"""Threads for one client."""
CALL_SECONDS: Final = 60.0
"""Seconds that one call may take in all, however busily the other side sends bytes."""
SLOWEST: Final = 1 << 20
"""Bytes a second: what moves a large file may take as many seconds more as that takes."""

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Up to `most` daemon threads, which are kept. The standard library's pool waits for its own at the end."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._idle = 0
        self._waiting = 0

    def submit(self, work: Callable[[], T]) -> "Future[T]":
        """Have it done by the next thread that is free, and give its future."""
        future: Future[T] = Future()
        with self._lock:
            self._waiting += 1
            grow = self._waiting > self._idle and self._started < self._most
            self._started += grow
            self._idle += grow
        if grow:
            self._grow()
        self._work.put(partial(_settle, future, work))
        return future

    def _grow(self) -> None:
        """Start a thread; where the system gives none, those that there are do the work."""
        try:
            threading.Thread(target=self._serve, name=self._name, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._started -= 1
                self._idle -= 1

    def _serve(self) -> None:
        while True:
            self._serve_one(self._work.get())
            with self._lock:
                self._idle += 1

    def _serve_one(self, work: Callable[[], None]) -> None:
        with self._lock:
            self._waiting -= 1
            self._idle -= 1
        work()


def _settle(future: "Future[T]", work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 (the future's owner is told of any)
        future.set_exception(error)
    else:
        future.set_result(result)


_POOL: Final = Threads(THREADS, "store")
_THREAD: Final = threading.local()
"""Has, in a thread at work, the `_Call` that it works on."""


class _Call:
    """One call, and the connections that it waits for."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._given_up = False
        self._connections: list[socket.socket] = []

    def run(self, work: Callable[[], T]) -> T:
        """Do the work, in a thread."""
        _THREAD.call = self
        try:
            return work()
        finally:
            del _THREAD.call
            self._forget()

    def expose(self, connection: socket.socket) -> None:
        """Keep a twin of the connection's descriptor: TLS takes the connection's own away from it."""
        with self._lock:
            self.require_wanted()
            self._connections.append(socket.socket(fileno=os.dup(connection.fileno())))

    def require_wanted(self) -> None:
        """Raise `StoreUnavailable` where it has been given up."""
        with self._lock:
            if self._given_up:
                raise StoreUnavailable("A call of the store was given up, since it took too long.")

    def give_up(self) -> None:
        """Shut down its connections, so that its thread hears the end of what it waits for; never blocks."""
        with self._lock:
            self._given_up = True
            for connection in self._connections:
                with suppress(OSError):  # the other side was first
                    connection.shutdown(socket.SHUT_RDWR)

    def _forget(self) -> None:
        """Let go of its connections: others may use them from now on."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()


def expose(connection: socket.socket) -> None:
    """Let the call that this thread works on be given up while it waits for this connection.

    Raises `StoreUnavailable` where that has happened already.
    """
    call: _Call | None = getattr(_THREAD, "call", None)
    if call is not None:
        call.expose(connection)


def require_wanted() -> None:
    """Raise `StoreUnavailable` where the call that this thread works on has been given up."""
    call: _Call | None = getattr(_THREAD, "call", None)
    if call is not None:
        call.require_wanted()


def let_go(places: tuple[asyncio.Semaphore, ...], work: Callable[[], object]) -> None:
    """Have the last of what places in lanes were held for done by a thread that nobody waits for, and release them."""
    _POOL.submit(work).add_done_callback(partial(_leave, asyncio.get_running_loop(), places))


class Lane:
    """A share of the threads. One lane may serve many event loops, each with its own share."""

    def __init__(self, width: int = LANE, within: "Lane | None" = None, seconds: float = CALL_SECONDS) -> None:
        self._width = width
        self._within = within
        self._seconds = seconds
        self._free: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in a thread and give its result; raise `StoreUnavailable` when it takes too long.

        A call that is given up, or whose caller is cancelled, keeps its place in the lane until its thread is free.
        """
        return await self._run(self._seconds, partial(work, *args, **kwargs))

    async def move(self, size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do the same with a call that moves so many bytes, and may take longer for that; see `SLOWEST`."""
        return await self._run(self._seconds + size / SLOWEST, partial(work, *args, **kwargs))

    async def _run(self, seconds: float, work: Callable[[], T]) -> T:
        places = await self.enter()
        call = _Call()
        future = _POOL.submit(partial(copy_context().run, call.run, work))
        future.add_done_callback(partial(_leave, asyncio.get_running_loop(), places))
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if not limit.expired():
                raise
            raise StoreUnavailable(f"The store didn't finish a call within {seconds:g} seconds.") from None
        finally:
            call.give_up()

    async def enter(self) -> tuple[asyncio.Semaphore, ...]:
        """Wait for a place here and in every lane around; whoever gets them releases each."""
        own = self._free.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(self._width))
        await own.acquire()
        try:
            return (own, *(await self._within.enter() if self._within else ()))
        except asyncio.CancelledError:
            own.release()
            raise


def _leave(loop: asyncio.AbstractEventLoop, places: tuple[asyncio.Semaphore, ...], _: "Future[Any]") -> None:
    with suppress(RuntimeError):  # the loop may be closed before the call ends
        for place in places:
            loop.call_soon_threadsafe(place.release)


_NAMED: Final = Lane(NAMED_LANE)
_HOSTS: Final[WeakValueDictionary[tuple[str, bool], Lane]] = WeakValueDictionary()
_HOSTS_LOCK: Final = threading.Lock()


def host_lane(host: str, *, named: bool) -> Lane:
    """Give the one lane of a host; `named` by a tenant, or else the operator's own choice."""
    with _HOSTS_LOCK:
        lane = _HOSTS.get((host, named)) or Lane(HOST_LANE, _NAMED if named else None)
        _HOSTS[host, named] = lane
        return lane
