"""Puts the old place of a state away, once nobody reads it any more."""

from dataclasses import replace

from clusterstate.api.store import StoreSpec
from clusterstate.api.sync import Backups
from clusterstate.api.types import ClusterState
from clusterstate.apply.migration import each_of
from clusterstate.context import Context
from clusterstate.errors import ClusterStateError, KeyNotFound, MigrationRefused
from clusterstate.gather import Access, Reader, Sources
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
from clusterstate.relocation.way import Source
from clusterstate.state.layout import BACKUPS, CONFIG
from clusterstate.state.tree import OWN_PLACE, Tree
from clusterstate.store.base import Entry
from clusterstate.store.location import Location


class CleanUp:
    """What is left to do after one migration."""

    def __init__(self, context: Context, state: ClusterState, departure: Departure) -> None:
        """Take where the state came from."""
        self._context = context
        self._state = state
        self.departure = departure
        self._old, self._new = (self._locate(each) for each in (Origin(departure.store).spec, state.spec.store))
        self.facts: Migration | None = None
        """What status says; None: nothing new."""

    def _locate(self, spec: StoreSpec) -> Location:
        return locate_state(spec, self._state.metadata.namespace, self._state.cluster_name)

    async def go(self, place: Source, *, writes: bool, seconds: float) -> None:
        """Delete the old files if that is asked for and nobody reads them any more; a failure is told, not raised."""
        if self.departure.cleaned_up:
            return
        read = place.sight.observed.state
        keeping = find_reason_to_keep(self._state, read.cluster, self._old, self._new)
        self.facts = tell(self._state, self.departure, self._old.url, self._new.url, keeping)
        updated = is_updated(read.completed, self._old, self._new)
        if keeping or not writes or not updated or not is_rolled(self._state, self._new):
            return
        try:
            kept = await self._delete(place, seconds)
        except ClusterStateError as error:
            message = f"The old files at {self._old.url} can't be deleted: {error.message} It is tried again."
            self.facts = replace(self.facts, message=message)
            return
        self.departure = replace(self.departure, cleaned_up=True)
        self.facts = tell_cleaned(self.facts, kept)

    async def _delete(self, place: Source, seconds: float) -> list[str]:
        access = await self._access()
        async with Sources(self._context.client, access, writes=True) as sources:
            old, listing, known = await sources.list_state(None, seconds)
            if access.location.identity(sources.endpoint or "") == place.identity:
                raise MigrationRefused("Both places are one.")
            gone, kept = deletable(listing, self.departure, spared_keys(place.cluster, self._old))
            places = known.places if known else OWN_PLACE
            mine = [each for each in gone if places.url_of(each.key)[0] is None]

            async def delete(entry: Entry) -> None:
                await old.delete(entry.key, expect=entry.version)

            backups = await self._copied_backups(old, place.tree)
            await each_of([*backups, *(each for each in mine if each.key != CONFIG)], delete)
            await each_of([each for each in mine if each.key == CONFIG], delete)
            return kept

    async def _access(self) -> Access:
        context = self._context
        reader = Reader(context.client, context.settings, context.environ, self._state.metadata.namespace)
        return await reader.access(Origin(self.departure.store).spec, self._state.cluster_name)

    async def _copied_backups(self, old: Tree, new: Tree) -> list[Entry]:
        """Give the backups that are at the new place too, byte for byte, where all of them were copied."""
        if self._state.spec.sync.migration.backups is not Backups.ALL:
            return []
        listing = await old.list_files(backups=True)
        same: list[Entry] = []

        async def compare(entry: Entry) -> None:
            try:
                there = await new.read(entry.key)
            except KeyNotFound:
                return
            if there.data == (await old.read(entry.key)).data:
                same.append(entry)

        await each_of([each for key, each in listing.entries.items() if key.startswith(BACKUPS)], compare)
        return same
