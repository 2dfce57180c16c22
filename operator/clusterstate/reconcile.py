"""The way itself: open, list, read, plan, apply, mirror, and an outcome on every path.

access  = gather.Reader.access          who we are to the store
tree    = gather.Sources.list_state     one list; nothing more when nothing changed
read    = tree.read_state               bytes -> State
plan    = plan.diff.make_plan           declared x applied x observed, pure
listing = apply.run.write_files         conditional writes, an intent before, settled after
report  = mirror.sync                   State -> Secrets
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from clusterstate.api.annotations import CLOUD_UPDATED, RECONCILE_REQUESTED_AT, ROLLED
from clusterstate.api.durations import parse_duration
from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.apply.history import History
from clusterstate.apply.run import make_files, write_files
from clusterstate.context import Body, Context, Key, Memory, Result, Tell, keep_silent, let_go
from clusterstate.errors import (
    ClusterStateError,
    FileStoreIsForReview,
    ObjectChanged,
    RunRefused,
    RunTimedOut,
    SpecInvalid,
    StateClaimed,
    StoreNotFound,
    describe_bug,
)
from clusterstate.facts import applied_of, mirror_report, next_turn, origin_of, store_facts
from clusterstate.gather import Access, Reader, Sources, known_of
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import Revision, list_revisions
from clusterstate.mirror.manifest import digest_of, make_secret
from clusterstate.mirror.record import MirrorRecord
from clusterstate.mirror.rules import is_chosen
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.mirror.sync import sync
from clusterstate.plan.changes import Plan
from clusterstate.plan.claims import make_claim
from clusterstate.plan.cloud import CloudUpdate, Pushes, cloud_update
from clusterstate.plan.declare import declare
from clusterstate.plan.departure import Departure
from clusterstate.plan.desired import Desired, Direction
from clusterstate.plan.diff import make_plan
from clusterstate.plan.guards import find_refusal
from clusterstate.plan.migration import Migration
from clusterstate.plan.observed import Applied, Observed, specs_of
from clusterstate.plan.outcome import (
    Certificate,
    MirrorReport,
    Outcome,
    StoreFacts,
    make_bare_request,
    make_request,
    primary_certificates,
)
from clusterstate.plan.place import as_plain
from clusterstate.plan.settle import settle
from clusterstate.relocation.cleanup import CleanUp
from clusterstate.relocation.way import Past, Relocation, Source, Steps, find_source
from clusterstate.state.layout import CONFIG
from clusterstate.state.objects import State
from clusterstate.state.tree import Listing, Read, Tree, Wanted, no_name, read_state

log = logging.getLogger(__name__)

LIST_SHARE = 0.9
"""Of a run's time: who lists for longer than that can't do anything with the list."""


async def run(context: Context, body: Body, memory: Memory, tell: Tell = keep_silent) -> Result:
    """Bring one object and its state together, as far as it can be done now. Raises nothing but cancellation."""
    if "deletionTimestamp" in body["metadata"]:
        return Result(None, None)
    try:
        state = load(body)
    except SpecInvalid as error:
        memory.fingerprint = None
        return Result(Outcome(make_bare_request(body), error), None)
    if state.spec.suspend:
        memory.fingerprint = None
        return Result(Outcome(make_request(state)), None)
    interval = parse_duration(state.spec.sync.interval).total_seconds()
    one = Run(context, state, memory, tell)
    return Result(await _bounded(one), interval, tuple(one.freed))


async def _bounded(one: "Run") -> Outcome | None:
    try:
        async with asyncio.timeout(one.seconds):
            unchanged = await one.go()
        return None if unchanged else one.outcome()
    except TimeoutError:
        error: ClusterStateError = RunTimedOut(
            f"The run took longer than spec.sync.timeout ({one.seconds:g} s) while {one.doing}. What was written is "
            "whole; the next run goes on. Is the store slow? Allow more time if it always is."
        )
    except ClusterStateError as caught:
        error = caught
    except Exception as bug:  # noqa: BLE001 - one object's bug must not stop the others' runs
        # Not log.exception: the text of a foreign exception may hold secret bytes.
        log.error("%s: a bug: %s", one.owner, describe_bug(bug))  # noqa: TRY400
        error = ClusterStateError(f"{type(bug).__name__} while {one.doing}: this is a bug; the log has the details.")
    one.memory.fingerprint = None
    return one.outcome(error)


class Run:
    """One run of one object; its fields fill as it goes, and make the outcome wherever it ends."""

    def __init__(self, context: Context, state: ClusterState, memory: Memory, tell: Tell = keep_silent) -> None:
        """Take what is shared, the object, what the run before remembered, and who is told how a long run goes."""
        self.context = context
        self.state = state
        self.memory = memory
        self.tell = tell
        self.owner = Owner(state.metadata.namespace, state.metadata.name, state.metadata.uid)
        self.key = (self.owner.namespace, self.owner.name)
        self.request = make_request(state)
        self.now = context.now()
        self.doing = "finding out how to reach the store"
        self.freed: list[Key] = []
        sync_spec = state.spec.sync
        self.seconds = parse_duration(sync_spec.timeout).total_seconds()
        self.writes = sync_spec.direction is not Direction.PULL and not sync_spec.dry_run
        self.refusal: RunRefused | FileStoreIsForReview | None = None
        self.facts: StoreFacts | None = None
        self.plan: Plan | None = None
        self.pushed = False
        self.history: History | None = None
        self.certificates: tuple[Certificate, ...] | None = None
        self.mirrors: MirrorReport | None = None
        self.cloud: CloudUpdate | None = None
        self.relocation: Relocation | None = None
        self.migration: Migration | None = None
        self.departure: Departure | None = None

    def outcome(self, error: ClusterStateError | None = None) -> Outcome:
        """Give what has come of the run so far."""
        return Outcome(
            request=self.request,
            error=error or self.refusal,
            store=self.facts,
            plan=self.plan,
            pushed=self.pushed,
            history=self.history.applied if self.history else None,
            certificates=self.certificates,
            mirrors=self.mirrors,
            cloud=self.cloud,
            migration=self.relocation.facts if self.relocation else self.migration,
        )

    async def go(self) -> bool:
        """Do it all; True when nothing had changed since the last complete run."""
        old = await self._find_old_place()
        if old is not None and self.writes:
            await self._relocate(old)
            old = None
        access = await self._find_access(old)
        creates = bool(self.state.spec.cluster)
        async with Sources(self.context.client, access, writes=self.writes, creates=creates) as sources:
            self._claim(access, sources.endpoint, proven=False)
            self.doing = f"listing {access.location.url}"
            with self.context.health.look(access.shared, self.key, forced=self._is_asked_for()) as freed:
                seconds = self.seconds * LIST_SHARE
                tree, listing, self.memory.known = await sources.list_state(self.memory.known, seconds)
            self.freed += freed
            self._claim(access, sources.endpoint, proven=True)
            if self._unchanged(access, listing):
                return True
            await self._bring_together(access, tree, listing)
        return False

    async def _find_access(self, old: Access | None) -> Access:
        """Find out how to reach the store, and let go of how it was reached before where that has changed.

        A dry run of a move looks at the `old` place, where the state still is.
        """
        context = self.context
        reader = Reader(context.client, context.settings, context.environ, self.owner.namespace)
        access = old or await reader.access(self.state.spec.store, self.state.cluster_name)
        before, self.memory.access = self.memory.access, access
        if before is not None and before.shared != access.shared:
            let_go(context, self.key, before, keep=access)
            self.memory.known = None
        return access

    async def _find_old_place(self) -> Access | None:
        """Find out how to reach the place that the state has to leave; None where it is where it belongs."""
        if self.state.spec.sync.direction is Direction.PULL:
            return None
        memory = self.memory
        if not memory.origin_read:
            applied, _ = applied_of(await list_revisions(self.context.client, self.owner))
            memory.origin, memory.origin_read = origin_of(applied), True
        if memory.origin is None:
            return None
        old = await find_source(self.context, self.state, memory.origin)
        if old is not None:
            steps = Steps(self._check_presence, partial(self._claim, proven=True), self._tell)
            self.relocation = Relocation(self.context, self.state, memory, memory.origin, steps)
        return old

    async def _tell(self) -> None:
        await self.tell(self.outcome())

    async def _relocate(self, old: Access) -> None:
        """Move the state on; mirrors follow the old place so long. Raises `MigrationRunning` where more is to do."""
        relocation = self.relocation
        assert relocation is not None, "made with the old place"
        async with Sources(self.context.client, old, writes=False) as sources:
            self.doing = f"listing {old.location.url}, which the state is to leave"
            try:
                tree, listing, _ = await sources.list_state(None, self.seconds * LIST_SHARE)
            except StoreNotFound:
                if not await relocation.has_arrived():
                    raise
                listing = Listing({})
            if listing.files:
                source, past = await self._look_back(old, tree, listing)
                self.doing = f"moving the state away from {old.location.url}"
                await relocation.go(source, past)
        self.relocation = None

    async def _look_back(self, old: Access, tree: Tree, listing: Listing) -> tuple[Source, Past]:
        """Read what is to move, and do with it what needs no write to a store."""
        self.facts = store_facts(old, tree, listing)
        read = await read_state(tree, listing, self._wanted())
        applied, intents = applied_of(await self._read_history())
        assert self.history is not None, "just read"
        self._note_certificates(read.state)
        self._note_cloud(read.state)
        await self._mirror(read.state)
        identity = old.location.identity(tree.trunk.endpoint or "")
        base = settle(applied, intents, specs_of(read.state)) or Applied()
        departure = applied.departure if applied else None
        return (
            Source(old, identity, tree, listing, read.state.cluster),
            Past(self.history, base, departure, intents),
        )

    async def _read_history(self) -> tuple[Revision, ...]:
        revisions = await list_revisions(self.context.client, self.owner)
        self.history = History(
            self.context.client, self.owner, revisions, limit=self.state.spec.sync.revision_history_limit
        )
        return revisions

    def _is_asked_for(self) -> bool:
        """Whether a person changed the object, or asked for a run, since the last one that was told."""
        status, token = self.state.status, self.request.reconcile_token
        asked = token is not None and token != status.last_handled_reconcile_at
        return asked or status.observed_generation != self.state.metadata.generation

    def _claim(self, access: Access, endpoint: str | None, *, proven: bool) -> None:
        """Claim the state; where only the store's answer tells which it is, not before that."""
        self.memory.endpoint = endpoint
        if endpoint is None:
            return
        claims, provable = self.context.claims, not access.detoured
        claim = make_claim(self.state, access.location.identity(endpoint), proven=proven and provable)
        before = claims.get(self.key)
        if provable and before is not None and before.proves(claim):
            claim = replace(claim, proven=True)
        self.freed += claims.set(self.key, claim)
        holder = claims.holder(self.key)
        if holder is not None:
            log.info("%s: %s/%s holds %s", self.owner, *holder, access.location.url)
            who = f"ClusterState {holder[1]}" if holder[0] == self.owner.namespace else "One of another namespace"
            raise StateClaimed(
                f"{who} is older and writes to {access.location.url} already. Delete one of the two, or let this one "
                "only pull."
            )

    def _unchanged(self, access: Access, listing: Listing) -> bool:
        memory = self.memory
        due = memory.look_again is not None and memory.look_again <= self.now
        return memory.fingerprint == self._fingerprint(access, listing, self._present_digests()) and not due

    async def _bring_together(self, access: Access, tree: Tree, listing: Listing) -> None:
        self.doing = f"reading {access.location.url}"
        self.facts = store_facts(access, tree, listing)
        read = await read_state(tree, listing, self._wanted())
        desired = declare(self.state, access.store.url)
        self._decide(desired, read, await self._read_history())
        self._note_place(access, tree)
        if self.plan is not None and self.refusal is None:
            listing = await self._push(access, tree, listing)
        state = self.plan.state_after(read.state) if self.plan and self.pushed else read.state
        if self.pushed and CONFIG in listing.entries:
            self.memory.known = known_of(listing.entries[CONFIG].version, state.cluster, access)
        self.facts = store_facts(access, tree, listing)
        self._note_certificates(state)
        self._note_cloud(state)
        await self._mirror(state)
        await self._finish_move(access, tree, listing, read.state)
        self._remember(access, listing)

    def _note_place(self, access: Access, tree: Tree) -> None:
        """Have the next revision say where it was pushed to, and where the state came from."""
        if self.plan is not None:
            place = access.location.identity(tree.trunk.endpoint or "")
            store = as_plain(self.state.spec.store)
            applied = replace(self.plan.applied, store=store, place=place, departure=self.departure)
            self.plan = replace(self.plan, applied=applied)

    async def _finish_move(self, access: Access, tree: Tree, listing: Listing, state: State) -> None:
        """Tell what is left to do after a move, or what a dry run would do; delete the old files when it is time."""
        if self.relocation is not None:
            identity = access.location.identity(tree.trunk.endpoint or "")
            await self.relocation.look(Source(access, identity, tree, listing, state.cluster))
        elif self.departure is not None:
            clean_up = CleanUp(self.context, self.state, self.departure, access.location)
            await clean_up.go(state, tree, writes=self.pushed, seconds=self.seconds * LIST_SHARE)
            self.migration = clean_up.facts
            if clean_up.departure != self.departure and self.history is not None and self.plan is not None:
                await self.history.settle(replace(self.plan.applied, departure=clean_up.departure))

    def _wanted(self) -> Wanted:
        mirror = self.state.spec.mirror
        if mirror is None:
            return Wanted()
        rule = mirror.secrets
        chosen = partial(is_chosen, rule=rule) if rule is not None else no_name
        return Wanted(secrets=chosen, ssh_public_keys=mirror.ssh_public_keys is not None)

    def _decide(self, desired: Desired, read: Read, revisions: tuple[Revision, ...]) -> None:
        self.doing = "planning"
        applied, intents = applied_of(revisions)
        self.departure = applied.departure if applied else None
        observed = Observed(read.state, read.versions, applied, intents)
        try:
            self.plan = make_plan(desired, observed, self.now)
        except RunRefused as refusal:
            self.refusal = refusal

    async def _push(self, access: Access, tree: Tree, listing: Listing) -> Listing:
        plan = self.plan
        if plan is None or self.history is None or not self.writes:
            return listing
        self.refusal = find_refusal(plan, access.location)
        if self.refusal is not None:
            return listing
        self.doing = f"writing to {access.location.url}"
        files = make_files(plan)
        if files:
            await self._check_presence()
            self._claim(access, tree.trunk.endpoint, proven=True)
            await self.history.intend(plan.applied, plan)
        listing = await write_files(tree, files, listing, self.now)
        await self.history.settle(plan.applied)
        self.memory.origin = origin_of(plan.applied)
        self.pushed = True
        return listing

    async def _check_presence(self) -> None:
        """Raise `ObjectNotFound` or `ObjectChanged` when the declaration isn't the one that was planned from."""
        there = await self.context.client.get(CLUSTER_STATES.without_bodies, *self.key)
        found, known = there["metadata"], self.state.metadata
        if (found["uid"], found.get("generation")) != (known.uid, known.generation) or "deletionTimestamp" in found:
            raise ObjectChanged(
                f"ClusterState {self.owner} was changed or deleted during the run. The next one sees it."
            )

    def _note_certificates(self, state: State) -> None:
        self.certificates = certificates = tuple(primary_certificates(state))
        self.memory.look_again = next_turn(certificates, self.request.expiry_warning, self.now)

    def _note_cloud(self, state: State) -> None:
        pushed = self.history.groups_pushed if self.history else 0
        confirmed = self.state.metadata.annotations.get(CLOUD_UPDATED, "")
        newest = self.history.newest if self.history else 0
        self.cloud = cloud_update(state, self.state.cluster_name, Pushes(pushed, newest, confirmed))

    async def _mirror(self, state: State) -> None:
        self.doing = "mirroring into Secrets"
        mirrors = make_mirrors(self.state.spec.mirror, state, self.owner)
        self.memory.mirrors = {mirror.name: digest_of(make_secret(self.owner, mirror)) for mirror in mirrors.wanted}
        done = await sync(self.context.client, mirrors, self._present())
        self.mirrors = mirror_report(mirrors.wanted, done)

    def _remember(self, access: Access, listing: Listing) -> None:
        complete = self.refusal is None and self.mirrors is not None and not self.mirrors.problems
        self.memory.fingerprint = self._fingerprint(access, listing, self.memory.mirrors) if complete else None

    def _fingerprint(self, access: Access, listing: Listing, mirrors: Mapping[str, str]) -> tuple[object, ...]:
        metadata = self.state.metadata
        annotations = (metadata.annotations.get(name) for name in (RECONCILE_REQUESTED_AT, CLOUD_UPDATED, ROLLED))
        mirrored = tuple(sorted(mirrors.items()))
        return (metadata.uid, metadata.generation, *annotations, access, listing.digest, mirrored)

    def _present_digests(self) -> dict[str, str]:
        return {name: record.digest for name, record in self._present().items()}

    def _present(self) -> Mapping[str, MirrorRecord]:
        return self.context.present(self.owner.namespace, self.owner.uid)
