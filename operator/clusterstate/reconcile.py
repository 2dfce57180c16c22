"""The way itself: open, list, read, plan, apply, mirror, and an outcome on every path.

access  = gather.Reader.access          who we are to the store
tree    = gather.Sources.list_state     one list; nothing more when nothing changed
sight   = planning.look                 bytes -> State, what Secrets and ConfigMaps hold, what was applied before
plan    = planning.decide               declared x applied x observed, pure; it sees digests of contents only
listing = apply.run.write_files         conditional writes, an intent before, settled after
pull    = planning.bring                what others wrote to the store and nobody declares, into the spec
report  = mirror.sync                   State -> Secrets
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from clusterstate.api.annotations import CLOUD_UPDATED, RECONCILE_REQUESTED_AT
from clusterstate.api.durations import parse_duration
from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.apply.contents import make_bodies
from clusterstate.apply.history import History, Keeping
from clusterstate.apply.hook import HookRunner, Order
from clusterstate.apply.pull import write_spec
from clusterstate.apply.run import make_files, write_files
from clusterstate.context import Body, Context, Key, Memory, Result, take_access
from clusterstate.errors import (
    AfterPushRefused,
    ClusterStateError,
    ObjectChanged,
    ObjectNotFound,
    RunRefused,
    RunUnfinished,
    SpecInvalid,
    SpecTooLarge,
    StateClaimed,
)
from clusterstate.facts import mirror_report, next_turn, store_facts
from clusterstate.gather import Access, Reader, Sources, known_of
from clusterstate.kube.finalizer import hold, is_held, release
from clusterstate.kube.kinds import CLUSTER_STATES, JOBS
from clusterstate.kube.owner import Owner
from clusterstate.mirror.manifest import digest_of, make_secret
from clusterstate.mirror.record import MirrorRecord
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.mirror.sync import sync
from clusterstate.plan.changes import Plan
from clusterstate.plan.claims import make_claim
from clusterstate.plan.cloud import CloudUpdate, Pushes, cloud_update
from clusterstate.plan.contents import carried_out
from clusterstate.plan.deletion import deletes
from clusterstate.plan.desired import Desired, Direction
from clusterstate.plan.guards import find_refusal
from clusterstate.plan.hook import WANTED, HookReport, JobState, job_state
from clusterstate.plan.outcome import (
    Certificate,
    MirrorReport,
    Outcome,
    StoreFacts,
    make_bare_request,
    make_request,
    primary_certificates,
)
from clusterstate.plan.pull import Pull
from clusterstate.plan.telling import tell_declarer
from clusterstate.planning import Sight, bring, decide, look
from clusterstate.removal import remove
from clusterstate.state.layout import CONFIG
from clusterstate.state.objects import State
from clusterstate.state.tree import Listing, Tree
from clusterstate.way import LIST_SHARE, go_within_limits

log = logging.getLogger(__name__)

MOST_UNDONE = 3
"""How often the same content is written into the spec again although somebody removes it each time."""
JOB_LOOK = 5.0
"""Seconds between two looks at a Job that runs."""


async def run(context: Context, body: Body, memory: Memory) -> Result:
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
    interval = parse_duration(state.spec.sync.interval).total_seconds()
    one = Run(context, state, memory)
    outcome = await _outcome(one)
    interval = min(interval, JOB_LOOK) if memory.job else interval
    return Result(outcome, interval, tuple(one.freed), one.written)


async def _outcome(one: "Run") -> Outcome | None:
    try:
        unchanged = await go_within_limits(one)
        return None if unchanged else one.outcome()
    except ClusterStateError as error:
        one.memory.fingerprint = None
        return one.outcome(error)


class Run:
    """One run of one object; its fields fill as it goes, and make the outcome wherever it ends."""

    def __init__(self, context: Context, state: ClusterState, memory: Memory) -> None:
        """Take what is shared, the object, and what the run before remembered."""
        self.context = context
        self.state = state
        self.memory = memory
        self.owner = Owner.of(state.metadata)
        self.key = (self.owner.namespace, self.owner.name)
        self.references = context.references(self.key)
        self.request = make_request(state)
        self.now = context.now()
        self.doing = "finding out how to reach the store"
        self.freed: list[Key] = []
        sync_spec = state.spec.sync
        self.seconds = parse_duration(sync_spec.timeout).total_seconds()
        self.writes = sync_spec.direction is not Direction.PULL and not sync_spec.dry_run
        self.refusal: RunRefused | SpecInvalid | None = None
        self.facts: StoreFacts | None = None
        self.plan: Plan | None = None
        self.pushed = False
        self.history: History | None = None
        self.certificates: tuple[Certificate, ...] | None = None
        self.mirrors: MirrorReport | None = None
        self.cloud: CloudUpdate | None = None
        self.pull: Pull | None = None
        self.hook: HookReport | None = None
        self.written: Body | None = None

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
            pull=self.pull,
            hook=self.hook,
        )

    async def go(self) -> bool:
        """Do it all; True when nothing had changed since the last complete run."""
        if not deletes(self.state.spec.sync):
            await self._be_held(wanted=False)
        access = await self._find_access()
        creates = bool(self.state.spec.cluster)
        async with Sources(self.context.client, access, writes=self.writes, creates=creates) as sources:
            self._claim(access, sources.endpoint, proven=False)
            self.doing = f"listing {access.location.url}"
            with self.context.health.look(access.shared, self.key, forced=self._is_asked_for()) as freed:
                seconds = self.seconds * LIST_SHARE
                tree, listing, self.memory.known = await sources.list_state(self.memory.known, seconds)
            self.freed += freed
            self._claim(access, sources.endpoint, proven=True)
            if self._unchanged(access, listing) and not await self._job_has_ended():
                return True
            await self._bring_together(access, tree, listing)
        return False

    async def _find_access(self) -> Access:
        """Find out how to reach the store, and let go of how it was reached before where that has changed."""
        context = self.context
        reader = Reader(context.client, context.settings, context.environ, self.owner.namespace)
        access = await reader.access(self.state.spec.store, self.state.cluster_name)
        take_access(context, self.key, self.memory, access)
        return access

    def _is_asked_for(self) -> bool:
        """Whether a person changed the object, or asked for a run, since the last one that was told."""
        return self._is_called_for() or self.state.status.observed_generation != self.state.metadata.generation

    def _is_called_for(self) -> bool:
        """Whether a person asked for this run by annotation."""
        token = self.request.reconcile_token
        return token is not None and token != self.state.status.last_handled_reconcile_at

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
        sight = await look(self.context.client, self.state, access, tree, listing, self.context.digests)
        self.history = History(self.context.client, self.owner, sight.revisions, self._keeping())
        self._decide(sight)
        before, contents = sight.observed.state, sight.contents
        bodies = make_bodies(self.plan or Plan(), before, contents.bodies, contents.key_pairs)
        if self.plan is not None and self.refusal is None:
            listing = await self._push(access, tree, listing, bodies)
        state = carried_out(self.plan, before, bodies) if self.plan and self.pushed else before
        if self.pushed and CONFIG in listing.entries:
            self.memory.known = known_of(listing.entries[CONFIG].version, state.cluster, access)
        self.facts = store_facts(access, tree, listing)
        self._note_certificates(state)
        self._note_cloud(state)
        await self._mirror(state)
        await self._pull(sight.desired, state)
        await self._follow_up(access, state)
        self._remember(access, listing)
        if self.pushed and self.plan is not None and self.plan.held:
            raise RunUnfinished(f"{'; '.join(self.plan.warnings)}.")

    def _keeping(self) -> Keeping:
        limit, wanted = self.state.spec.sync.revision_history_limit, self.state.spec.after_push is not None
        return Keeping(limit, tell_declarer(self.state.metadata.managed_fields), WANTED if wanted else "")

    def _decide(self, sight: Sight) -> None:
        self.doing = "planning"
        try:
            self.plan = decide(sight, self.now)
        except RunRefused as refusal:
            self.refusal = refusal

    async def _push(self, access: Access, tree: Tree, listing: Listing, bodies: Mapping[str, bytes]) -> Listing:
        plan = self.plan
        if plan is None or self.history is None or not self.writes:
            return listing
        self.refusal = find_refusal(plan, access.location) or self._refuse_hook()
        if self.refusal is not None:
            return listing
        self.doing = f"writing to {access.location.url}"
        files = make_files(plan, bodies)
        if deletes(self.state.spec.sync) and access.location.scheme != "file":
            await self._be_held(wanted=True)
        if files:
            await self._check_presence()
            self._claim(access, tree.trunk.endpoint, proven=True)
            await self.history.intend(plan.applied, plan)
        listing = await write_files(tree, files, listing, self.now)
        await self.history.settle(plan.applied)
        self.pushed = True
        return listing

    def _refuse_hook(self) -> AfterPushRefused | None:
        """Give why nothing may be pushed that a Job has to follow; None: it may."""
        if self.state.spec.after_push is None or self._may_hook():
            return None
        return AfterPushRefused(
            f"spec.afterPush asks for a Job in namespace {self.owner.namespace}, where the operator's configuration "
            "allows none; nothing was written. Have the namespace added to CLUSTERSTATE_AFTER_PUSH_NAMESPACES, or "
            "remove spec.afterPush."
        )

    async def _be_held(self, *, wanted: bool) -> None:
        """Have the finalizer on, or off, where that isn't so; only on the very object that this run works from."""
        if is_held(self.state.metadata) is not wanted:
            put = hold if wanted else release
            self.written = await put(self.context.client, self.state.metadata)
            self.state = load(self.written)

    async def _pull(self, desired: Desired, state: State) -> None:
        """Bring into the spec what the store holds, where nobody else has the say."""
        self.doing = "bringing into the spec what the store holds"
        try:
            self.pull = bring(self.state, desired, state)
        except SpecTooLarge as error:
            self.refusal = self.refusal or error
        if self.pull is not None and self.pull.changes and not self.state.spec.sync.dry_run:
            await self._write_spec(self.pull)

    def _may_hook(self) -> bool:
        return self.context.settings.after_push_allowed(self.owner.namespace)

    async def _follow_up(self, access: Access, state: State) -> None:
        """Start what follows a push, and see how it ends."""
        self.memory.job = ""
        if self.history is None or not self._may_hook():
            return
        self.doing = "following up the push by a Job"
        self.hook = await HookRunner(self.context.client, self.owner, self.history, self._order(access)).follow()
        if self.hook is not None:
            self.memory.job = self.hook.job if self.hook.unfinished else ""
            self._note_cloud(state)

    def _order(self, access: Access) -> Order | None:
        """Give what a Job is started with; None where the object asks for none, or its push isn't whole."""
        hook, whole = self.state.spec.after_push, self.pushed and self.plan is not None and not self.plan.held
        if hook is None or not whole:
            return None
        variables = {"KOPS_STATE_STORE": access.store.url, "KOPS_CLUSTER_NAME": self.state.cluster_name}
        return Order(hook.job_template_ref.name, variables, self._check_presence)

    async def _job_has_ended(self) -> bool:
        """Whether the Job that ran when the last run ended doesn't any more."""
        if not self.memory.job:
            return False
        try:
            job = await self.context.client.get(JOBS, self.owner.namespace, self.memory.job)
        except ObjectNotFound:
            return True
        return job_state(job)[0] is not JobState.RUNNING

    async def _write_spec(self, pull: Pull) -> None:
        memory = self.memory
        undone = memory.pulled is not None and memory.pulled.content == pull.content and not self._is_called_for()
        memory.undone = memory.undone + 1 if undone else 0
        if memory.undone >= MOST_UNDONE:
            self.pull = pull.given_up()
            return
        body = await write_spec(self.context.client, self.state.metadata, pull)
        memory.pulled = pull
        self.pull = replace(pull, written=True)
        self.written, self.state = body, load(body)
        self.request = replace(self.request, generation=self.state.metadata.generation)

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
        confirmed = self.state.metadata.annotations.get(CLOUD_UPDATED, "")
        pushes = self.history.pushes(confirmed) if self.history else Pushes(confirmation=confirmed)
        self.cloud = cloud_update(state, self.state.cluster_name, pushes)

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
        annotations = (metadata.annotations.get(name) for name in (RECONCILE_REQUESTED_AT, CLOUD_UPDATED))
        mirrored = tuple(sorted(mirrors.items()))
        seen = (access, listing.digest, mirrored, self.references)
        return (metadata.uid, metadata.generation, is_held(metadata), *annotations, *seen)

    def _present_digests(self) -> dict[str, str]:
        return {name: record.digest for name, record in self._present().items()}

    def _present(self) -> Mapping[str, MirrorRecord]:
        return self.context.present(self.owner.namespace, self.owner.uid)
