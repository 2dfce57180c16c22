"""Who may write: nobody whose leadership may have ended, not even after a freeze.

Each Lease that a process holds has a `Fence`, which each renewal keeps open for some seconds more. Every request
that writes, to a store or to the Kubernetes API, asks `require_leadership` as it leaves, connection at hand; so does
every attempt of a retry. The clock goes on while the machine sleeps: whoever wakes up finds the fence closed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from clusterstate.errors import LeadershipLost

READS: Final = frozenset({"GET", "HEAD", "OPTIONS", "CONNECT"})
"""HTTP methods that change nothing; of other methods each request counts as a write."""
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux stops the monotonic clock while the machine sleeps; macOS has one clock, which goes on."""


def boot_time() -> float:
    """Give seconds that only ever grow, those that the machine slept among them."""
    return time.clock_gettime(_CLOCK)


class Fence:
    """Closed at first, and again as soon as nobody opens it in time; safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = boot_time) -> None:
        """Take the clock that counts."""
        self._clock = clock
        self._until = float("-inf")

    def open_until(self, moment: float) -> None:
        """Let writes begin before a moment of the clock."""
        self._until = moment

    def close(self) -> None:
        """Let no write begin any more."""
        self._until = float("-inf")

    @property
    def seconds(self) -> float:
        """How long it stays open if nobody does anything; 0 or less: it is closed."""
        return self._until - self._clock()

    def require_open(self) -> None:
        """Raise `LeadershipLost` where it is closed."""
        if self.seconds <= 0:
            raise LeadershipLost(
                "The Lease wasn't renewed in time, so another process may lead by now, and this one begins no write "
                "any more. It ends; start it again."
            )


_FENCES: Final[ContextVar[tuple[Fence, ...]]] = ContextVar("fences", default=())


@contextmanager
def fenced(*fences: Fence) -> Iterator[None]:
    """Have the block, and every task and thread that begins in it, ask these fences; none: there is nobody else."""
    token = _FENCES.set(fences)
    try:
        yield
    finally:
        _FENCES.reset(token)


def require_leadership() -> None:
    """Raise `LeadershipLost` where a write may not begin (any more)."""
    for fence in _FENCES.get():
        fence.require_open()
