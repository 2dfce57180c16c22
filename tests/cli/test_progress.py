"""What people are told of how far long work is."""

from hypothesis import given
from hypothesis import strategies as st

from clusterstate.cli.progress import Meter, as_time


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_says_how_much_is_done_how_fast_and_how_long_it_takes() -> None:
    clock = Clock()
    meter = Meter("copy", clock)
    assert meter.line == "copy: 0 of 0 files, 0 B of 0 B, 0 B/s."
    meter.expect(4, 4096)
    clock.now += 10
    meter.advance(1024)
    assert meter.line == "copy: 1 of 4 files, 1.0 KiB of 4.0 KiB, 102 B/s, 0:30 left."


@given(st.lists(st.integers(0, 1 << 30), min_size=1))
def test_the_share_grows_to_one(sizes: list[int]) -> None:
    meter = Meter("copy", Clock())
    meter.expect(len(sizes), sum(sizes))
    shares = [meter.share]
    for size in sizes:
        meter.advance(size)
        shares.append(meter.share)
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def test_times() -> None:
    assert [as_time(each) for each in (0, 7.4, 61, 3723)] == ["0:00", "0:07", "1:01", "1:02:03"]
