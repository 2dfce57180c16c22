"""The way of a state from one place to another, in one run or in many, whatever ends them in between.

access  = gather.Reader.access          who we are to both stores
move    = plan.rewriting.Move           which URLs follow, which can't
compare = apply.migration.Copying       what is at the target already must be a copy
intend  = apply.history.History         an intent: from here on what differs at the target is an older copy
copy    = apply.migration.Copying       until the source stands still, `config` last and with its new URLs
settle  = apply.history.History         the switch: the newest revision names the new place

Until the switch the source counts, and whatever is at the target is copies; a run that finds the intent looks at
every file anew. After the switch the old files stay until `cleanup` may delete them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any, Final, Protocol

from clusterstate.api.durations import parse_duration
from clusterstate.api.store import StoreSpec
from clusterstate.api.types import ClusterState
from clusterstate.apply.history import History
from clusterstate.apply.migration import Copied, Copying
from clusterstate.context import Context, Memory
from clusterstate.errors import (
    MigrationRefused,
    MigrationRunning,
    StoreNotFound,
)
from clusterstate.facts import origin_of, past_of
from clusterstate.gather import Access, Sources, places_of
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import list_revisions
from clusterstate.plan.changes import Plan
from clusterstate.plan.departure import Departure
from clusterstate.plan.migration import (
    Migration,
    choose_backups,
    different_files,
    require_whole,
    strangers,
)
from clusterstate.plan.observed import Applied
from clusterstate.plan.place import Origin, as_plain, is_elsewhere, locate_state
from clusterstate.plan.rewriting import Move
from clusterstate.planning import Sight
from clusterstate.relocation.bringing import Bringing, choose_files, form_of
from clusterstate.relocation.config import Config, plan_move, rewritten
from clusterstate.relocation.finding import find_old_place
from clusterstate.relocation.source import Source
from clusterstate.state.layout import BACKUPS, CONFIG
from clusterstate.state.tree import Listing, Tree
from clusterstate.store.base import Entry
from clusterstate.store.location import Location

SHARE: Final = 0.75
"""Of a run's time: what isn't copied by then is the next run's."""
TELL_AFTER: Final = 10.0
"""Seconds after which a run tells how far it is."""
TELL_EVERY: Final = 5.0


class Run(Protocol):
    """What the run does for a migration at its turns."""

    async def show(self, access: Access, tree: Tree, listing: Listing) -> tuple[Sight, History]:
        """Read a state and do with it what needs no write to a store."""
        ...

    async def check(self) -> None:
        """Raise when the object isn't the one any more that the run began with."""
        ...

    def claim(self, access: Access, endpoint: str | None) -> None:
        """Claim a state that was reached; raise `StateClaimed`."""
        ...

    async def progress(self) -> None:
        """Tell how far the run is."""
        ...


async def find_relocation(context: Context, state: ClusterState, memory: Memory, run: Run) -> "Relocation | None":
    """Give what has to be done since the object leads to another place than the newest push; None: nothing.

    Raises what `Reader.access` raises; the message says what has to be put back.
    """
    if not memory.origin_read:
        past = past_of(await list_revisions(context.client, Owner.of(state.metadata)))
        memory.origin, memory.origin_read = origin_of(past.applied), True
    old = await find_old_place(context.client, context.reader(state.metadata.namespace), state, memory.origin)
    if old is None:
        memory.copied = None
        return None
    return Relocation(context, state, memory, old, run)


class Relocation:
    """One run's part of one migration."""

    def __init__(self, context: Context, state: ClusterState, memory: Memory, old: Access, run: Run) -> None:
        """Take what the run knows, and how the old place is reached."""
        assert memory.origin is not None, "else nothing has to move"
        self.old = old
        self._context = context
        self._state = state
        self._memory = memory
        self._origin = memory.origin
        self._run = run
        self._files = self._most = 0
        self._copying: Copying | None = None
        self._seconds = parse_duration(state.spec.sync.timeout).total_seconds() * SHARE
        self._began = self._told = context.clock()
        self._old = old.location.url
        self._new = self._locate(state.spec.store).url
        way = (self._old, self._new, self._origin.place)
        if memory.copied is None or memory.copied.way != way:
            memory.copied = Copied(way)
        self._copied = memory.copied

    def _locate(self, spec: StoreSpec) -> Location:
        return locate_state(spec, self._state.metadata.namespace, self._state.cluster_name)

    @property
    def facts(self) -> Migration:
        """How far the state has come, as status has it."""
        planned = self._state.spec.sync.dry_run
        message = (
            f"{self._files} files would be copied; in a dry run nothing is."
            if planned
            else f"Until all files are at {self._new} and verified, those at {self._old} count, and nothing is pushed."
        )
        return Migration(
            self._old,
            self._new,
            "Planned" if planned else "Copying",
            files=self._files,
            copied=min(len(self._copied.pairs), self._files),
            bytes=sum(self._copied.sizes.values()),
            message=message,
        )

    async def look(self, source: Source) -> None:
        """Count what is to be copied, for a dry run; raise what would keep it from being copied."""
        target = await self._find_target()
        async with Sources(self._context.client, target, writes=False) as sources:
            self._most = min(source.tree.most, sources.most)
            move = plan_move(self._state, source.access, target, source.spec, source.declared)
            await self._foresee_strangers(source, move, sources)
        self._choose(move, source, source.listing, await self._backups(source))

    async def _foresee_strangers(self, source: Source, move: Move, sources: Sources) -> None:
        try:
            _, there = await sources.list_at(move.places_after(source.spec))
        except StoreNotFound:
            return  # the move makes the bucket where it can
        foreign = (
            [] if self._is_resumed(source, there.without_backups) else strangers(source.listing.entries, there.entries)
        )
        if foreign:
            raise different_files(foreign, self._new)

    async def go(self) -> None:
        """Move the state on; mirrors follow the old place so long. Raises `MigrationRunning` where more is to do."""
        async with Sources(self._context.client, self.old, writes=False) as sources:
            try:
                tree, listing, _ = await sources.list_state(None, self._seconds)
            except StoreNotFound:
                if not await self._has_arrived():
                    raise
                return
            if CONFIG in listing.entries:
                sight, history = await self._run.show(self.old, tree, listing)
                await self._move(Source(self.old, sight, tree, listing), history)
            elif not await self._has_arrived():
                await self._require_nothing_lost()

    async def _require_nothing_lost(self) -> None:
        """Raise `MigrationRefused` where the old place had a state, and neither place has its `config` now."""
        past = past_of(await list_revisions(self._context.client, Owner.of(self._state.metadata)))
        pushed = past.applied is not None and (past.applied.cluster or past.applied.instance_groups)
        if pushed or any(each.departure for each in past.intents):
            raise MigrationRefused(
                f"{self._old} holds no config any more, and {self._new} none yet; nothing was written. Restore the old "
                "place, or set spec.store back."
            )

    async def _has_arrived(self) -> bool:
        """Whether the new place has a state already, moved there by hand."""
        async with Sources(self._context.client, await self._find_target(), writes=False) as sources:
            _, listing, _ = await sources.list_state(None, self._seconds)
            return CONFIG in listing.entries

    async def _move(self, source: Source, history: History) -> None:
        target = await self._find_target()
        move = plan_move(self._state, source.access, target, source.spec, source.declared)
        try:
            async with asyncio.timeout(self._seconds - (self._context.clock() - self._began)):
                await self._move_to(target, source, history, move)
        except TimeoutError:
            raise MigrationRunning(
                f"{self.facts.copied} of {self._files} files are at {self._new}, verified; the next run goes on. Until "
                f"then {self._old} counts.{self._copying.advice if self._copying else ''}"
            ) from None

    async def _find_target(self) -> Access:
        reader = self._context.reader(self._state.metadata.namespace)
        return await reader.access(self._state.spec.store, self._state.cluster_name)

    async def _move_to(self, target: Access, source: Source, history: History, move: Move) -> None:
        acl_from = target.acl_of_copies(source.access)
        async with Sources(self._context.client, target, writes=True, creates=True, acl_from=acl_from) as sources:
            new, there = await sources.list_at(move.places_after(source.spec))
            self._most = min(source.tree.most, new.most)
            self._run.claim(target, sources.endpoint)
            self._copied.keep_to(there.entries)
            identity = target.location.identity(sources.endpoint or "")
            if identity == source.identity and target.layout is source.access.layout:
                await self._rename(source, move, new)
                await self._switch(source, history, move, identity, None)
                return
            self._copying = copying = Copying(
                source=source.tree,
                target=new,
                place=target.location.url,
                there=dict(there.entries),
                copied=self._copied,
                resumed=self._is_resumed(source, there.without_backups),
                tell=self._progress,
                form_of=form_of(source.access, target, self._state.cluster_name),
            )
            last = await self._bring(source, history, move, copying)
            await self._switch(source, history, move, identity, last)

    async def _bring(self, source: Source, history: History, move: Move, copying: Copying) -> Listing:
        """Have the target hold everything; give the source as it was when it stood still."""
        listing, backups = source.listing, await self._backups(source)
        config = Config(move, copying, source.spec)
        bringing = Bringing(copying, config, self._old, lambda found: self._choose(move, source, found, backups))
        require_whole({*listing.entries, *self._copied.pairs}, listing.entries, self._old)
        bringing.choose(listing)
        if not copying.resumed:
            await bringing.refuse_strangers(listing)
        await self._run.check()
        await history.intend(self._intent(source.base), Plan())
        return await bringing.finish(listing)

    async def _rename(self, source: Source, move: Move, new: Tree) -> None:
        """Have `config` say the new URL of the same place."""
        entry = source.listing.entries.get(CONFIG)
        if entry is not None:
            blob = await source.tree.read(CONFIG)
            await self._run.check()
            await new.write(CONFIG, rewritten(blob.data, move), expect=blob.version)

    async def _switch(self, source: Source, history: History, move: Move, identity: str, last: Listing | None) -> None:
        """Settle that the state is at its new place; `last` is the old one as it was copied."""
        await self._run.check()
        departure = source.departure if last is None else self._departure(last, source.departure)
        store, base = as_plain(self._state.spec.store), source.base
        moved = replace(
            _moved(move, base),
            shown=base.shown and _moved(move, base.shown),
            declared=base.declared and _moved(move, base.declared),
        )
        await history.settle(replace(moved, store=store, place=identity, departure=departure))
        self._memory.origin, self._memory.copied = Origin(store, identity), None

    def _departure(self, last: Listing, before: Departure | None) -> Departure:
        left = [*before.earlier] if before else []
        if before is not None and not before.cleaned_up:
            left.append(self._locate(Origin(before.store).spec).url)
        return Departure(
            store=dict(self._origin.store),
            digest=last.digest,
            last_change=last.last_change.astimezone(UTC).isoformat() if last.last_change else "",
            files=self._files,
            bytes=self.facts.bytes,
            generation=self._state.metadata.generation,
            earlier=tuple(url for url in dict.fromkeys(left) if url != self._new),
        )

    async def _backups(self, source: Source) -> list[Entry]:
        every = await source.tree.list_files(backups=True)
        found = (entry for key, entry in every.entries.items() if key.startswith(BACKUPS))
        return choose_backups(found, self._state.spec.sync.migration.backups)

    def _choose(self, move: Move, source: Source, listing: Listing, backups: list[Entry]) -> list[Entry]:
        """Give what moves; raise `MigrationRefused` where a file is too large."""
        places = places_of(source.cluster, source.access)
        chosen = choose_files([*listing.entries.values(), *backups], move, places, self._most)
        self._files = len(chosen)
        return chosen

    def _intent(self, base: Applied) -> Applied:
        departure = Departure(store=dict(self._origin.store))
        return replace(base, store=as_plain(self._state.spec.store), place="", departure=departure)

    def _is_resumed(self, source: Source, there: Listing) -> bool:
        """Whether whatever differs at the target is known to be an older copy.

        An intent of ours stands, or the state goes back to where it came from and nobody has written there since.
        """
        for intent in source.sight.observed.intents:
            if intent.departure is not None and intent.store is not None:
                same_way = intent.departure.store == self._origin.store
                if same_way and self._leads_here(intent.store):
                    return True
        before = source.departure
        return before is not None and before.digest == there.digest and self._leads_here(before.store)

    def _leads_here(self, store: Mapping[str, Any]) -> bool:
        state = self._state
        return not is_elsewhere(Origin(store).spec, state.spec.store, state.metadata.namespace, state.cluster_name)

    async def _progress(self) -> None:
        now = self._context.clock()
        if now - self._began > TELL_AFTER and now - self._told > TELL_EVERY:
            self._told = now
            await self._run.progress()


def _moved(move: Move, applied: Applied) -> Applied:
    return applied if applied.cluster is None else replace(applied, cluster=move.rewrite(applied.cluster))
