"""What is under way when a process is told to stop."""

import asyncio
from contextlib import suppress

import pytest

from clusterstate.handlers.jobs import finished
from tests.handlers.clock import now, play


@pytest.mark.parametrize(("patience", "ends"), [(5.0, 3.0), (1.0, 2.0), (-1.0, 1.0)])
def test_who_is_cancelled_leaves_work_some_seconds_to_its_end(patience: float, ends: float) -> None:
    async def story() -> tuple[float, bool]:
        done = asyncio.Event()

        async def work() -> None:
            await asyncio.sleep(3)
            done.set()

        task = asyncio.create_task(finished(work(), lambda: patience))
        await asyncio.sleep(1)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return now(), done.is_set()

    assert play(story()) == (ends, ends == 3.0)
