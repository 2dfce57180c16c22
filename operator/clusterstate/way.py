"""What all ways of a run have in common: an end in time, and nothing but our own errors where they fail."""

import asyncio
import logging
from typing import Protocol, TypeVar

from clusterstate.errors import ClusterStateError, RunTimedOut, describe_bug
from clusterstate.kube.owner import Owner
from clusterstate.observing import enter_stage

log = logging.getLogger(__name__)

LIST_SHARE = 0.9
"""Of a run's time: who lists for longer than that can't do anything with the list."""

T_co = TypeVar("T_co", covariant=True)


class Way(Protocol[T_co]):
    """One way of a run."""

    owner: Owner
    seconds: float
    """That it may take."""
    doing: str
    """What it does at the moment, after `while`."""

    async def go(self) -> T_co:
        """Go it to its end."""
        ...


class Staged:
    """What a way does at the moment: for messages, and for who watches."""

    doing = "finding out how to reach the store"

    def enter(self, stage: str, doing: str) -> None:
        """Begin another stage; `doing` says what it does, after `while`, and `stage` the same in one word."""
        self.doing = doing
        enter_stage(stage)


async def go_within_limits(way: Way[T_co]) -> T_co:
    """Go a way; whatever fails is a `ClusterStateError`, with `RunTimedOut` for a way that takes too long."""
    try:
        async with asyncio.timeout(way.seconds):
            return await way.go()
    except TimeoutError:
        raise RunTimedOut(
            f"The run took longer than spec.sync.timeout ({way.seconds:g} s) while {way.doing}. What was written is "
            "whole; the next run goes on. Is the store slow? Allow more time if it always is."
        ) from None
    except ClusterStateError:
        raise
    except Exception as bug:  # noqa: BLE001 - one object's bug must not stop the others' runs
        # Not log.exception: the text of a foreign exception may hold secret bytes.
        log.error("%s: a bug: %s", way.owner, describe_bug(bug))  # noqa: TRY400
        raise ClusterStateError(
            f"{type(bug).__name__} while {way.doing}: this is a bug; the log has the details."
        ) from None
