"""Durations as Kubernetes APIs spell them: Go's `10m`, `1h30m`, `1.5s`."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Final

from clusterstate.errors import SpecInvalid

DURATION_PATTERN: Final = r"^([0-9]{1,6}(\.[0-9]{1,3})?(h|m|s|ms))+\Z"
"""What Go's `time.ParseDuration` reads, without signs, micro- and nanoseconds, and short of its overflow."""
MAX_LENGTH: Final = 16
"""Characters; together with the pattern this stays below the 292 years that Go's durations hold."""

_PART: Final = re.compile(r"([0-9.]+)(h|ms|m|s)")
_MILLISECONDS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def parse_duration(text: str) -> timedelta:
    """Read a duration; raise `SpecInvalid` with the text and an example when it isn't one."""
    if len(text) > MAX_LENGTH or re.fullmatch(DURATION_PATTERN, text) is None:
        raise SpecInvalid(
            f"{text[:MAX_LENGTH]!r} is not a duration. Give a number and a unit, such as 90s, 10m or 1h30m."
        )
    parts = (Decimal(number) * _MILLISECONDS[unit] for number, unit in _PART.findall(text))
    return timedelta(microseconds=int(sum(parts) * 1000))
