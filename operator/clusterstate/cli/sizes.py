"""How sizes and times are spelt where people see them. Pure."""

from datetime import datetime, timedelta
from typing import Final

UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
STEP: Final = 1024
NEARLY: Final = 10
"""From here on a size is told without a fraction."""
TURNS: Final = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))


def size_of(number: int) -> str:
    """Give bytes as people read them: `512 B`, `4.2 KiB`, `61 KiB`."""
    value, unit = float(number), 0
    while round(value) >= STEP and unit < len(UNITS) - 1:
        value, unit = value / STEP, unit + 1
    shown = f"{value:.1f}" if unit and round(value, 1) < NEARLY else f"{value:.0f}"
    return f"{shown} {UNITS[unit]}"


def count_of(number: int, noun: str) -> str:
    """Give `1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def age_of(when: datetime, now: datetime) -> str:
    """Give how long ago that was, in its largest unit: `3 days ago`."""
    for turn, unit in TURNS:
        if now - when >= turn:
            return f"{count_of((now - when) // turn, unit)} ago"
    return "just now"


def days_left(end: datetime, now: datetime) -> int:
    """Give the whole days until then; less than none once it is over."""
    return (end - now) // timedelta(days=1)
