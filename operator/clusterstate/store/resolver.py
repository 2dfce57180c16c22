"""Names of hosts -> addresses, by the system's resolver, in a few threads of its own.

A name whose DNS never answers takes one thread until the system gives up, not one per question, and whoever asks
waits `RESOLVE_SECONDS` at most. Answers are kept for a short time, refusals too.
"""

import asyncio
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final

from clusterstate.errors import StoreUnavailable
from clusterstate.store.threads import Threads

RESOLVE_SECONDS: Final = 5.0
"""How long anybody waits for a name."""
KEEP_SECONDS: Final = 30.0
"""How long an answer is good for."""
DENY_SECONDS: Final = 10.0
"""How long a name without an address isn't asked for again."""
THREADS: Final = 32
"""Names that are looked up at the same time."""
MOST_NAMES: Final = 1024
"""Answers that are kept."""
MOST_ADDRESSES: Final = 4
"""Addresses of one name that count: a name may have thousands, each dead."""


@dataclass(frozen=True, slots=True)
class _Answer:
    addresses: tuple[str, ...]
    until: float
    """When it ends to be good, by the resolver's clock."""


class Resolver:
    """Looks names up; safe to use from many threads and event loops."""

    def __init__(
        self,
        lookup: Callable[[str], tuple[str, ...]],
        threads: int = THREADS,
        seconds: float = RESOLVE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lookup = lookup
        self._threads = Threads(threads, "resolver")
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, Future[_Answer]] = OrderedDict()

    async def addresses(self, host: str) -> tuple[str, ...]:
        """Give the first addresses of a host, as texts; raise `StoreUnavailable` when there is none in time."""
        answer = asyncio.wrap_future(self._ask(host))
        await asyncio.wait([answer], timeout=self._seconds)  # unlike wait_for, it cancels no answer that others want
        return _some(host, answer.result().addresses if answer.done() else ())

    def addresses_blocking(self, host: str) -> tuple[str, ...]:
        """Do the same in a thread."""
        try:
            return _some(host, self._ask(host).result(self._seconds).addresses)
        except TimeoutError:
            return _some(host, ())

    def _ask(self, host: str) -> "Future[_Answer]":
        with self._lock:
            answer = self._answers.get(host)
            if answer is None or (answer.done() and answer.result().until <= self._clock()):
                answer = self._answers[host] = self._threads.submit(lambda: self._answer(host))
                self._answers.move_to_end(host)
                self._drop_oldest()
            return answer

    def _answer(self, host: str) -> _Answer:
        addresses = self._lookup(host)
        return _Answer(addresses, self._clock() + (KEEP_SECONDS if addresses else DENY_SECONDS))

    def _drop_oldest(self) -> None:
        """Forget answers, never questions: those hold a thread, or wait for one."""
        surplus = len(self._answers) - MOST_NAMES
        done = [host for host, answer in self._answers.items() if answer.done()] if surplus > 0 else []
        for host in done[:surplus]:
            del self._answers[host]


def _some(host: str, addresses: tuple[str, ...]) -> tuple[str, ...]:
    if not addresses:
        raise StoreUnavailable(f"The name {host} of the store's endpoint doesn't resolve. Correct it, or wait for DNS.")
    return addresses[:MOST_ADDRESSES]


def _ask_system(host: str) -> tuple[str, ...]:
    """Ask the system's resolver, which also knows `127.1` and `0x7f000001`; give nothing where it finds nothing."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(str(address[0]) for *_, address in found)


RESOLVER: Final = Resolver(_ask_system)
"""The process's resolver."""
