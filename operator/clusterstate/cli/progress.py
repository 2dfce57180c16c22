"""How far long work is, told to whoever watches: a bar at a terminal, else one line in ten seconds; quiet: nothing.

All of it goes to stderr. What the bar is drawn with is loaded only where there is one.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from clusterstate.cli.manners import MANNERS, Volume, say
from clusterstate.cli.sizes import count_of, size_of

if TYPE_CHECKING:  # it takes a while to load, and mostly nobody watches
    from rich.progress import Progress

TELL_EVERY: Final = 10.0
"""Seconds between two lines."""
DRAW_EVERY: Final = 0.2
"""Seconds between two looks of the bar."""
WEIGHT: Final = 16 << 10
"""Bytes that could be moved in the time that one more file takes by itself."""


@dataclass(slots=True)
class Meter:
    """How much of some work is done. Times are in seconds, by the clock that it was given."""

    title: str
    clock: Callable[[], float] = time.monotonic
    files: int = 0
    """In all, as far as is known."""
    bytes: int = 0
    done_files: int = 0
    done_bytes: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def expect(self, files: int, size: int) -> None:
        """Have so much more to do."""
        self.files += files
        self.bytes += size

    def advance(self, size: int) -> None:
        """Have one file more done."""
        self.done_files += 1
        self.done_bytes += size

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        everything = self.bytes + WEIGHT * self.files
        return min(1.0, (self.done_bytes + WEIGHT * self.done_files) / everything) if everything else 0.0

    @property
    def rate(self) -> float:
        """Bytes a second since it began."""
        return self.done_bytes / max(self.clock() - self.began, 1e-3)

    @property
    def left(self) -> float | None:
        """Seconds until its end if it goes on like that; None as long as nothing is done."""
        return (self.clock() - self.began) * (1 - self.share) / self.share if self.share else None

    @property
    def line(self) -> str:
        """All of it, as one line."""
        left = "" if self.left is None else f", {as_time(self.left)} left"
        sizes = f"{size_of(self.done_bytes)} of {size_of(self.bytes)}"
        files = f"{self.done_files} of {count_of(self.files, 'file')}"
        return f"{self.title}: {files}, {sizes}, {size_of(round(self.rate))}/s{left}."


def as_time(seconds: float) -> str:
    """Give a time that is left: `0:07`, `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@asynccontextmanager
async def watched(title: str) -> AsyncIterator[Meter]:
    """Give a meter that is shown as long as the work goes on."""
    meter = Meter(title)
    shown = asyncio.create_task(_show(meter))
    try:
        yield meter
    finally:
        shown.cancel()
        await asyncio.gather(shown, return_exceptions=True)  # whatever became of a terminal, the work counts


async def _show(meter: Meter) -> None:
    """Show it as soon as there turns out to be anything to do."""
    drawn = is_watched()
    while MANNERS.volume is not Volume.QUIET:
        await asyncio.sleep(DRAW_EVERY if drawn else TELL_EVERY)
        if meter.files and drawn:
            await _draw(meter)
        elif meter.files:
            say(meter.line)


def is_watched() -> bool:
    """Whether a person sees stderr, at a terminal that can move its cursor."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"


async def _draw(meter: Meter) -> None:
    with _bar() as bar:
        task = bar.add_task(meter.title, total=1.0, files="", sizes="", left="")
        try:
            while True:
                _update(bar, task, meter)
                await asyncio.sleep(DRAW_EVERY)
        finally:
            _update(bar, task, meter)


def _update(bar: "Progress", task: object, meter: Meter) -> None:
    left = "" if meter.left is None else f"{as_time(meter.left)} left"
    bar.update(
        task,  # type: ignore[arg-type] # rich's own name for a number
        completed=meter.share,
        files=f"{meter.done_files}/{count_of(meter.files, 'file')}",
        sizes=f"{size_of(meter.done_bytes)}, {size_of(round(meter.rate))}/s",
        left=left,
        refresh=True,
    )


def _bar() -> "Progress":
    from rich.console import Console  # noqa: PLC0415 (as above)
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 (as above)

    columns = [TextColumn(f"{{task.fields[{name}]}}", markup=False) for name in ("files", "sizes", "left")]
    console = Console(stderr=True, markup=False, highlight=False)
    title = TextColumn("{task.description}", markup=False)
    return Progress(title, BarColumn(), *columns, console=console, transient=True, auto_refresh=False)
