"""Durations as Go spells them."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.api.durations import DURATION_PATTERN, MAX_LENGTH, parse_duration
from clusterstate.errors import SpecInvalid


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10m", 600), ("1h30m", 5400), ("1.5s", 1.5), ("250ms", 0.25), ("720h", 2_592_000), ("1m1m", 120), ("0s", 0)],
)
def test_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "m", "10 m", "-10m", "1d", "10m\n", "1e3s", "٣m", "10M", "1h" * 9])
def test_refused(text: str) -> None:
    with pytest.raises(SpecInvalid, match="is not a duration"):
        parse_duration(text)


@given(st.from_regex(DURATION_PATTERN))
def test_all_that_the_schema_lets_through_is_read(text: str) -> None:
    if len(text) <= MAX_LENGTH:
        units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
        parts = re.findall(r"([\d.]+)(h|ms|m|s)", text)
        expected = sum(float(number) * units[unit] for number, unit in parts)
        assert parse_duration(text).total_seconds() == pytest.approx(expected)
