"""One look for many: who shares a store and credentials shares what was found out about reaching it.

A store that answers costs nothing here: each list of a run is the look. Once it fails, one of all who share it looks
again, at growing distances, and the others are told what it found without a request of theirs; when it answers, they
are named, so that somebody can wake them. What fails for everybody (no answer, no such bucket, wrong keys) is
shared at once; a denial may concern one folder alone, so each learns of its own, and only then waits for the others.
What `StoreError.alone` says concerns one object isn't shared at all.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from clusterstate.errors import AccessDenied, AuthenticationFailed, StoreError, StoreNotFound, StoreUnavailable

K = TypeVar("K", bound=Hashable)

FIRST_DELAY: Final = 1.0
"""Seconds until a store that failed is looked at again; doubled each time."""
LONGEST_DELAY: Final = 60.0
FRESH: Final = 5.0
"""Seconds for which what was found is fresh enough for those too who ask because a person wants to know."""
MOST_STORES: Final = 4096
"""Stores that are remembered as failing."""

_FOR_ALL: Final = (StoreUnavailable, StoreNotFound, AuthenticationFailed)


@dataclass(slots=True)
class _Trouble(Generic[K]):
    """What is known of a store that failed."""

    error: StoreError | None = None
    """What everybody would be told; None: only denials."""
    denied: dict[K, StoreError] = field(default_factory=dict)
    waiting: set[K] = field(default_factory=set)
    """Who was turned away, or failed, and would like to know when it answers."""
    noted: float = 0.0
    """When it failed last."""
    next_look: float = 0.0
    delay: float = 0.0
    looking: int = 0
    """How many look at this moment."""


class Health(Generic[K]):
    """What is known of failing stores, by whatever tells one store and its credentials from another."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Take a clock that gives seconds and only ever grows."""
        self._clock = clock
        self._troubles: OrderedDict[Hashable, _Trouble[K]] = OrderedDict()

    @contextmanager
    def look(self, store: Hashable, who: K, *, forced: bool = False) -> Iterator[list[K]]:
        """Let somebody ask a store in the `with` block, or raise the `StoreError` that others were told just now.

        `forced` is content with nothing but fresh news, since a person wants to know. The list is filled, behind the
        block, with who can go on since the store has answered.
        """
        self._turn_away(store, who, forced=forced)
        freed: list[K] = []
        trouble = self._troubles.get(store)
        if trouble is not None:
            trouble.looking += 1
        try:
            yield freed
        except StoreError as error:
            self._note(store, who, error)
            raise
        else:
            freed += self._clear(store, who)
        finally:
            if trouble is not None:
                trouble.looking -= 1

    def leave(self, store: Hashable, who: K) -> None:
        """Forget somebody who asks that store no more, and the store with the last one."""
        trouble = self._troubles.get(store)
        if trouble is None:
            return
        trouble.waiting.discard(who)
        trouble.denied.pop(who, None)
        if not trouble.waiting and not trouble.looking:
            del self._troubles[store]

    def _turn_away(self, store: Hashable, who: K, *, forced: bool) -> None:
        trouble = self._troubles.get(store)
        if trouble is None:
            return
        if forced:
            trouble.next_look = min(trouble.next_look, trouble.noted + FRESH)
        if not trouble.looking and self._clock() >= trouble.next_look:
            return
        error = trouble.error or trouble.denied.get(who)
        if error is not None:
            trouble.waiting.add(who)
            raise type(error)(error.fact, retry_after=error.retry_after)

    def _note(self, store: Hashable, who: K, error: StoreError) -> None:
        if error.alone or not isinstance(error, (AccessDenied, *_FOR_ALL)):
            return
        trouble = self._troubles.setdefault(store, _Trouble())
        trouble.waiting.add(who)
        if isinstance(error, AccessDenied):
            trouble.denied[who] = error
        else:
            trouble.error = error
        trouble.noted = now = self._clock()
        if now >= trouble.next_look:
            trouble.delay = min(max(FIRST_DELAY, trouble.delay * 2), LONGEST_DELAY)
            trouble.next_look = now + trouble.delay
        while len(self._troubles) > MOST_STORES:
            self._troubles.popitem(last=False)

    def _clear(self, store: Hashable, who: K) -> set[K]:
        """Take in an answer, and give whom it frees: of those denied only the ones who share the luck of `who`."""
        trouble = self._troubles.get(store)
        if trouble is None:
            return set()
        freed, trouble.error, trouble.waiting = trouble.waiting - trouble.denied.keys(), None, set()
        if who in trouble.denied:
            freed |= trouble.denied.keys()
            trouble.denied.clear()
        if not trouble.denied:
            del self._troubles[store]
        return freed - {who}
