"""The way itself: open, list, read, plan, apply, mirror, and an outcome on every path.

access  = gather.Reader.access          who we are to the store
tree    = gather.Sources.list_state     one list; nothing more when nothing changed
sight   = planning.look                 bytes -> State, and what was applied before
          planning.with_contents        what is declared in Secrets and ConfigMaps
plan    = planning.decide               declared x applied x observed, pure; it sees digests of contents only
listing = apply.run.write_files         conditional writes, an intent before, settled after
pull    = planning.bring                what others wrote to the store and nobody declares, into the spec
found   = following.follow_state        State -> Secrets, and what is told of keysets; without a push too
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from clusterstate.api.annotations import CLOUD_UPDATED, CONFIRM_PLAN, RECONCILE_REQUESTED_AT, ROLLED
from clusterstate.api.durations import parse_duration
from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.apply.history import History, Keeping
from clusterstate.apply.hook import HookRunner, has_ended, make_order
from clusterstate.apply.run import make_files, write_files
from clusterstate.claiming import lay_claim, require_claim
from clusterstate.context import Body, Context, Key, Memory, Result, Tell, keep_silent, seconds_until, take_access
from clusterstate.errors import (
    ClusterStateError,
    LostRace,
    MigrationRunning,
    ObjectChanged,
    RunRefused,
    RunUnfinished,
    SpecInvalid,
    SpecTooLarge,
)
from clusterstate.facts import Findings, newest_told, origin_of, store_facts
from clusterstate.following import follow_state, note_cloud
from clusterstate.gather import Access, Sources, known_of, require_places
from clusterstate.kube.finalizer import hold, is_held, release
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.kube.owner import Owner
from clusterstate.mirroring import look_at_templates
from clusterstate.plan.changes import Plan
from clusterstate.plan.deletion import deletes
from clusterstate.plan.departure import Departure
from clusterstate.plan.desired import Desired
from clusterstate.plan.hook import WANTED
from clusterstate.plan.outcome import (
    Outcome,
    is_called_for,
    make_bare_request,
    make_request,
)
from clusterstate.plan.refusal import find_refusal
from clusterstate.plan.telling import tell_declarer
from clusterstate.planning import Sight, bring, decide, foresee, look, with_contents, with_generated
from clusterstate.pulling import carry_out
from clusterstate.relocation.cleanup import clean_up
from clusterstate.relocation.source import Source
from clusterstate.relocation.way import Relocation, find_relocation
from clusterstate.removal import remove
from clusterstate.state.layout import CONFIG
from clusterstate.state.objects import State
from clusterstate.state.tree import Listing, Tree
from clusterstate.way import LIST_SHARE, Staged, go_within_limits

log = logging.getLogger(__name__)

TOLD_BY_PEOPLE = (RECONCILE_REQUESTED_AT, CLOUD_UPDATED, CONFIRM_PLAN, ROLLED)
"""Annotations that a run depends on."""
JOB_LOOK = 5.0
"""Seconds between two looks at a Job that runs."""


async def run(context: Context, body: Body, memory: Memory, tell: Tell = keep_silent) -> Result:
    """Bring one object and its state together, as far as it can be done now. Raises nothing but cancellation."""
    if "deletionTimestamp" in body["metadata"]:
        return await remove(context, body, memory)
    try:
        state = load(body)
    except SpecInvalid as error:
        memory.fingerprint = None
        return Result(Outcome(make_bare_request(body), error), None)
    if state.spec.suspend:
        memory.fingerprint = None
        return Result(Outcome(make_request(state)), None)
    one = Run(context, state, memory, tell)
    outcome, interval = await _outcome(one), parse_duration(state.spec.sync.interval).total_seconds()
    interval = min(interval, JOB_LOOK if memory.job else interval, memory.rollout_look)
    return Result(outcome, interval, tuple(one.freed), one.written, seconds_until(memory.look_again, one.found.now))


async def _outcome(one: "Run") -> Outcome | None:
    try:
        unchanged = await go_within_limits(one)
        return None if unchanged else one.outcome()
    except ClusterStateError as error:
        one.memory.fingerprint = None
        return one.outcome(error)


class Run(Staged):
    """One run of one object; its fields fill as it goes, and make the outcome wherever it ends."""

    def __init__(self, context: Context, state: ClusterState, memory: Memory, tell: Tell = keep_silent) -> None:
        """Take what is shared, the object, what the run before remembered, and who is told how a long run goes."""
        self.context = context
        self.state = state
        self.memory = memory
        self.tell = tell
        self.owner = Owner.of(state.metadata)
        self.key = (self.owner.namespace, self.owner.name)
        self.references = context.references(self.key)
        self.request = make_request(state)
        self.freed: list[Key] = []
        self.seconds = parse_duration(state.spec.sync.timeout).total_seconds()
        self.writes = state.spec.sync.writes
        self.found = Findings(context.now())
        self.written: Body | None = None
        self.relocation: Relocation | None = None
        self.unclean = False
        self.templates: tuple[str, ...] = ()

    def outcome(self, error: ClusterStateError | None = None) -> Outcome:
        """Give what has come of the run so far."""
        migration = self.relocation.facts if self.relocation else self.found.migration
        return replace(self.found, migration=migration).outcome(self.request, error)

    async def go(self) -> bool:
        """Do it all; True when nothing had changed since the last complete run."""
        if not deletes(self.state.spec.sync):
            await self._be_held(wanted=False)
        self.relocation = await find_relocation(self.context, self.state, self.memory, self)
        if self.relocation is not None and self.writes:
            if deletes(self.state.spec.sync):
                await self._be_held(wanted=True)
            await self.relocation.go()
            self.relocation = None
        access = await self._find_access()
        creates = bool(self.state.spec.cluster)
        async with Sources(self.context.client, access, writes=self.writes, creates=creates) as sources:
            self.claim(access, sources.endpoint, reached=False)
            self.enter("list", f"listing {access.location.url}")
            with self.context.health.look(access.shared, self.key, forced=self._is_asked_for()) as freed:
                seconds = self.seconds * LIST_SHARE
                tree, listing, self.memory.known = await sources.list_state(self.memory.known, seconds)
            self.freed += freed
            self.claim(access, sources.endpoint)
            self.templates = await look_at_templates(self.context, self.state, self.memory)
            if self._unchanged(access, listing) and not await self._has_job_ended():
                return True
            await self._bring_together(access, tree, listing)
        return False

    async def _find_access(self) -> Access:
        """Find out how to reach the store, and let go of how it was reached before where that has changed.

        A dry run of a move looks at the old place, where the state still is.
        """
        context = self.context
        if self.relocation is not None:
            access = self.relocation.old
        else:
            access = await context.reader(self.owner.namespace).access(self.state.spec.store, self.state.cluster_name)
        take_access(context, self.key, self.memory, access)
        return access

    def _is_asked_for(self) -> bool:
        """Whether a person changed the object, or asked for a run, since the last one that was told."""
        return self._is_called_for() or self.state.status.observed_generation != self.state.metadata.generation

    def _is_called_for(self) -> bool:
        """Whether a person asked for this run by annotation."""
        return is_called_for(self.state)

    async def show(self, access: Access, tree: Tree, listing: Listing) -> tuple[Sight, History]:
        """Read a state and do with it what needs no write to a store."""
        sight, history = await self._look(access, tree, listing)
        async with self._reported_anyway(sight):
            sight = await self._complete(sight)
        await self._report(sight, sight.observed.state)
        self.enter("move", f"moving the state away from {access.location.url}")
        return sight, history

    async def progress(self) -> None:
        """Tell how far the run is: until it ends, the object isn't at its new place."""
        if self.relocation is not None:
            await self.tell(self.outcome(MigrationRunning(self.relocation.facts.message)))

    def claim(self, access: Access, endpoint: str | None, *, reached: bool = True) -> None:
        """Claim a state; where only the store's answer tells which it is, not before that. Raises `StateClaimed`."""
        self.memory.endpoint = endpoint
        if endpoint is None:
            return
        self.freed += lay_claim(self.context, self.state, access, endpoint, proven=reached)
        require_claim(self.context, self.owner, access)

    def _unchanged(self, access: Access, listing: Listing) -> bool:
        memory = self.memory
        due = memory.look_again is not None and memory.look_again <= self.found.now
        records = self.context.present(self.owner.namespace, self.owner.uid)
        present = {name: record.digest for name, record in records.items()}
        return memory.fingerprint == self._fingerprint(access, listing, present) and not due

    async def _bring_together(self, access: Access, tree: Tree, listing: Listing) -> None:
        sight, _ = await self._look(access, tree, listing)
        async with self._reported_anyway(sight):
            sight = await self._complete(sight)
            state, listing = await self._apply(access, sight, tree, listing)
        if self.found.pushed and CONFIG in listing.entries:
            self.memory.known = known_of(listing.entries[CONFIG].version, state.cluster, access)
        self.found.facts = store_facts(access, tree, listing)
        await self._report(sight, state)
        await self._pull(sight.desired, state)
        await self._follow_up(access, state)
        await self._finish_move(Source(access, sight, tree, listing))
        self._remember(access, listing)
        if self.found.pushed and self.found.plan is not None and self.found.plan.held:
            raise RunUnfinished(f"{'; '.join(self.found.plan.warnings)}.")

    async def _look(self, access: Access, tree: Tree, listing: Listing) -> tuple[Sight, History]:
        self.enter("read", f"reading {access.location.url}")
        self.found.facts = store_facts(access, tree, listing)
        sight = await look(self.context.client, self.state, access, tree, listing)
        self.found.history = History(self.context.client, self.owner, sight.revisions, self._keeping())
        return sight, self.found.history

    async def _complete(self, sight: Sight) -> Sight:
        """Give everything that a decision is made from; raise what keeps one from being made."""
        sight.require_whole()
        self.enter("refer", "reading what the declaration refers to")
        return await with_contents(self.context.client, self.state, sight, self.context.digests)

    @asynccontextmanager
    async def _reported_anyway(self, sight: Sight) -> AsyncIterator[None]:
        """Whatever ends a run on its way to a push: mirrors, and what is told of certificates, follow the store.

        Not the declaration that was planned from, where somebody has changed it meanwhile.
        """
        try:
            yield
        except (ObjectChanged, LostRace):
            raise
        except ClusterStateError:
            with suppress(ClusterStateError):
                await self._report(sight, sight.observed.state)
            raise

    async def _apply(self, access: Access, sight: Sight, tree: Tree, listing: Listing) -> tuple[State, Listing]:
        """Plan, and push what may be pushed; give the state and its listing then."""
        self._decide(sight)
        if self.found.plan is None or self.found.refusal is not None:
            return sight.observed.state, listing
        foreseen = foresee(sight, self.found.plan)
        self.found.refusal = self._refuse(self.found.plan, foreseen.state, access, listing)
        if self.found.refusal is not None or not self.writes:
            return sight.observed.state, listing
        require_places(foreseen.state.cluster, access)
        foreseen = await with_generated(sight, self.found.plan, foreseen, self.found.now)
        return foreseen.state, await self._push(self.found.plan, access, tree, listing, foreseen.bodies)

    def _keeping(self) -> Keeping:
        limit, wanted = self.state.spec.sync.revision_history_limit, self.state.spec.after_push is not None
        told = newest_told(self.state.status)
        return Keeping(limit, tell_declarer(self.state.metadata.managed_fields), WANTED if wanted else "", told)

    def _decide(self, sight: Sight) -> None:
        self.enter("plan", "planning")
        try:
            self.found.plan = decide(sight, self.found.now)
        except RunRefused as refusal:
            self.found.refusal = refusal

    async def _push(
        self, plan: Plan, access: Access, tree: Tree, listing: Listing, bodies: Mapping[str, bytes]
    ) -> Listing:
        assert self.found.history is not None, "the state was looked at"
        self.enter("push", f"writing to {access.location.url}")
        files = make_files(plan, bodies)
        if deletes(self.state.spec.sync) and access.location.scheme != "file":
            await self._be_held(wanted=True)
        if files:
            await self.check()
            self.claim(access, tree.trunk.endpoint)
            await self.found.history.intend(plan.applied, plan)
        listing = await write_files(tree, files, listing, self.found.now)
        await self.found.history.settle(plan.applied)
        self.memory.origin, self.found.pushed = origin_of(plan.applied), True
        return listing

    def _refuse(self, plan: Plan, after: State, access: Access, listing: Listing) -> RunRefused | SpecInvalid | None:
        """Give why a live plan may not be carried out; None: it may."""
        return find_refusal(self.state, self.context.settings, plan, after, listing.known_files, access.location)

    async def _be_held(self, *, wanted: bool) -> None:
        """Have the finalizer on, or off, where that isn't so; only on the very object that this run works from."""
        if is_held(self.state.metadata) is not wanted:
            put = hold if wanted else release
            self._take(await put(self.context.client, self.state.metadata))

    async def _pull(self, desired: Desired, state: State) -> None:
        """Bring into the spec what the store holds, where nobody else has the say."""
        self.enter("pull", "bringing into the spec what the store holds")
        try:
            self.found.pull = bring(self.state, desired, state)
        except SpecTooLarge as error:
            self.found.refusal = self.found.refusal or error
        if self.found.pull is not None and self.found.pull.changes and not self.state.spec.sync.dry_run:
            self.found.pull, body = await carry_out(
                self.found.pull, self.context.client, self.state, self.memory, asked=self._is_called_for()
            )
            self._take(body)

    def _take(self, body: Body | None) -> None:
        """Go on with the object as this run itself has left it; None: as it was."""
        if body is not None:
            self.written, self.state = body, load(body)
            self.request = replace(self.request, generation=self.state.metadata.generation)

    async def _follow_up(self, access: Access, state: State) -> None:
        """Start what follows a push, and see how it ends."""
        self.memory.job = ""
        if self.found.history is None or not self.context.settings.after_push_allowed(self.owner.namespace):
            return
        self.enter("follow-up", "following up the push by a Job")
        whole = self.found.pushed and self.found.plan is not None and not self.found.plan.held
        order = make_order(self.state, access.store.url, self.check) if whole else None
        self.found.hook = await HookRunner(self.context.client, self.owner, self.found.history, order).follow()
        self.memory.job = self.found.hook.job if self.found.hook is not None and self.found.hook.unfinished else ""
        note_cloud(self.state, state, self.found)

    async def _has_job_ended(self) -> bool:
        job = self.memory.job
        return bool(job) and await has_ended(self.context.client, self.owner.namespace, job)

    async def check(self) -> None:
        """Raise `ObjectNotFound` or `ObjectChanged` when the declaration isn't the one that was planned from."""
        there = await self.context.client.get(CLUSTER_STATES.without_bodies, *self.key)
        found, known = there["metadata"], self.state.metadata
        rolled = (found.get("annotations") or {}).get(ROLLED) == known.annotations.get(ROLLED)
        withdrawn = not rolled and not self.found.pushed and (self.found.plan or Plan()).rotates
        replaced = (found["uid"], found.get("generation")) != (known.uid, known.generation)
        if replaced or withdrawn or "deletionTimestamp" in found:
            raise ObjectChanged(
                f"ClusterState {self.owner} was changed or deleted during the run. The next one sees it."
            )

    async def _finish_move(self, place: Source) -> None:
        """Tell what a dry run would move, or what is left to do after a move."""
        if self.relocation is not None:
            await self.relocation.look(place)
            return
        self.enter("clean-up", "putting away the old place")
        done = await clean_up(self.context, self.state, place, self._note_departure if self.found.pushed else None)
        self.found.migration, self.unclean = done.facts, done.failed

    async def _note_departure(self, departure: Departure) -> None:
        assert self.found.plan is not None, "only after a push"
        assert self.found.history is not None, "only after a push"
        await self.found.history.settle(replace(self.found.plan.applied, departure=departure))

    async def _report(self, sight: Sight, state: State) -> None:
        self.enter("mirror", "mirroring into Secrets")
        await follow_state(self.context, self.state, self.memory, sight, state, self.found)
        self.templates = self.memory.templates

    def _remember(self, access: Access, listing: Listing) -> None:
        done = self.found.refusal is None and not self.unclean
        complete = done and self.found.mirrors is not None and not self.found.mirrors.problems
        self.memory.fingerprint = self._fingerprint(access, listing, self.memory.mirrors) if complete else None

    def _fingerprint(self, access: Access, listing: Listing, mirrors: Mapping[str, str]) -> tuple[object, ...]:
        metadata = self.state.metadata
        annotations = (metadata.annotations.get(name) for name in TOLD_BY_PEOPLE)
        mirrored = tuple(sorted(mirrors.items()))
        seen = (access, listing.digest, mirrored, self.templates, self.references)
        return (metadata.uid, metadata.generation, is_held(metadata), *annotations, *seen)
