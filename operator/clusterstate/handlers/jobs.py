"""Jobs that belong together: the end of one is the end of all."""

import asyncio
from collections.abc import Coroutine
from typing import Any


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
