"""The controller: knows every object that is watched, and turns what happens into runs.

It keeps the newest body of each object of this process's, what the last run remembered of it, and who claims which
state. Level, not edge: what an event says only decides whether to look; a run looks at everything anew.
"""

import logging
import random
from collections.abc import Callable, Hashable, Iterable
from functools import partial

from clusterstate.claiming import foresee
from clusterstate.context import Body, Context, Key, Result, let_go
from clusterstate.errors import ClusterStateError, KubeError, LeadershipLost, ObjectNotFound, describe_bug
from clusterstate.fence import fenced
from clusterstate.handlers.distance import MOST_DOUBLINGS
from clusterstate.handlers.jobs import finished
from clusterstate.handlers.others import Others
from clusterstate.handlers.queue import Queue
from clusterstate.handlers.recording import Record, Recorder
from clusterstate.handlers.shards import Everything, Part
from clusterstate.handlers.watched import (
    Watched,
    digest_status,
    inputs_of,
    key_of,
    readable,
    uid_of,
    version_of,
)
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.mirror.record import MirrorRecord
from clusterstate.observing import enter_stage
from clusterstate.plan.claims import Claim
from clusterstate.plan.outcome import Failure, Outcome
from clusterstate.plan.references import Reference, references_of
from clusterstate.plan.shards import Place, Step
from clusterstate.reasons import Nature
from clusterstate.reconcile import run
from clusterstate.status.report import report

log = logging.getLogger(__name__)

FIRST_LOOK = 10.0
"""Seconds until somebody may have acted on what stalls an object; doubled each time, up to its interval."""
FIRST_RETRY = 1.0
"""Seconds until a transient failure is tried again; doubled each time."""
LAST_RETRY = 300.0
"""Seconds: no wait between two tries grows longer."""
JITTER = 0.1
"""Share of every wait that is left to chance, so that objects made together part with time."""
LEARNING = 2.0
"""Seconds that a run waits at most until the versions of what its object refers to are known."""


class Controller:
    """All objects of this process, and the queue of their runs."""

    def __init__(
        self,
        context: Context,
        refer: Callable[[Key, frozenset[Reference]], bool] = lambda *_: True,
        recorder: Recorder | None = None,
        part: Part | None = None,
    ) -> None:
        """Take what every run needs, whom to tell what an object refers to, and what records the runs.

        `refer` gives whether the versions of all that are known; else `reference_changed` tells when they are. Without
        `part` all objects are this process's.
        """
        self._context = context
        self._refer = refer
        self._recorder = recorder or Recorder()
        self._part = part or Everything()
        self._objects: dict[Key, Watched] = {}
        self.others = Others(self._part)
        self._keys_by_uid: dict[str, Key] = {}
        self._present: dict[Key, str] = {}
        self.queue: Queue[Key] = Queue(self._lane_of, workers=context.settings.workers, clock=context.clock)

    def observe(self, body: Body, *, deleted: bool) -> None:
        """Take in what the API server says of one object; ask for a run if that may matter to it."""
        key = key_of(body)
        if deleted:
            self._forget(key, uid_of(body))
        elif version_of(body) > self._newest(key):
            place, known = self._part.place(body), self._objects.get(key)
            if self._part.is_certain(place, known.place if known else None):
                self._take_up(key, body, place)
            else:
                self._leave(key, body, place)

    def bodies(self) -> list[Body]:
        """Give every object that is watched, as it is now; may be asked from another thread."""
        return [each.body for each in list(self._objects.values())]

    def leases_named(self) -> set[str]:
        """Give every Lease that an object names as its own."""
        return self.others.leases | {each.place.there for each in self._objects.values()}

    def shards_gained(self) -> None:
        """Take up what this process's Leases now make its own."""
        for key in self.others.due():
            self.queue.add(key)

    def foresee(self, body: Body) -> None:
        """Take in what an object claims, before it is watched."""
        self._context.claims.set(key_of(body), foresee(self._context, readable(body), None))

    def presence_changed(self, namespace: str, name: str, uid: str | None) -> None:
        """Take in that an object is there, or gone (None).

        kopf tells of no object that went while its watch was down; this comes from a list that is compared.
        """
        key = (namespace, name)
        if uid is not None:
            self._present[key] = uid
            return
        gone = self._present.pop(key, None)
        if key not in self._objects and key not in self.others:
            self._wake(self._context.claims.set(key, None))  # foreseen, and gone before kopf saw it
        elif gone is not None:
            self._forget(key, gone)

    def drop_phantoms(self) -> None:
        """Drop the claims of objects that went before anybody watched."""
        for key in self._context.claims.claimants():
            if key not in self._objects and key not in self.others and key not in self._present:
                self._wake(self._context.claims.set(key, None))

    def mirror_changed(self, namespace: str, uid: str, name: str, record: MirrorRecord | None) -> None:
        """Take in a change of a Secret that is, or was, a mirror; ask its owner's run to look.

        Who fights over a Secret is met at a growing distance.
        """
        key = self._keys_by_uid.get(uid)
        if key is None or key[0] != namespace:
            return
        watched = self._objects[key]
        if watched.memory.mirrors.get(name) != (record.digest if record else None):
            self.queue.add(key, watched.repairs.delay(self._context.clock()))

    def reference_changed(self, key: Key) -> None:
        """Take in that something that an object refers to has changed, came or went; ask its run to look.

        Who changes it in a loop is answered at a growing distance; what a run that is due will see counts as one.
        """
        watched = self._objects.get(key)
        if watched is None or self.queue.is_due(key):
            return
        delay = watched.rereads.delay(self._context.clock())
        if not delay:
            watched.failures = 0
        self.queue.add(key, delay)

    async def work(self) -> None:
        """Carry out runs until cancelled."""
        await self.queue.work(self._run)

    def _lane_of(self, key: Key) -> Hashable:
        watched = self._objects.get(key)
        if watched is None:
            return None
        if watched.memory.access is not None:
            store = watched.memory.access.store
            return watched.memory.endpoint, "" if watched.memory.endpoint else f"{store.scheme}://{store.bucket}"
        spec = watched.body.get("spec", {}).get("store", {})
        bucket = "/".join(str(spec.get("url")).split("/", 3)[:3])
        return spec.get("endpoint"), bucket, key[0], str(spec.get("credentialsSecretRef"))

    def _newest(self, key: Key) -> int:
        known, other = self._objects.get(key), self.others.get(key)
        return version_of(known.body) if known else other.version if other else 0

    def _take_up(self, key: Key, body: Body, place: Place) -> None:
        """Take in an object that is this process's; ask for a run if what it depends on has changed, or whose it is.

        Who writes in a loop whose it is, another installation for example, is answered at a growing distance.
        """
        known, delay = self._objects.get(key), 0.0
        if known is not None and uid_of(known.body) != uid_of(body):
            self._forget(key, uid_of(known.body))
            known = None
        self.others.drop(key)
        if known is None:
            known = self._objects[key] = Watched(body, place)
            self._keys_by_uid[uid_of(body)] = key
        else:
            before, known.body, known.place = known.body, body, place
            if inputs_of(before) != inputs_of(body):
                known.failures = 0
            elif self._part.step(place) is Step.RUN:
                return
            else:
                delay = known.moves.delay(self._context.clock())
        state = readable(body)
        claim = foresee(self._context, state, self._claim_of(key, uid_of(body)))
        self._wake(self._context.claims.set(key, claim))
        known_well = self._refer(key, references_of(state) if state else frozenset())
        self.queue.add(key, max(delay, 0.0 if known_well else LEARNING))

    def _leave(self, key: Key, body: Body, place: Place) -> None:
        """Take in an object that isn't this process's, or that is to be read anew before it is: what it claims."""
        known, state = self._objects.get(key), readable(body)
        if known is not None:
            self._let_go(key, known)
        claim = foresee(self._context, state, None if state else self._claim_of(key, uid_of(body)))
        self.others.put(key, body, place, claim)
        self._wake(self._context.claims.set(key, claim))
        if self._part.step(place) is not Step.LEAVE:
            self.queue.add(key)

    def _claim_of(self, key: Key, uid: str) -> Claim | None:
        claim = self._context.claims.get(key)
        return claim if claim and claim.uid == uid else None

    def _let_go(self, key: Key, known: Watched) -> None:
        """Drop what is kept for the runs of an object."""
        self.queue.forget(key)
        self._refer(key, frozenset())
        del self._objects[key]
        if known.memory.access is not None:
            let_go(self._context, key, known.memory.access)
        self._keys_by_uid.pop(uid_of(known.body), None)

    def _forget(self, key: Key, uid: str) -> None:
        """Forget an object, but not a namesake: events of two objects come in any order."""
        known, other = self._objects.get(key), self.others.get(key)
        if uid != (uid_of(known.body) if known else other.uid if other else uid):
            return
        if known is not None:
            self._let_go(key, known)
        self.others.drop(key)
        self._wake(self._context.claims.set(key, None))

    def _wake(self, keys: Iterable[Key]) -> None:
        for key in keys:
            if key in self._objects:
                self.queue.add(key)

    async def _run(self, key: Key) -> None:
        watched = self._objects.get(key)
        if watched is None:
            await self._read_anew(key)
        elif await self._settle(key, watched):
            with fenced(*self._part.fences(watched.place)), self._recorder.record(key) as record:
                await self._run_watched(key, watched, record)

    async def _read_anew(self, key: Key) -> None:
        """Take up an object that others had, as it is now: what a watch told of it may be old."""
        other = self.others.get(key)
        if other is None or self._part.step(other.place) is Step.LEAVE:
            return
        try:
            body = await self._context.client.get(CLUSTER_STATES, *key)
        except ObjectNotFound:
            return  # the watch will tell
        except KubeError as error:
            self._retry_shard(key, error)
            return
        if self.others.get(key) is other:
            place = self._part.place(body)
            (self._leave if self._part.step(place) is Step.LEAVE else self._take_up)(key, body, place)

    async def _settle(self, key: Key, watched: Watched) -> bool:
        """Write into an object whose it is; give whether it is this process's, so that a run may begin."""
        fences = self._part.fences(watched.place)
        try:
            with fenced(*fences):
                # No Lease is released while this is on its way: whoever took it would not know of it.
                work = self._part.settle(self._context.client, watched.body)
                body = await finished(work, lambda: min((each.seconds for each in fences), default=0.0))
        except (KubeError, LeadershipLost) as error:
            self._retry_shard(key, error)
            return False
        if self._objects.get(key) is not watched:
            return False
        if version_of(body) > version_of(watched.body):
            watched.body, watched.place = body, self._part.place(body)
        step = self._part.step(watched.place)
        if step is Step.LEAVE:
            self._leave(key, watched.body, watched.place)
        elif step is not Step.RUN:  # a Lease was gained meanwhile
            self.queue.add(key)
        return step is Step.RUN

    def _retry_shard(self, key: Key, error: KubeError | LeadershipLost) -> None:
        log.info("%s/%s: its shard isn't settled yet: %s", *key, error.message)
        watched = self._objects.get(key)
        if watched is None:
            self.queue.add(key, _jittered(FIRST_RETRY))
        else:
            self._retry(key, watched, Failure.of(error), LAST_RETRY)

    async def _run_watched(self, key: Key, watched: Watched, record: Record) -> None:
        inputs = inputs_of(watched.body)
        if watched.told is not None and digest_status(watched.body) != watched.told:
            watched.memory.fingerprint = None  # somebody else wrote the status: it is told again
        try:
            result = await run(self._context, watched.body, watched.memory, partial(self._tell_progress, watched))
            inputs = self._take_in(watched, result, inputs)
            await self._tell(watched, result)
            record.end(result)
        except (KubeError, LeadershipLost) as error:
            record.fail(error, "the status can't be written: ")
            self._retry_all(key, watched, error)
        except Exception as bug:  # noqa: BLE001 - one object's bug must not stop the others' runs
            # Not log.exception: the text of a foreign exception may hold secret bytes.
            log.error("%s/%s: a bug: %s", *key, describe_bug(bug))  # noqa: TRY400
            failure = ClusterStateError(f"{type(bug).__name__}: this is a bug.")
            record.fail(failure)
            self._retry_all(key, watched, failure)
        else:
            self._schedule(key, watched, result)
        if self._objects.get(key) is not watched:
            self._take_back(key)
        elif inputs_of(watched.body) != inputs:
            self._claim_anew(key, watched)

    def _take_in(self, watched: Watched, result: Result, inputs: tuple[object, ...]) -> tuple[object, ...]:
        """Take in what the run itself wrote into the object; give the inputs that the run worked from."""
        if result.body is None:
            return inputs
        if version_of(result.body) > version_of(watched.body):
            watched.body = result.body
        return inputs_of(result.body)

    def _claim_anew(self, key: Key, watched: Watched) -> None:
        """Claim what the object says now: its run claimed what it said when the run began."""
        claims = self._context.claims
        self._wake(claims.set(key, foresee(self._context, readable(watched.body), claims.get(key))))

    def _take_back(self, key: Key) -> None:
        """Undo what a run did for an object that went meanwhile: it claimed a state and wished for the next run."""
        successor, other = self._objects.get(key), self.others.get(key)
        if successor is None and other is None:
            self.queue.forget(key)
        claim = other.claim if other else None
        if successor is not None:
            claim = foresee(self._context, readable(successor.body), None)
        self._wake(self._context.claims.set(key, claim))

    async def _tell_progress(self, watched: Watched, outcome: Outcome) -> None:
        """Report how far a long run has come; what can't be told now is told at its end."""
        try:
            await self._report(watched, outcome)
        except KubeError as error:
            log.debug("%s/%s: the progress can't be told: %s", *key_of(watched.body), error.message)

    async def _report(self, watched: Watched, outcome: Outcome) -> None:
        written = await report(self._context.client, watched.body, outcome, self._context.now())
        if written is not None and version_of(written) > version_of(watched.body):
            watched.body = written
        watched.told = digest_status(watched.body if written is None else written)

    async def _tell(self, watched: Watched, result: Result) -> None:
        self._wake(result.freed)
        if result.outcome is not None:
            enter_stage("report")
            await self._report(watched, result.outcome)

    def _schedule(self, key: Key, watched: Watched, result: Result) -> None:
        if result.turn is not None:
            self.queue.add(key, result.turn)
        failure = result.outcome.failure if result.outcome else None
        if failure is not None:
            self._retry(key, watched, failure, result.interval)
            return
        watched.failures = 0
        if result.interval is not None:
            self.queue.add(key, _jittered(result.interval))

    def _retry_all(self, key: Key, watched: Watched, error: ClusterStateError) -> None:
        watched.memory.fingerprint = None
        self._retry(key, watched, Failure.of(error), LAST_RETRY)

    def _retry(self, key: Key, watched: Watched, failure: Failure, interval: float | None) -> None:
        if failure.nature is Nature.STALLED and interval is None:
            return
        if failure.nature is Nature.WAITING:  # it goes on, so that no wait has to grow
            watched.failures = 0
        first = FIRST_LOOK if failure.nature is Nature.STALLED else FIRST_RETRY
        delay = min(first * 2**watched.failures, LAST_RETRY, interval or LAST_RETRY)
        watched.failures = min(watched.failures + 1, MOST_DOUBLINGS)
        self.queue.add(key, _jittered(min(max(delay, failure.retry_after or 0.0), LAST_RETRY)))


def _jittered(delay: float) -> float:
    return delay * (1 + JITTER * (2 * random.random() - 1))  # noqa: S311 - chance spreads load, it keeps no secret
