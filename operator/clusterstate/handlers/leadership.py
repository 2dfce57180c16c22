"""When this process works: at once, or where there may be others, as long as it leads them.

A process that stands by has no watches and keeps no objects: it looks at the Lease, and begins to work with a list of
everything. Whoever loses the Lease doesn't stand by again: it ends, and with it whatever it believed to know.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from clusterstate.errors import KubeUnavailable
from clusterstate.fence import fenced
from clusterstate.kube.client import Client, Selection, connect
from clusterstate.kube.election import Elector
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.settings import Settings

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


class Leadership:
    """Has the work done by one process at a time."""

    def __init__(self, client: Client, settings: Settings, elector: Elector | None) -> None:
        """Take who is to lead; None: whoever asks."""
        self._client = client
        self._settings = settings
        self._elector = elector
        self._able = False
        self._leads = elector is None

    @property
    def leads(self) -> bool:
        """Whether this process works, which it does to its end once it has begun."""
        return self._leads

    def is_ready(self, known: Iterable[asyncio.Event]) -> bool:
        """Whether a process that works knows all that it has to, and one that stands by could take over.

        The latter means that it reads the API, and its Lease.
        """
        if self._leads or self._elector is None:
            return all(each.is_set() for each in known)
        return self._able and self._elector.sees_lease

    async def run(self, work: Work) -> None:
        """Do the work as soon as this process leads, until it ends; the Lease is released when all of it has ended.

        Raises `LeadershipLost`, and a `KubeError` where it may not even look at what it is to work on.
        """
        if self._elector is None:
            return await work()
        await self._look()
        try:
            await self._elector.lead()
            self._leads = True
            await until_first_ends(self._elector.keep(), self._within_fence(self._elector, work))
        finally:
            await self._elector.release()

    async def _within_fence(self, elector: Elector, work: Work) -> None:
        with fenced(elector.fence):
            await work()

    async def _look(self) -> None:
        """See whether the objects may be listed, as soon as there is an answer."""
        for namespace in self._settings.namespaces or (None,):
            while True:
                try:
                    await self._client.newest(Selection(CLUSTER_STATES.without_bodies, namespace))
                    break
                except KubeUnavailable as error:
                    log.warning("%s", error.message)
                await asyncio.sleep(self._settings.election.retry)
        self._able = True


@asynccontextmanager
async def electing(kubeconfig: Path | None, context: str | None, settings: Settings) -> AsyncIterator[Elector | None]:
    """Give a candidate, with connections of its own: no other request holds up a renewal. None: nobody is elected."""
    election = settings.election
    if not election.wanted:
        yield None
        return
    async with await connect(kubeconfig, context, patience=election.patience) as client:
        yield Elector(client, election, settings.operator_namespace)


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


async def told_to_stop(watching: asyncio.Event) -> None:
    """Return at SIGTERM or SIGINT. When kopf is `watching`, it listens in our place, until we listen again.

    By itself it would give everything that runs, of whomever, five seconds to end.
    """
    told = asyncio.Event()
    _listen(told.set)
    begun = asyncio.create_task(watching.wait())
    begun.add_done_callback(lambda _: _listen(told.set))
    try:
        await told.wait()
    finally:
        begun.cancel()


def _listen(then: Callable[[], None]) -> None:
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, then)
