"""Jobs that belong together, the end of one being the end of all; and work that has to come to its own end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def until_first_ends(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, which ends the others: a job that goes on for ever ends only by an error."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def finished(work: Coroutine[Any, Any, T], patience: Callable[[], float]) -> T:
    """Do the work to its end and give what came of it; who is cancelled meanwhile leaves it `patience` seconds."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=max(patience(), 0.0))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
