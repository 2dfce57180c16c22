"""An event loop whose clock jumps to the next thing to do: hours pass at once, and always in the same way."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits, and nothing will ever wake them"
        self.now += max(timeout, 0.0)
        return super().select(0)


class Clock(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.now


def play(story: Coroutine[Any, Any, T]) -> T:
    """Run a story on a clock of its own that starts at 0."""
    with asyncio.Runner(loop_factory=Clock) as runner:
        return runner.run(story)


def now() -> float:
    return round(asyncio.get_running_loop().time(), 6)
