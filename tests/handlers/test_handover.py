"""Processes come and go, with one number of shards or another, and none works on an object that another one works on.

The processes are real but for their runs, which only take time; the API server and time are played. Its watches are
late, each for each process.
"""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from clusterstate.api.annotations import SHARD_LABEL, SHARD_MANAGER
from clusterstate.context import Context, Key
from clusterstate.errors import ObjectChanged
from clusterstate.fence import Fence
from clusterstate.handlers.controller import Controller
from clusterstate.handlers.recording import Record
from clusterstate.handlers.shards import Shards
from clusterstate.handlers.watched import Watched, key_of
from clusterstate.plan.shards import Sharding
from clusterstate.settings import Election, Settings
from tests.handlers.clock import play
from tests.handlers.objects import Body, body

OBJECTS = 6
LONGEST = 5.0
"""Seconds that a request or a run takes at most."""
LAGS = (0.0, 0.0, 0.1, 30.0)
"""Seconds that the next event keeps a process waiting at most."""


class Api:
    """All objects, with the API server's conditions, and who has which Lease."""

    def __init__(self, source: random.Random) -> None:
        self.source = source
        self.version = OBJECTS
        self.holders: dict[str, Process] = {}
        self.processes: list[Process] = []
        self.working: dict[Key, Process] = {}
        self.requests: set[asyncio.Task[Body]] = set()
        made = (body(n + 1, uid=f"u{n + 1}", metadata={"name": f"state-{n}"}) for n in range(OBJECTS))
        self.objects: dict[Key, Body] = {key_of(each): each for each in made}

    async def take_time(self) -> None:
        await asyncio.sleep(self.source.choice((0.0, 0.01, self.source.uniform(0, LONGEST))))

    async def get(self, _: object, namespace: str, name: str) -> Body:
        await self.take_time()
        found = deepcopy(self.objects[namespace, name])
        await self.take_time()
        return found

    async def merge_patch(self, _: object, namespace: str, name: str, patch: Body, **__: str) -> Body:
        status = {**self.objects[namespace, name].get("status", {}), **patch["status"]}
        change = {"status": {field: value for field, value in status.items() if value is not None}}
        return await self._write((namespace, name), patch["metadata"]["resourceVersion"], change)

    async def apply(self, _: object, wanted: Body, *, manager: str) -> Body:
        assert manager == SHARD_MANAGER
        metadata = wanted["metadata"]
        change = labelled(metadata["labels"].get(SHARD_LABEL, ""), manager)
        return await self._write((metadata["namespace"], metadata["name"]), metadata["resourceVersion"], change)

    async def _write(self, key: Key, version: str, change: Body) -> Body:
        """Write what was asked for, though nobody may wait for the answer any more."""
        task = asyncio.create_task(self._write_if(key, version, change))
        self.requests.add(task)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _write_if(self, key: Key, version: str, change: Body) -> Body:
        await self.take_time()
        if version != self.objects[key]["metadata"]["resourceVersion"]:
            raise ObjectChanged("changed")
        written = self.change(key, change)
        await self.take_time()
        return deepcopy(written)

    def change(self, key: Key, change: Body) -> Body:
        """Change an object at once, and have everybody told."""
        self.version += 1
        before = self.objects[key]
        metadata = {**before["metadata"], **change.get("metadata", {}), "resourceVersion": str(self.version)}
        self.objects[key] = {**before, **change, "metadata": metadata}
        for each in self.processes:
            each.events.put_nowait(deepcopy(self.objects[key]))
        return self.objects[key]

    @contextmanager
    def work(self, key: Key, process: "Process") -> Iterator[None]:
        """Work on an object, alone."""
        assert key not in self.working, "two work on one object"
        self.working[key] = process
        try:
            yield
        finally:
            del self.working[key]


def labelled(value: str, manager: str) -> Body:
    fields = {"f:metadata": {"f:labels": {f"f:{SHARD_LABEL}": {}}}}
    owners = [{"manager": manager, "fieldsV1": fields}] if value else []
    return {"metadata": {"labels": {SHARD_LABEL: value} if value else {}, "managedFields": owners}}


class Process(Controller):
    """One operator, from the first Lease that it has."""

    def __init__(self, api: Api, count: int) -> None:
        self.api = api
        self.count = count
        self.lag = api.source.choice(LAGS)
        self.events: asyncio.Queue[Body] = asyncio.Queue()
        client: Any = api
        election = Election(wanted=True, name="op")
        self.shards = Shards(client, Settings(shards=count, election=election))
        context = Context(client, Settings(), {}, lambda *_: {}, clock=asyncio.get_running_loop().time)
        super().__init__(context, part=self.shards)
        self.shards.on_gain, self.shards.named = self.shards_gained, self.leases_named
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to work with a list of all objects, once there is a Lease."""
        if not self.take_leases():
            return
        self.shards._first = frozenset(self.shards._held)
        self.api.processes.append(self)
        for each in self.api.objects.values():
            self.events.put_nowait(deepcopy(each))
        self.tasks = [asyncio.create_task(self.watch()), asyncio.create_task(self.work())]

    def take_leases(self) -> bool:
        """Take some of those that are nobody's; let go of one that is no shard's and that nothing names."""
        current = Sharding("op", self.count).leases
        for lease in self.shards._held.keys() - current - self.leases_named():
            del self.shards._held[lease]
            del self.api.holders[lease]
        for lease in sorted({*current, *self.shards._named_of_old()} - self.api.holders.keys()):
            if self.api.source.random() < 0.7:
                self.api.holders[lease] = self
                self.shards._held[lease] = Fence(lambda: 0.0)
                self.shards._held[lease].open_until(1e6)
                self.shards.on_gain()
        return bool(self.shards._held)

    async def watch(self) -> None:
        while True:
            event = await self.events.get()
            await asyncio.sleep(self.api.source.uniform(0, self.lag))
            self.observe(event, deleted=False)

    async def end(self) -> None:
        """End all that it does, then let go of its Leases."""
        self.api.processes.remove(self)
        for each in self.tasks:
            each.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for lease in self.shards._held:
            del self.api.holders[lease]

    async def _run_watched(self, key: Key, watched: Watched, record: Record) -> None:
        del record
        with self.api.work(key, self):
            await self.api.take_time()
        self.queue.add(key, self.api.source.uniform(0, LONGEST))
        watched.failures = 0


async def shake(api: Api) -> None:
    """Have something happen: a process comes or goes, takes what is free, or a person labels an object."""
    source = api.source
    match source.randrange(8):
        case 0 | 1 if len(api.processes) < 4:
            Process(api, source.choice((1, 2, 3))).start()
        case 2 if api.processes:
            await source.choice(api.processes).end()
        case 3 | 4 | 5:
            value, key = source.choice(("", "0", "1", "2", "blue")), source.choice(list(api.objects))
            api.change(key, labelled(value, "kubectl"))
        case _:
            for each in api.processes:
                each.take_leases()


async def settle(api: Api, processes: list[Process]) -> None:
    """Have all objects be as their uids say, and these processes take what there is."""
    for key in api.objects:
        api.change(key, labelled("", "kubectl"))
    for _ in range(100):
        for each in processes:
            if each.tasks:
                each.take_leases()
            else:
                each.start()
        await asyncio.sleep(LONGEST)


async def tell(seed: int) -> None:
    """Play one story."""
    source = random.Random(seed)
    api, sharding = Api(source), Sharding("op", 3)
    for _ in range(150):
        await shake(api)
        await asyncio.sleep(source.uniform(0, 2))
        assert not any(task.done() for each in api.processes for task in each.tasks)
    while api.processes:
        await api.processes[0].end()
    last = [Process(api, 3) for _ in range(2)]
    for each in last:
        each.lag = 1.0
    await settle(api, last)
    for each in api.objects.values():
        place = sharding.place(each)
        assert place.wanted == place.there
        assert sharding.label_to_write(each) is None
        assert key_of(each) in api.holders[place.there]._objects
    assert api.holders.keys() == set(sharding.leases), "every other Lease was emptied and let go of"
    while api.processes:
        await api.processes[0].end()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_an_object_is_never_worked_on_by_two(seed: int) -> None:
    play(tell(seed))
