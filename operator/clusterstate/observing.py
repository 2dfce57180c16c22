"""Who watches a piece of work is told of its stages and of each request to a store; nobody does unless asked to.

The observer goes with the task and with all tasks that it starts, so that nothing in between has to hand it on. What it
is told holds no name of a file and no byte of one.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Protocol, Self

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    KeyNotFound,
    LostRace,
    StoreNotFound,
    StoreUnavailable,
)


class Operation(StrEnum):
    """What is asked of a store."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    LIST = "list"


class Answer(StrEnum):
    """How a request ended: the same words for every protocol."""

    OK = "ok"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    ERROR = "error"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class Request:
    """One request to a store, a repetition included."""

    scheme: str
    operation: Operation
    answer: Answer = Answer.OK
    began: int = 0
    """Nanoseconds since 1970."""
    seconds: float = 0.0
    received: int = 0
    """Bytes of files; what a protocol needs besides isn't known here."""
    sent: int = 0


class Observer(Protocol):
    """Who is told. Nothing that it does may fail, or take long."""

    def enter(self, stage: str) -> None:
        """Take in what the work does from now on, in words that are the same each time."""
        ...

    def note(self, request: Request) -> None:
        """Take in a request that has ended."""
        ...


_OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Have all work within the block told to an observer."""
    before = _OBSERVER.set(observer)
    try:
        yield
    finally:
        _OBSERVER.reset(before)


def enter_stage(stage: str) -> None:
    """Tell whoever watches what is done from now on."""
    if observer := _OBSERVER.get():
        observer.enter(stage)


class Asking:
    """A request to a store, told once it has ended, however that is (a context manager)."""

    def __init__(self, scheme: str, operation: Operation) -> None:
        self._observer = _OBSERVER.get()
        self.request = Request(scheme, operation)
        self.told = True
        """False: it turned out that nothing was asked."""

    def __enter__(self) -> Self:
        if self._observer is not None:
            self.request.began = time.time_ns()
            self._start = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._observer is not None and self.told:
            self.request.seconds = time.perf_counter() - self._start
            self.request.answer = answer_of(error)
            self._observer.note(self.request)


ANSWERS: Final[tuple[tuple[type[BaseException], Answer], ...]] = (
    (KeyNotFound, Answer.NOT_FOUND),
    (StoreNotFound, Answer.NOT_FOUND),
    (LostRace, Answer.CONFLICT),
    (AccessDenied, Answer.DENIED),
    (AuthenticationFailed, Answer.DENIED),
    (StoreUnavailable, Answer.UNAVAILABLE),
    (Exception, Answer.ERROR),
)


def answer_of(error: BaseException | None) -> Answer:
    """Give how a request ended that raised this."""
    if error is None:
        return Answer.OK
    return next((answer for kind, answer in ANSWERS if isinstance(error, kind)), Answer.CANCELLED)
