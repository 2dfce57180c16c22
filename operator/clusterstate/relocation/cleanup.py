"""Puts the old place of a state away, once nobody reads it any more."""

from dataclasses import replace

from clusterstate.api.sync import Backups
from clusterstate.api.types import ClusterState
from clusterstate.apply.migration import each_of
from clusterstate.context import Context
from clusterstate.errors import ClusterStateError, KeyNotFound
from clusterstate.gather import Access, Reader, Sources
from clusterstate.plan.departure import Departure
from clusterstate.plan.migration import Migration, refuse_different
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
from clusterstate.state.layout import CONFIG
from clusterstate.state.objects import State
from clusterstate.state.tree import Tree
from clusterstate.store.base import Entry
from clusterstate.store.location import Location


class CleanUp:
    """What is left to do after one migration."""

    def __init__(self, context: Context, state: ClusterState, departure: Departure, new: Location) -> None:
        """Take where the state came from, and where it is."""
        self._context = context
        self._state = state
        self.departure = departure
        self._old = locate_state(Origin(departure.store).spec, state.metadata.namespace, state.cluster_name)
        self._new = new
        self.facts: Migration | None = None
        """What status says; None: nothing new."""

    async def go(self, read: State, tree: Tree, *, writes: bool, seconds: float) -> None:
        """Delete the old files if that is asked for and nobody reads them any more; a failure is told, not raised."""
        if self.departure.cleaned_up:
            return
        keeping = find_reason_to_keep(self._state, read.cluster, self._old, self._new)
        self.facts = tell(self._state, self.departure, self._old.url, self._new.url, keeping)
        updated = is_updated(read.completed, self._old, self._new)
        if keeping or not writes or not updated or not is_rolled(self._state, self._new):
            return
        try:
            kept = await self._delete(read, tree, seconds)
        except ClusterStateError as error:
            message = f"The old files at {self._old.url} can't be deleted: {error.message} It is tried again."
            self.facts = replace(self.facts, message=message)
            return
        self.departure = replace(self.departure, cleaned_up=True)
        self.facts = tell_cleaned(self.facts, kept)

    async def _delete(self, read: State, new: Tree, seconds: float) -> list[str]:
        access = await self._access()
        async with Sources(self._context.client, access, writes=True) as sources:
            old, listing, known = await sources.list_state(None, seconds)
            if _is_same(access, sources.endpoint, self._new, new.trunk.endpoint):
                raise refuse_different([CONFIG], self._old.url)
            gone, kept = deletable(listing, self.departure, spared_keys(read.cluster, self._old))
            places = known.places if known else None
            mine = [each for each in gone if places is None or places.url_of(each.key)[0] is None]
            backups = await self._copied_backups(old, new)
            last = [each for each in mine if each.key == CONFIG]

            async def delete(entry: Entry) -> None:
                await old.delete(entry.key, expect=entry.version)

            await each_of([*backups, *(each for each in mine if each.key != CONFIG)], delete)
            await each_of(last, delete)
            return kept

    async def _access(self) -> Access:
        context = self._context
        reader = Reader(context.client, context.settings, context.environ, self._state.metadata.namespace)
        return await reader.access(Origin(self.departure.store).spec, self._state.cluster_name)

    async def _copied_backups(self, old: Tree, new: Tree) -> list[Entry]:
        """Give the backups that are at the new place too, byte for byte, where all of them were copied."""
        if self._state.spec.sync.migration.backups is not Backups.ALL:
            return []
        same: list[Entry] = []

        async def compare(entry: Entry) -> None:
            try:
                there = await new.read(entry.key)
            except KeyNotFound:
                return
            if there.data == (await old.read(entry.key)).data:
                same.append(entry)

        await each_of((await old.list_backups()).values(), compare)
        return same


def _is_same(access: Access, endpoint: str | None, new: Location, new_endpoint: str | None) -> bool:
    return access.location.identity(endpoint or "") == new.identity(new_endpoint or "")
