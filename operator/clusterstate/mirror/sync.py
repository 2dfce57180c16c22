"""Sync: makes the Secrets of one ClusterState what they should be. The only module that writes Secrets.

What the informer knows decides whether anything is to be done at all; before a Secret is changed it is read
again. A Secret is ours if the ClusterState's uid controls it, whatever its labels say; no other is ever written
to or deleted. A mirror that fails is reported and doesn't hold up the others.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from clusterstate.errors import (
    ClusterStateError,
    KubeUnavailable,
    MirrorConflict,
    ObjectChanged,
    ObjectExists,
    ObjectNotFound,
)
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import SECRETS, JsonObject
from clusterstate.kube.owner import Owner
from clusterstate.mirror.manifest import (
    can_become,
    digest_of,
    make_replacement,
    make_secret,
    make_successor,
    owner_reference,
)
from clusterstate.mirror.objects import Mirror, MirrorProblem, Mirrors
from clusterstate.mirror.record import MirrorRecord, reduce
from clusterstate.mirror.restart import NO_RESTARTS, Restarts, Roller, Rolls

PARALLEL_WRITES = 8
"""Secrets of one ClusterState that are written at the same time."""
ATTEMPTS = 5
"""How often a Secret is written, each time after a new look, because somebody else was faster."""

Thing = TypeVar("Thing", Mirror, MirrorRecord)


class Deed(StrEnum):
    """What became of one Secret."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class MirrorOutcome:
    """What a sync did, by the Secrets' names in order, and what it couldn't do."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    problems: tuple[MirrorProblem, ...] = ()
    restarts: Restarts = NO_RESTARTS
    held: tuple[str, ...] = ()
    """Secrets that would go if no Pod needed them."""


async def sync(
    client: Client, mirrors: Mirrors, present: Mapping[str, MirrorRecord], rolls: Rolls | None = None
) -> MirrorOutcome:
    """Create, update and delete Secrets until they are equal to `mirrors`; write nothing where they are.

    `present` holds what the informer knows of the owner's namespace, by name, and may change meanwhile; records
    of other owners in it are ignored. New and changed Secrets come first, then the workloads that use them, so that
    what uses one under a new name finds it before the old one goes, once no Pod needs that. Secrets of a source that
    has a problem stay. `rolls` tells what was made of the workloads before.
    """
    writer = _Writer(client, mirrors.owner)
    made = await _carry_out(mirrors.wanted, lambda mirror: writer.settle(mirror, present.get(mirror.name)))
    problems = [*mirrors.problems, *(each for each in made.values() if isinstance(each, MirrorProblem))]
    there = [mirror for mirror in mirrors.wanted if isinstance(made[mirror.name], Deed)]
    roller = Roller(client, mirrors.owner.namespace, rolls or Rolls())
    restarts = await roller.restart(mirrors.restart, there, _sources_of(mirrors, present))
    stale = _stale(mirrors, problems, present)
    asked = {mirror.source for mirror in mirrors.wanted}
    held = {record.name for record in stale if record.source in asked and restarts.needs(record.source)}
    removed = await _carry_out((record for record in stale if record.name not in held), writer.remove)
    problems += [each for each in removed.values() if isinstance(each, MirrorProblem)]
    return replace(_outcome({**made, **removed}, problems, restarts), held=tuple(sorted(held)))


class _Writer:
    """Brings single Secrets about."""

    def __init__(self, client: Client, owner: Owner) -> None:
        self._client = client
        self._owner = owner

    async def settle(self, mirror: Mirror, record: MirrorRecord | None) -> Deed:
        """Make one Secret what it should be."""
        wanted = make_secret(self._owner, mirror)
        if record and record.digest == digest_of(wanted):
            return Deed.UNCHANGED
        exists = record is not None
        for _ in range(ATTEMPTS):
            try:
                return await (self._repair(wanted) if exists else self._create(wanted))
            except (ObjectExists, ObjectChanged):
                exists = True
            except ObjectNotFound:
                exists = False
        raise self._outpaced(mirror.name)

    async def remove(self, record: MirrorRecord) -> Deed:
        """Delete one Secret while it is ours; one that is gone by now, or somebody else's, is no error."""
        for _ in range(ATTEMPTS):
            try:
                await self._delete(record)
            except ObjectNotFound:
                return Deed.UNCHANGED
            except ObjectChanged:
                found = await self._look_again(record)
                if found is None:
                    return Deed.UNCHANGED
                record = found
            else:
                return Deed.DELETED
        raise self._outpaced(record.name)

    async def _create(self, wanted: JsonObject) -> Deed:
        await self._client.create(SECRETS, wanted)
        return Deed.CREATED

    async def _repair(self, wanted: JsonObject) -> Deed:
        current = await self._client.get(SECRETS, self._owner.namespace, wanted["metadata"]["name"])
        self._check_ours(current)
        if digest_of(current) == digest_of(wanted):
            return Deed.UNCHANGED
        if not can_become(current, wanted):
            return await self._recreate(current, wanted)
        await self._client.replace(SECRETS, make_replacement(current, wanted))
        return Deed.UPDATED

    async def _recreate(self, current: JsonObject, wanted: JsonObject) -> Deed:
        """Delete and create."""
        record = reduce(current)
        if record.deleting:
            raise KubeUnavailable(
                f"Secret {record.namespace}/{record.name} is being deleted and waits for the finalizers "
                f"{', '.join(current['metadata'].get('finalizers', ()))}. It is created again once it is gone."
            )
        await self._delete(record)
        await self._client.create(SECRETS, make_successor(current, wanted))
        return Deed.UPDATED

    async def _delete(self, record: MirrorRecord) -> None:
        conditions = {"uid": record.uid, "resource_version": record.resource_version}
        await self._client.delete(SECRETS, record.namespace, record.name, **conditions)

    async def _look_again(self, record: MirrorRecord) -> MirrorRecord | None:
        try:
            found = reduce(await self._client.get(SECRETS, record.namespace, record.name))
        except ObjectNotFound:
            return None
        return found if found.owner_uid == self._owner.uid else None

    def _outpaced(self, name: str) -> ObjectChanged:
        return ObjectChanged(
            f"Secret {self._owner.namespace}/{name} was changed by others each of the {ATTEMPTS} times that it was "
            "about to be written. Find out who else writes it."
        )

    def _check_ours(self, current: JsonObject) -> None:
        owner = owner_reference(current)
        if owner is None or owner["uid"] != self._owner.uid:
            raise MirrorConflict(
                f"Secret {self._owner.namespace}/{current['metadata']['name']} exists and isn't controlled by "
                "this ClusterState, so it is left alone. Delete or rename it, or change spec.mirror.nameTemplate."
            )


async def _carry_out(
    things: Iterable[Thing], deed: Callable[[Thing], Awaitable[Deed]]
) -> dict[str, Deed | MirrorProblem]:
    gate = asyncio.Semaphore(PARALLEL_WRITES)

    async def one(thing: Thing) -> Deed | MirrorProblem:
        async with gate:
            try:
                return await deed(thing)
            except ClusterStateError as error:
                return MirrorProblem.of(thing.name, thing.source, error)

    async with asyncio.TaskGroup() as group:
        tasks = {thing.name: group.create_task(one(thing)) for thing in things}
    return {name: task.result() for name, task in tasks.items()}


def _stale(
    mirrors: Mirrors, problems: Iterable[MirrorProblem], present: Mapping[str, MirrorRecord]
) -> list[MirrorRecord]:
    """Give what isn't wanted, has no problem, and isn't kept without a source."""
    names = {mirror.name for mirror in mirrors.wanted} | {problem.secret for problem in problems} | mirrors.kept
    sources = {problem.source for problem in problems}
    ours = (each for each in present.values() if each.owner_uid == mirrors.owner.uid and not each.deleting)
    return [record for record in ours if record.name not in names and record.source not in sources]


def _sources_of(mirrors: Mirrors, present: Mapping[str, MirrorRecord]) -> dict[str, str]:
    return {name: each.source for name, each in present.items() if each.owner_uid == mirrors.owner.uid}


def _outcome(
    results: Mapping[str, Deed | MirrorProblem], problems: Iterable[MirrorProblem], restarts: Restarts
) -> MirrorOutcome:
    done: dict[Deed, list[str]] = {deed: [] for deed in Deed}
    for name, result in results.items():
        if isinstance(result, Deed):
            done[result].append(name)
    return MirrorOutcome(
        created=tuple(sorted(done[Deed.CREATED])),
        updated=tuple(sorted(done[Deed.UPDATED])),
        deleted=tuple(sorted(done[Deed.DELETED])),
        unchanged=tuple(sorted(done[Deed.UNCHANGED])),
        problems=tuple(sorted(problems, key=lambda problem: (problem.source, problem.secret))),
        restarts=restarts,
    )
