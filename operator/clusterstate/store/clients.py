"""SDK clients of the whole process, cached by all their inputs and dropped when the credentials change.

A client costs milliseconds, memory and connections, so objects with equal inputs share one. One that nobody asked
for in a while is dropped, and with it the keys that it holds; so is one whose credentials an object has exchanged.
A store keeps its client for as long as it lives, whether it is still in the cache or not, and connections are closed
when nobody has the client any more.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from clusterstate.store.credentials import Credentials

MOST_CLIENTS: Final = 256
"""Clients kept for the next run; each takes about half a megabyte."""
CLIENT_SECONDS: Final = 3600.0
"""How long a client is kept that nobody asks for."""

Inputs = TypeVar("Inputs", bound=Hashable)
Client = TypeVar("Client")


@dataclass(slots=True)
class _Kept:
    client: Any
    credentials: Credentials
    used: float


class Clients:
    """A cache of clients of all kinds; safe to use from many threads."""

    def __init__(
        self, most: int = MOST_CLIENTS, seconds: float = CLIENT_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def get(self, inputs: Inputs, credentials: Credentials, make: Callable[[Inputs], Client]) -> Client:
        """Give the client of these inputs, made from these credentials; blocks while `make` does.

        The type of the inputs must be of one kind of client alone.
        """
        with self._lock:
            now = self._clock()
            kept = self._kept.pop(inputs, None) or _Kept(make(inputs), credentials, now)
            kept.used = now
            self._kept[inputs] = kept
            while len(self._kept) > self._most or self._oldest().used < now - self._seconds:
                self._kept.popitem(last=False)
            return cast("Client", kept.client)

    def forget(self, credentials: Credentials) -> None:
        """Drop every client that was made from these credentials; whoever still has them gets a new one."""
        with self._lock:
            for inputs in [inputs for inputs, kept in self._kept.items() if kept.credentials == credentials]:
                del self._kept[inputs]

    def _oldest(self) -> _Kept:
        """Give the longest unused one."""
        return next(iter(self._kept.values()))


CLIENTS: Final = Clients()
"""The process's clients. Shared by all stores, so that a run finds connections and facts of the run before."""
