"""Puts the old place of a state away, once nobody reads it any more."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from clusterstate.api.durations import parse_duration
from clusterstate.api.store import StoreSpec
from clusterstate.api.sync import Backups
from clusterstate.api.types import ClusterState
from clusterstate.context import Context
from clusterstate.errors import ClusterStateError, KeyNotFound, MigrationRefused
from clusterstate.gather import Access, Sources
from clusterstate.plan.departure import Departure
from clusterstate.plan.migration import Migration
from clusterstate.plan.place import Origin, locate_state
from clusterstate.plan.retirement import (
    deletable,
    find_reason_to_keep,
    is_rolled,
    is_updated,
    spared_keys,
    tell,
    tell_cleaned,
)
from clusterstate.relocation.source import Source
from clusterstate.state.layout import BACKUPS, CONFIG
from clusterstate.state.tree import OWN_PLACE, Tree, run_each
from clusterstate.store.base import Entry
from clusterstate.store.copying import see
from clusterstate.store.location import Location

SHARE: Final = 0.5
"""Of a run's time: what isn't deleted by then is the next run's."""
Note: TypeAlias = Callable[[Departure], Awaitable[None]]
"""Has the newest revision say that of the old place."""


@dataclass(frozen=True, slots=True)
class CleanUp:
    """What came of an old place."""

    facts: Migration | None = None
    """What status says, None for nothing new."""
    failed: bool = False
    """Whether it has to be tried again, although nothing else has changed."""


async def clean_up(context: Context, state: ClusterState, place: Source, note: Note | None) -> CleanUp:
    """Delete the old files after a move if that is asked for and nobody reads them any more.

    Without `note` nothing may be deleted now.
    """
    applied = place.sight.observed.applied
    if applied is None or applied.departure is None or applied.departure.cleaned_up:
        return CleanUp()
    one = _CleanUp(context, state, place, applied.departure)
    if note is not None and one.is_due():
        await one.go(note)
    return CleanUp(one.facts, one.failed)


class _CleanUp:
    """What is left to do after one migration."""

    def __init__(self, context: Context, state: ClusterState, place: Source, departure: Departure) -> None:
        self._context = context
        self._state = state
        self._place = place
        self._departure = departure
        self._old, self._new = (self._locate(each) for each in (Origin(departure.store).spec, state.spec.store))
        self._keeping = find_reason_to_keep(state, place.cluster, self._old, self._new) or self._find_sharers()
        self.failed = False
        self.facts = tell(state, departure, self._old.url, self._new.url, self._keeping)

    def _locate(self, spec: StoreSpec) -> Location:
        return locate_state(spec, self._state.metadata.namespace, self._state.cluster_name)

    def _find_sharers(self) -> str:
        key = (self._state.metadata.namespace, self._state.metadata.name)
        others = self._context.claims.sharers(key, [self._old.common.url])
        return "another ClusterState refers to them" if others else ""

    def is_due(self) -> bool:
        """Whether it is asked for, and nobody reads the old place any more."""
        updated = is_updated(self._place.sight.observed.state.completed, self._old, self._new)
        return not self._keeping and updated and is_rolled(self._state, self._new, self._departure)

    async def go(self, note: Note) -> None:
        """Have the old place clean; a failure is told, not raised."""
        seconds = parse_duration(self._state.spec.sync.timeout).total_seconds() * SHARE
        try:
            async with asyncio.timeout(seconds):
                kept = await self._delete(note, seconds)
            await note(replace(self._departure, cleaned_up=True))
        except TimeoutError:
            self._fail("are being deleted; the next run goes on. Where this repeats, raise spec.sync.timeout.")
        except ClusterStateError as error:
            self._fail(f"can't be deleted: {error.fact} It is tried again.")
        else:
            self.facts = tell_cleaned(self.facts, kept)

    def _fail(self, what: str) -> None:
        self.facts = replace(self.facts, message=f"The old files at {self._old.url} {what}")
        self.failed = True

    async def _delete(self, note: Note, seconds: float) -> list[str]:
        access, place = await self._access(), self._place
        async with Sources(self._context.client, access, writes=True) as sources:
            old, listing, known = await sources.list_state(None, seconds)
            if access.location.identity(sources.endpoint or "") == place.identity:
                raise MigrationRefused("Both places are one.")
            gone, kept = deletable(listing, self._departure, spared_keys(place.cluster, self._old))
            places = known.places if known else OWN_PLACE
            mine = [each for each in gone if places.url_of(each.key)[0] is None]
            kept += [each.key for each in gone if places.url_of(each.key)[0] is not None]
            if listing.digest == self._departure.digest:
                self._departure = replace(self._departure, cleaning=True)
                await note(self._departure)

            async def delete(entry: Entry) -> None:
                await old.delete(entry.key, expect=entry.version)

            await run_each([each for each in mine if each.key != CONFIG], delete)
            await self._delete_backups(old, place.tree)
            await run_each([each for each in mine if each.key == CONFIG], delete)
            return kept

    async def _access(self) -> Access:
        reader = self._context.reader(self._state.metadata.namespace)
        return await reader.access(Origin(self._departure.store).spec, self._state.cluster_name)

    async def _delete_backups(self, old: Tree, new: Tree) -> None:
        """Delete each backup that is at the new place too, byte for byte, where all of them were copied."""
        if self._state.spec.sync.migration.backups is not Backups.ALL:
            return
        listing = await old.list_files(backups=True)

        async def delete_copied(entry: Entry) -> None:
            try:
                there = await see(*new.at(entry.key), entry.size)
            except KeyNotFound:
                return
            here = await see(*old.at(entry.key), entry.size)
            if there.digest == here.digest:
                await old.delete(entry.key, expect=here.version)

        await run_each([each for key, each in listing.entries.items() if key.startswith(BACKUPS)], delete_copied)
