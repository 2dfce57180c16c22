"""What is said where work ends before its end, by Ctrl-C or by an error that concerns all of it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clusterstate.cli.manners import warn
from clusterstate.errors import ClusterStateError


@contextmanager
def resumable(how_far: Callable[[], str]) -> Iterator[None]:
    """Say how far the work has come, and how it goes on."""
    try:
        yield
    except (asyncio.CancelledError, ClusterStateError):
        warn(f"{how_far()} so far. Run the same command again: it goes on from there.")
        raise
