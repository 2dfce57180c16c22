"""A list and a watch that go on whatever happens to the API server: what informers and watches of ours stand on.

Watches that end go on where they were; one that the server doesn't remember far enough back for begins anew.
Trouble is told once, and met at a growing distance.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from clusterstate.errors import KubeError, KubeForbidden
from clusterstate.kube.client import Client, Selection
from clusterstate.kube.failures import Expired
from clusterstate.kube.watching import SILENCE, WatchEvent

log = logging.getLogger(__name__)

FIRST_DELAY: Final = 0.2
LONGEST_DELAY: Final = 30.0
QUIET: Final = 5.0
"""Seconds after which the end of a watch is taken for the server's usual one, though nothing happened in it."""


class Following:
    """How far the list and watch of one selection have come, and how they go on."""

    def __init__(
        self,
        client: Client,
        selection: Selection,
        learn: Callable[[], Awaitable[str]],
        take: Callable[[WatchEvent], None],
        *,
        silence: float = SILENCE,
        insists: bool = True,
    ) -> None:
        """Take who learns what is there and gives the version to watch from, and who takes in what happens then.

        `silence` is what a watch may keep, in seconds. Who doesn't insist is told what the API forbids and never
        allowed before, instead of waiting for the right.
        """
        self.selection = selection
        self.version = ""
        """Empty: what is there must be learnt first."""
        self._client = client
        self._learn = learn
        self._take = take
        self._silence = silence
        self._insists = insists
        self._delay = 0.0
        self._failure: KubeError | None = None

    async def run(self) -> None:
        """Follow until cancelled; trouble with the API server only delays it.

        Raises `KubeForbidden` for who doesn't insist.
        """
        while True:
            await self._attempt(self._go_on)
            await self._pause()

    async def learn(self) -> None:
        """Learn what is there, as long as that takes, and watch nothing."""
        while not self.version:
            await self._attempt(self._begin)
            if not self.version:
                await self._pause()

    async def _attempt(self, work: Callable[[], Awaitable[None]]) -> None:
        # Failed until something comes: a watch that ends at once must not be repeated at once.
        self._delay = min(max(FIRST_DELAY, self._delay * 2), LONGEST_DELAY)
        try:
            await work()
        except KubeError as error:
            self._note(error)

    async def _pause(self) -> None:
        await asyncio.sleep(self._delay * random.uniform(0.5, 1.0))  # noqa: S311 - spreads requests, no secret

    async def _begin(self) -> None:
        self.version = await self._learn()
        self._failure = None

    async def _go_on(self) -> None:
        if not self.version:
            await self._begin()
        await self._watch()

    async def _watch(self) -> None:
        started = asyncio.get_running_loop().time()
        async with aclosing(self._client.watch(self.selection, self.version, silence=self._silence)) as events:
            async for event in events:
                self._take(event)
                self.version = event.resource_version
                self._worked()
        if asyncio.get_running_loop().time() - started > QUIET:
            self._worked()

    def _worked(self) -> None:
        self._delay = 0.0
        self._failure = None
        self._insists = True  # a right that was there may come back

    def _note(self, error: KubeError) -> None:
        if isinstance(error, KubeForbidden) and not self._insists:
            raise error
        if isinstance(error, Expired):
            self.version = ""
        if self._failure is None or self._failure.message != error.message:
            log.warning("%s", error.message)
        self._failure = error
