"""Certificates are warned of at thresholds, and the next look is at the very next one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.plan.expiry import DAY, ORDER, WEEK, Phase, next_turn, phase_of

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
MONTH = timedelta(days=30)
SECOND = timedelta(seconds=1)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - zones come beside
warnings = st.timedeltas(timedelta(0), timedelta(hours=999_999)) | st.sampled_from([WEEK, DAY, timedelta(0)])


@pytest.mark.parametrize(
    ("left", "warning", "phase"),
    [
        (MONTH + SECOND, MONTH, Phase.VALID),
        (MONTH, MONTH, Phase.EXPIRES),
        (WEEK + SECOND, MONTH, Phase.EXPIRES),
        (WEEK, MONTH, Phase.LAST_WEEK),
        (DAY, MONTH, Phase.LAST_DAY),
        (SECOND, MONTH, Phase.LAST_DAY),
        (timedelta(0), MONTH, Phase.EXPIRED),
        (-MONTH, MONTH, Phase.EXPIRED),
        (3 * DAY, 2 * DAY, Phase.VALID),
        (2 * DAY, 2 * DAY, Phase.LAST_WEEK),
        (SECOND, timedelta(0), Phase.VALID),
        (timedelta(0), timedelta(0), Phase.EXPIRED),
    ],
)
def test_nothing_is_told_before_the_warning_and_then_each_threshold(
    left: timedelta, warning: timedelta, phase: Phase
) -> None:
    assert phase_of(NOW + left, warning, NOW) is phase


@given(st.lists(times, max_size=4), warnings, times)
def test_phases_only_ever_rise_and_the_next_turn_is_the_next_rise(
    ends: list[datetime], warning: timedelta, now: datetime
) -> None:
    turn = next_turn(ends, warning, now)
    before = [ORDER[phase_of(end, warning, now)] for end in ends]
    if turn is None:
        assert all(phase_of(end, warning, now) is Phase.EXPIRED for end in ends)
        return
    assert turn > now
    assert [ORDER[phase_of(end, warning, turn - datetime.resolution)] for end in ends] == before
    after = [ORDER[phase_of(end, warning, turn)] for end in ends]
    assert after != before
    assert all(new >= old for new, old in zip(after, before, strict=True))


def test_every_threshold_is_looked_at() -> None:
    end, now, turns = NOW + 2 * MONTH, NOW, []
    while (turn := next_turn([end], MONTH, now)) is not None:
        turns.append(end - turn)
        now = turn
    assert turns == [MONTH, WEEK, DAY, timedelta(0)]


def test_what_else_comes_of_itself_is_looked_at_too() -> None:
    end = NOW + 2 * MONTH
    assert next_turn([end], MONTH, NOW, [NOW, NOW + DAY, NOW + MONTH]) == NOW + DAY
    assert next_turn([end], MONTH, NOW, [NOW]) == end - MONTH
