"""When the end of a certificate is warned of: the one place that knows the thresholds. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

WEEK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)
NOTHING: Final = timedelta(0)
"""Left of a certificate at its end."""


class Phase(StrEnum):
    """How near its end a certificate is, in the order in which they come."""

    VALID = "Valid"
    EXPIRES = "Expires"
    LAST_WEEK = "LastWeek"
    LAST_DAY = "LastDay"
    EXPIRED = "Expired"


ORDER: Final = {phase.value: number for number, phase in enumerate(Phase)}
"""The place of each in time: a certificate never goes back to a lower one, unless the warning is set to come later."""


def phase_of(not_after: datetime, warning: timedelta, now: datetime) -> Phase:
    """Give the phase of a certificate; nothing but its end is told before the warning is due."""
    left = not_after - now
    if left <= NOTHING:
        return Phase.EXPIRED
    if left > warning:
        return Phase.VALID
    if left <= DAY:
        return Phase.LAST_DAY
    return Phase.LAST_WEEK if left <= WEEK else Phase.EXPIRES


def next_turn(
    ends: Iterable[datetime], warning: timedelta, now: datetime, others: Iterable[datetime] = ()
) -> datetime | None:
    """Give when the next of certificates with these ends comes into another phase, None for never.

    `others` are moments at which time alone changes something else.
    """
    steps = (warning, *(each for each in (WEEK, DAY) if each < warning), NOTHING)
    turns = (end - step for end in ends if end > now for step in steps)
    return min((turn for turn in (*turns, *others) if turn > now), default=None)
