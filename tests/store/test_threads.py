import asyncio
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from clusterstate.errors import StoreUnavailable
from clusterstate.store.threads import HOST_LANE, SLOWEST, THREADS, Lane, Threads, expose, host_lane, require_wanted


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


async def test_who_moves_much_may_take_longer() -> None:
    lane = Lane(2, seconds=0.05)
    await lane.move(SLOWEST, time.sleep, 0.2)
    with pytest.raises(StoreUnavailable, match=r"within 0\.05 seconds"):
        await lane.move(0, time.sleep, 0.2)


async def test_a_call_that_was_given_up_may_learn_that() -> None:
    lane, go_on, heard = Lane(1, seconds=0.5), threading.Event(), threading.Event()

    def work() -> None:
        require_wanted()
        go_on.wait()
        with pytest.raises(StoreUnavailable, match="given up"):
            require_wanted()
        heard.set()

    with pytest.raises(StoreUnavailable, match=r"within 0\.5 seconds"):
        await lane.run(work)
    go_on.set()
    assert heard.wait(10)
    require_wanted()


async def test_a_call_that_takes_too_long_is_given_up() -> None:
    lane = Lane(1, seconds=0.05)
    one, two = socket.socketpair()

    def wait_for_an_answer() -> bytes:
        expose(one)
        return one.recv(1)

    with one, two:
        with pytest.raises(StoreUnavailable, match=r"within 0\.05 seconds"):
            await lane.run(wait_for_an_answer)
        assert await lane.run(abs, -1) == 1


async def test_a_cancelled_call_gives_its_thread_back() -> None:
    lane, begun = Lane(1), threading.Event()
    one, two = socket.socketpair()

    def wait_for_an_answer() -> bytes:
        expose(one)
        begun.set()
        return one.recv(1)

    with one, two:
        first = asyncio.create_task(lane.run(wait_for_an_answer))
        await asyncio.to_thread(begun.wait)
        first.cancel()
        assert await lane.run(abs, -1) == 1


async def test_a_call_that_was_given_up_waits_for_no_other_connection() -> None:
    lane, go_on, ends = Lane(1), threading.Event(), []
    one, two = socket.socketpair()

    def connect_late() -> None:
        go_on.wait()
        try:
            expose(one)
        except StoreUnavailable:
            ends.append("refused")

    with one, two:
        first = asyncio.create_task(lane.run(connect_late))
        await asyncio.sleep(0.05)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        go_on.set()
        await lane.run(abs, -1)
    assert ends == ["refused"]


async def test_a_connection_of_a_call_that_is_over_is_left_alone() -> None:
    one, two = socket.socketpair()
    with one, two:
        await Lane().run(expose, one)
        one.send(b"x")
        assert two.recv(1) == b"x"


async def test_an_error_of_time_that_is_the_calls_own_stays_itself() -> None:
    def fail() -> None:
        raise TimeoutError("own")

    with pytest.raises(TimeoutError, match="own"):
        await Lane().run(fail)


async def test_a_host_is_no_wider_than_its_lane_whoever_calls() -> None:
    host, go_on = Lane(2), threading.Event()
    clients = [Lane(2, within=host) for _ in range(3)]
    waiting = [asyncio.create_task(client.run(go_on.wait)) for client in clients for _ in range(2)]
    await asyncio.sleep(0.05)
    late = asyncio.create_task(clients[0].run(abs, -1))
    assert await Lane(2).run(abs, -2) == 2
    assert not late.done()
    waiting[-1].cancel()  # it waits for a place in the host's lane, and leaves its client's
    go_on.set()
    assert await late == 1
    await asyncio.gather(*waiting, return_exceptions=True)


def test_a_host_has_one_lane_for_all_tenants_and_one_for_the_operator() -> None:
    lane = host_lane("one.example", named=True)
    assert host_lane("one.example", named=True) is lane
    assert host_lane("one.example", named=False) is not lane
    assert host_lane("two.example", named=True) is not lane


def test_many_dead_hosts_leave_threads_for_others() -> None:
    async def main() -> int:
        hosts = [host_lane(f"{number}.dead.example", named=True) for number in range(2 * THREADS // HOST_LANE)]
        hanging = [asyncio.create_task(host.run(go_on.wait)) for host in hosts for _ in range(HOST_LANE)]
        await asyncio.sleep(0.05)
        result = await host_lane("live.example", named=False).run(abs, -1)
        go_on.set()
        await asyncio.gather(*hanging)
        return result

    go_on = threading.Event()
    assert asyncio.run(main()) == 1


def test_threads_are_as_many_as_are_needed_up_to_the_most() -> None:
    threads, names, both = Threads(2, "test"), set(), threading.Barrier(2)
    for _ in range(3):
        for future in [threads.submit(both.wait) for _ in range(2)]:
            future.result(10)
    for future in [threads.submit(lambda: names.add(threading.get_ident())) for _ in range(20)]:
        future.result(10)
    assert 1 <= len(names) <= 2


HANGS = """
import asyncio, os, signal, threading
from clusterstate.store.threads import Lane

async def main():
    begun, loop = asyncio.Event(), asyncio.get_running_loop()
    def hang():
        loop.call_soon_threadsafe(begun.set)
        threading.Event().wait()
    task = asyncio.create_task(Lane().run(hang))
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    await begun.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.gather(task, return_exceptions=True)
    print("ended")

asyncio.run(main())
"""


def test_a_call_that_never_ends_does_not_hold_up_the_process() -> None:
    environment = {**os.environ, "PYTHONPATH": "operator"}
    done = subprocess.run(
        [sys.executable, "-c", HANGS], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")
