import asyncio
import threading
import time

import pytest

from clusterstate.store.threads import Lane


async def test_results_and_errors_come_back() -> None:
    lane = Lane(2)
    assert await lane.run(max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        await lane.run(divmod, 1, 0)


async def test_a_lane_is_no_wider_than_its_width() -> None:
    lane, busy, most, lock = Lane(3), 0, 0, threading.Lock()

    def work() -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1

    await asyncio.gather(*(lane.run(work) for _ in range(12)))
    assert most == 3


async def test_a_cancelled_call_keeps_its_place_until_it_ends() -> None:
    lane, go_on = Lane(1), threading.Event()
    first = asyncio.create_task(lane.run(go_on.wait))
    await asyncio.sleep(0.05)
    first.cancel()
    second = asyncio.create_task(lane.run(time.monotonic))
    await asyncio.sleep(0.05)
    assert not second.done()
    go_on.set()
    assert await second > 0


def test_one_lane_serves_one_loop_after_another() -> None:
    lane = Lane(1)

    async def crowd() -> list[int]:
        return await asyncio.gather(*(lane.run(abs, -number) for number in range(5)))

    assert asyncio.run(crowd()) == asyncio.run(crowd()) == [0, 1, 2, 3, 4]
