"""The Leases of this process, and with them the objects that it works on.

It stands for the Lease of every shard, and takes those that nobody else does, the more reluctantly the more it has.
A Lease that objects still name from a time with another number of shards is taken as soon as its holder is gone, and
let go of when no object names it any more. Whoever loses a Lease ends, with all that it does.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Final, Protocol

from clusterstate.errors import KubeRefused
from clusterstate.fence import Fence, boot_time
from clusterstate.handlers.jobs import until_first_ends
from clusterstate.kube.client import Client
from clusterstate.kube.election import Elector
from clusterstate.kube.shards import write_label, write_shard
from clusterstate.plan.shards import Body, Place, Sharding, Step
from clusterstate.settings import Settings

log = logging.getLogger(__name__)

NOWHERE: Final = Place("", "")
SPREAD: Final = 2
"""Periods for which a Lease that is nobody's is left to those who have fewer, for each that a process has."""


class Part(Protocol):
    """Which objects are this process's."""

    def place(self, body: Body) -> Place:
        """Give where an object belongs and where it is."""

    def step(self, place: Place) -> Step:
        """Give what this process does with an object."""

    def is_certain(self, place: Place, before: Place | None) -> bool:
        """Whether an object is this process's, and may be worked on as a watch tells it, though that may be late.

        `before` is the object's place as this process had it already; None: it hadn't.
        """

    def fences(self, place: Place) -> tuple[Fence, ...]:
        """Give what has to be open for every write about an object."""

    async def settle(self, client: Client, body: Body) -> Body:
        """Write into an object of this process whose it is, or that it is no more; give the object then."""


class Everything:
    """The part of who is alone."""

    def place(self, _: Body) -> Place:
        """Do as `Part`: objects name nobody."""
        return NOWHERE

    def step(self, _: Place) -> Step:
        """Do as `Part`: work on it."""
        return Step.RUN

    def is_certain(self, _: Place, __: Place | None) -> bool:
        """Do as `Part`."""
        return True

    def fences(self, _: Place) -> tuple[Fence, ...]:
        """Do as `Part`: there is nobody else."""
        return ()

    async def settle(self, _: Client, body: Body) -> Body:
        """Do as `Part`: nothing."""
        return body


class Shards:
    """The part of who holds Leases."""

    def __init__(self, client: Client, settings: Settings, *, clock: Callable[[], float] = boot_time) -> None:
        """Take a client for requests about Leases alone; `clock` gives seconds that only ever grow."""
        election = settings.election
        self._client = client
        self._clock = clock
        self._election = election
        self._namespace = settings.operator_namespace
        self._sharding = Sharding(election.name, settings.shards)
        self._electors = {lease: self._candidate(lease, self._reluctance) for lease in self._sharding.leases}
        self._old: dict[str, Elector] = {}
        self._held: dict[str, Fence] = {}
        self._first: frozenset[str] = frozenset()
        self._has_one = asyncio.Event()
        self.on_gain: Callable[[], None] = lambda: None
        """Told when more objects may be this process's than before."""
        self.named: Callable[[], Collection[str]] = tuple
        """Gives every Lease that an object names."""

    @property
    def sees_leases(self) -> bool:
        """Whether all Leases could be read lately."""
        return all(each.sees_lease for each in self._electors.values())

    def place(self, body: Body) -> Place:
        """Do as `Part`."""
        return self._sharding.place(body)

    def step(self, place: Place) -> Step:
        """Do as `Part`."""
        return place.step(self._held)

    def is_certain(self, place: Place, before: Place | None) -> bool:
        """Do as `Part`.

        It isn't certain of one that says to be this process's by a Lease that others had when the watch began: they
        may have given it away since. What says to be nobody's is claimed as it was seen, or not at all.
        """
        known = before.there if before else ""
        return self.step(place) is not Step.LEAVE and (place.there in {"", known} or place.there in self._first)

    def is_served(self, lease: str) -> bool:
        """Whether somebody has the Lease of a shard."""
        elector = self._electors.get(lease)
        return elector is not None and elector.is_led

    def fences(self, place: Place) -> tuple[Fence, ...]:
        """Do as `Part`."""
        mine = tuple(self._held[each] for each in {place.wanted, place.there} if each in self._held)
        return mine or (Fence(),)

    async def settle(self, client: Client, body: Body) -> Body:
        """Do as `Part`."""
        place = self.place(body)
        match self.step(place):
            case Step.RELEASE:
                return await write_shard(client, body, "")
            case Step.CLAIM:
                body = await write_shard(client, body, place.wanted)
            case Step.LEAVE:
                return body
            case Step.RUN:
                pass
        value = self._sharding.label_to_write(body)
        return body if value is None else await _label(client, body, value)

    async def hold_one(self) -> None:
        """Wait until this process has the Lease of a shard; what is listed from now on is as these Leases let it be."""
        await self._has_one.wait()
        self._first = frozenset(self._held)

    async def stand(self) -> None:
        """Take Leases and keep them; raise `LeadershipLost` when one can't be kept."""
        in_turn = random.sample(self._sharding.leases, self._sharding.count)
        await until_first_ends(*(self._hold(each, self._electors[each]) for each in in_turn), self._follow_old())

    async def release(self) -> None:
        """Let go of all Leases; none of our writes may be under way."""
        await asyncio.gather(*(each.release() for each in (*self._electors.values(), *self._old.values())))

    def _candidate(self, lease: str, hold_back: Callable[[], float] = lambda: 0.0) -> Elector:
        election = replace(self._election, name=lease)
        return Elector(self._client, election, self._namespace, hold_back=hold_back, clock=self._clock)

    def _reluctance(self) -> float:
        return SPREAD * self._election.retry * sum(each.is_engaged for each in self._electors.values())

    async def _hold(self, lease: str, elector: Elector) -> None:
        await elector.lead()
        self._held[lease] = elector.fence
        self._has_one.set()
        self.on_gain()
        await elector.keep()

    async def _follow_old(self) -> None:
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for lease in self._named_of_old() - tasks.keys():
                    tasks[lease] = asyncio.create_task(self._empty(lease))
                for lease in [lease for lease, task in tasks.items() if task.done()]:
                    tasks.pop(lease).result()
                await asyncio.sleep(self._election.retry)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def _empty(self, lease: str) -> None:
        """Have a Lease that is no shard's any more until no object names it."""
        elector = self._old[lease] = self._candidate(lease)
        await until_first_ends(self._hold(lease, elector), self._until_unnamed(lease))
        log.info("no object names Lease %s any more", lease)
        self._held.pop(lease, None)
        await elector.release()
        del self._old[lease]

    async def _until_unnamed(self, lease: str) -> None:
        while lease in self.named():  # noqa: ASYNC110 - what objects say changes often, and this may take its time
            await asyncio.sleep(self._election.retry)

    def _named_of_old(self) -> set[str]:
        return set(self.named()) - self._electors.keys() - {""} if self._held else set()


async def _label(client: Client, body: Body, value: str) -> Body:
    """Write the label; where that is refused the object is worked on without."""
    try:
        return await write_label(client, body, value)
    except KubeRefused as error:
        log.info("%s", error.message)
        return body
