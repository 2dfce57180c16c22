"""When this process works: at once, or where there may be others, as long as it leads a shard.

A process that stands by has no watches and keeps no objects: it looks at the Leases, and begins to work with a list of
everything. Whoever loses a Lease doesn't stand by again: it ends, and with it whatever it believed to know.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from clusterstate.errors import KubeUnavailable
from clusterstate.fence import Fence, fenced
from clusterstate.handlers.jobs import until_first_ends
from clusterstate.handlers.shards import Shards
from clusterstate.kube.client import Client, Selection, connect
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.settings import Settings

log = logging.getLogger(__name__)

Work = Callable[[], Coroutine[Any, Any, None]]


class Leadership:
    """Has the work of a shard done by one process at a time."""

    def __init__(self, client: Client, settings: Settings, shards: Shards | None) -> None:
        """Take what this process is to lead; None: it works on everything, at once."""
        self._client = client
        self._settings = settings
        self._shards = shards
        self._able = False
        self._leads = shards is None

    @property
    def leads(self) -> bool:
        """Whether this process works, which it does to its end once it has begun."""
        return self._leads

    def is_ready(self, known: Iterable[asyncio.Event]) -> bool:
        """Whether a process that works knows all that it has to, and one that stands by could take over.

        The latter means that it reads the API, and the Leases.
        """
        if self._leads or self._shards is None:
            return all(each.is_set() for each in known)
        return self._able and self._shards.sees_leases

    async def run(self, work: Work) -> None:
        """Do the work as soon as this process leads, until it ends; Leases are released when all of it has ended.

        Raises `LeadershipLost`, and a `KubeError` where it may not even look at what it is to work on.
        """
        if self._shards is None:
            return await work()
        await self._look()
        try:
            await until_first_ends(self._shards.stand(), self._lead(self._shards, work))
        finally:
            await self._shards.release()

    async def _lead(self, shards: Shards, work: Work) -> None:
        await shards.hold_one()
        self._leads = True
        with fenced(Fence()):  # what is written belongs to an object, and asks its shard's fence
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
async def electing(kubeconfig: Path | None, context: str | None, settings: Settings) -> AsyncIterator[Shards | None]:
    """Give what stands for Leases, with connections of its own: no other request holds up a renewal.

    None: nobody is elected.
    """
    election = settings.election
    if not election.wanted:
        yield None
        return
    async with await connect(kubeconfig, context, patience=election.patience) as client:
        yield Shards(client, settings)


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
