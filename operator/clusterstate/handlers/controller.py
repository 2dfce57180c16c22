"""The controller: knows every object that is watched, and turns what happens into runs.

It keeps the newest body of each object, what the last run remembered of it, and who claims which state. Level,
not edge: what an event says only decides whether to look; a run looks at everything anew.
"""

import logging
import random
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256

import msgspec

from clusterstate.api.annotations import GROUP
from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.context import Body, Context, Key, Memory, Result, let_go
from clusterstate.errors import ClusterStateError, KubeError, LeadershipLost, SpecInvalid, describe_bug
from clusterstate.handlers.distance import MOST_DOUBLINGS, Distance
from clusterstate.handlers.queue import Queue
from clusterstate.handlers.recording import Record, Recorder
from clusterstate.mirror.record import MirrorRecord
from clusterstate.observing import enter_stage
from clusterstate.plan.claims import Claim, foresee_claim
from clusterstate.plan.outcome import Failure, Outcome
from clusterstate.plan.place import locate_state
from clusterstate.plan.references import Reference, references_of
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


@dataclass
class Watched:
    """One object: its newest body and what runs remember of it."""

    body: Body
    memory: Memory = field(default_factory=Memory)
    failures: int = 0
    told: bytes | None = None
    """Digest of the status that the last run left."""
    repairs: Distance = field(default_factory=Distance)
    """Of mirrors that others changed."""
    rereads: Distance = field(default_factory=Distance)
    """Of what it refers to."""


class Controller:
    """All objects of this process, and the queue of their runs."""

    def __init__(
        self,
        context: Context,
        refer: Callable[[Key, frozenset[Reference]], bool] = lambda *_: True,
        recorder: Recorder | None = None,
    ) -> None:
        """Take what every run needs, whom to tell what an object refers to, and what records the runs.

        `refer` gives whether the versions of all that are known; else `reference_changed` tells when they are.
        """
        self._context = context
        self._refer = refer
        self._recorder = recorder or Recorder()
        self._objects: dict[Key, Watched] = {}
        self._keys_by_uid: dict[str, Key] = {}
        self._present: dict[Key, str] = {}
        self.queue: Queue[Key] = Queue(self._lane_of, workers=context.settings.workers, clock=context.clock)

    def observe(self, body: Body, *, deleted: bool) -> None:
        """Take in what the API server says of one object; ask for a run if that may matter to it."""
        key = key_of(body)
        known = self._objects.get(key)
        if deleted:
            self._forget(key, body)
            return
        if known is not None and _version(body) <= _version(known.body):
            return
        if known is None or _uid(known.body) != _uid(body):
            self._forget(key, known.body if known else body)
            self._objects[key] = Watched(body)
            self._keys_by_uid[_uid(body)] = key
        else:
            before, known.body = known.body, body
            if _inputs(before) == _inputs(body):
                return
            known.failures = 0
        state = readable(body)
        self._wake(self._context.claims.set(key, self._foreseen(state, self._context.claims.get(key))))
        known_well = self._refer(key, references_of(state) if state else frozenset())
        self.queue.add(key, 0.0 if known_well else LEARNING)

    def bodies(self) -> list[Body]:
        """Give every object that is watched, as it is now; may be asked from another thread."""
        return [each.body for each in list(self._objects.values())]

    def foresee(self, body: Body) -> None:
        """Take in what an object claims, before it is watched."""
        self._context.claims.set(key_of(body), self._foreseen(readable(body), None))

    def presence_changed(self, namespace: str, name: str, uid: str | None) -> None:
        """Take in that an object is there, or gone (None).

        kopf tells of no object that went while its watch was down; this comes from a list that is compared.
        """
        key = (namespace, name)
        if uid is not None:
            self._present[key] = uid
            return
        gone = self._present.pop(key, None)
        known = self._objects.get(key)
        if known is None:
            self._wake(self._context.claims.set(key, None))  # foreseen, and gone before kopf saw it
        elif _uid(known.body) == gone:
            self._forget(key, known.body)

    def drop_phantoms(self) -> None:
        """Drop the claims of objects that went before anybody watched."""
        for key in self._context.claims.claimants():
            if key not in self._objects and key not in self._present:
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

    def _foreseen(self, state: ClusterState | None, before: Claim | None) -> Claim | None:
        """Give what an object claims as far as its own text tells; what it claimed before when that can't be used.

        Where the policy lets it have no state it claims none, whatever its status says of earlier days.
        """
        if state is None:
            return before
        namespace = state.metadata.namespace
        try:
            place = locate_state(state.spec.store, namespace, state.cluster_name)
        except SpecInvalid:
            return before
        may_be = self._context.policy.of(namespace).permits(place, ambient=False)
        return foresee_claim(state, before) if may_be else None

    def _forget(self, key: Key, body: Body) -> None:
        """Forget an object, but not a namesake: events of two objects come in any order."""
        known = self._objects.get(key)
        if known is not None and _uid(known.body) != _uid(body):
            return
        self.queue.forget(key)
        self._refer(key, frozenset())
        self._objects.pop(key, None)
        if known is not None and known.memory.access is not None:
            let_go(self._context, key, known.memory.access)
        self._keys_by_uid.pop(_uid(body), None)
        self._wake(self._context.claims.set(key, None))

    def _wake(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.queue.add(key)

    async def _run(self, key: Key) -> None:
        watched = self._objects.get(key)
        if watched is not None:
            with self._recorder.record(key) as record:
                await self._run_watched(key, watched, record)

    async def _run_watched(self, key: Key, watched: Watched, record: Record) -> None:
        inputs = _inputs(watched.body)
        if watched.told is not None and _digest(watched.body) != watched.told:
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
        elif _inputs(watched.body) != inputs:
            self._claim_anew(key, watched)

    def _take_in(self, watched: Watched, result: Result, inputs: tuple[object, ...]) -> tuple[object, ...]:
        """Take in what the run itself wrote into the object; give the inputs that the run worked from."""
        if result.body is None:
            return inputs
        if _version(result.body) > _version(watched.body):
            watched.body = result.body
        return _inputs(result.body)

    def _claim_anew(self, key: Key, watched: Watched) -> None:
        """Claim what the object says now: its run claimed what it said when the run began."""
        claims = self._context.claims
        self._wake(claims.set(key, self._foreseen(readable(watched.body), claims.get(key))))

    def _take_back(self, key: Key) -> None:
        """Undo what a run did for an object that went meanwhile: it claimed a state and wished for the next run."""
        successor = self._objects.get(key)
        if successor is None:
            self.queue.forget(key)
        claim = self._foreseen(readable(successor.body), None) if successor else None
        self._wake(self._context.claims.set(key, claim))

    async def _tell_progress(self, watched: Watched, outcome: Outcome) -> None:
        """Report how far a long run has come; what can't be told now is told at its end."""
        try:
            await self._report(watched, outcome)
        except KubeError as error:
            log.debug("%s/%s: the progress can't be told: %s", *key_of(watched.body), error.message)

    async def _report(self, watched: Watched, outcome: Outcome) -> None:
        written = await report(self._context.client, watched.body, outcome, self._context.now())
        if written is not None and _version(written) > _version(watched.body):
            watched.body = written
        watched.told = _digest(watched.body if written is None else written)

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


def key_of(body: Body) -> Key:
    """Give namespace and name."""
    return body["metadata"]["namespace"], body["metadata"]["name"]


def readable(body: Body) -> ClusterState | None:
    """Give an object as its text reads; None for one that can't be used."""
    try:
        return load(body)
    except SpecInvalid:
        return None


def _uid(body: Body) -> str:
    uid: str = body["metadata"]["uid"]
    return uid


def _version(body: Body) -> int:
    return int(body["metadata"]["resourceVersion"])


def _digest(body: Body) -> bytes:
    return sha256(msgspec.json.encode(body.get("status"), order="sorted")).digest()


def _inputs(body: Body) -> tuple[object, ...]:
    metadata = body["metadata"]
    ours = {name: value for name, value in metadata.get("annotations", {}).items() if name.startswith(GROUP)}
    return metadata.get("generation"), metadata.get("deletionTimestamp"), ours


def _jittered(delay: float) -> float:
    return delay * (1 + JITTER * (2 * random.random() - 1))  # noqa: S311 - chance spreads load, it keeps no secret
