"""How long mirrors have not been there: one that is made anew, with another type for example, is away for a moment."""

import asyncio
from collections.abc import Callable
from typing import Final

SETTLING: Final = 10.0
"""Seconds that a mirror must have been away until it counts as gone."""
_LATER: Final = 0.1
"""Seconds by which the end of that is told too late rather than too early."""


class Absences:
    """Since when each mirror is away, by the event loop's clock."""

    def __init__(self, tell: Callable[[], None], settling: float = SETTLING) -> None:
        """Take who is told when an absence has lasted long enough."""
        self._tell = tell
        self._settling = settling
        self._ends: dict[str, float] = {}

    def begin(self, name: str) -> None:
        """Note that a mirror isn't there, the first time of several."""
        if name not in self._ends:
            loop = asyncio.get_running_loop()
            self._ends[name] = loop.time() + self._settling
            loop.call_later(self._settling + _LATER, self._tell)

    def end(self, name: str) -> None:
        """Note that a mirror is there."""
        self._ends.pop(name, None)

    def has_lasted(self, name: str) -> bool:
        """Whether a mirror has been away for so long that it counts as gone."""
        return name in self._ends and asyncio.get_running_loop().time() >= self._ends[name]
