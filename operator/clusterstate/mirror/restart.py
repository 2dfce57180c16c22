"""Restart: rolls the workloads that a declaration names once a mirror that their Pods use has changed.

Every run compares what the Pods were started with to what is mirrored now, so a roll that one run didn't come to is
made by the next. What fails is told and holds up neither the other workloads nor the mirrors. A workload that isn't
there has nothing to roll.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Final

import msgspec

from clusterstate.api.annotations import MIRRORS_IN_USE, RECONCILE_REQUESTED_AT
from clusterstate.api.spec import RestartTarget
from clusterstate.errors import ClusterStateError, KubeForbidden, ObjectChanged, ObjectNotFound
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS, JsonObject, Kind
from clusterstate.mirror.objects import Mirror
from clusterstate.mirror.rollout import is_rolled_out
from clusterstate.mirror.templates import Roll, digest_of_template, make_roll, noted_sources
from clusterstate.plan.outcome import Failure
from clusterstate.reasons import Nature, Reason

KINDS: Final = {each.kind: each for each in (DEPLOYMENTS, DAEMON_SETS, STATEFUL_SETS)}
ATTEMPTS: Final = 5
"""How often a workload is patched, each time after a new look, because somebody else was faster."""
MOST_ROLLS: Final = 3
"""How often the same roll is made of the same Pod template, which somebody puts back each time."""


@dataclass(frozen=True, slots=True)
class Look:
    """One workload as it was seen."""

    template: str
    """What differs when the Pod template does, or what is known of it."""
    rolled_out: bool = True
    """Whether no Pod of an earlier template is left."""


ABSENT: Final = Look("absent")


class Rolls:
    """What was last made of workloads, and how often in a row. Losing it costs rolls, never correctness."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[str, int]] = {}

    def times(self, target: RestartTarget, digest: str) -> int:
        """Say how often that roll was made since another one."""
        last, times = self._last.get((target.kind, target.name), ("", 0))
        return times if last == digest else 0

    def note(self, target: RestartTarget, digest: str) -> None:
        """Note that it was made once more."""
        self._last[target.kind, target.name] = digest, self.times(target, digest) + 1

    def forget(self) -> None:
        """Begin anew."""
        self._last.clear()


@dataclass(frozen=True, slots=True)
class Restarts:
    """What became of the workloads."""

    rolled: tuple[str, ...] = ()
    """Each with what its Pods get anew."""
    problems: tuple[Failure, ...] = ()
    absent: tuple[str, ...] = ()
    """Those that aren't there."""
    looks: tuple[Look, ...] = ()
    """What the workloads are now, in the order of the targets."""
    rolling: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Sources that Pods may use in an older content, by the workload whose rollout hasn't ended."""

    def needs(self, source: str) -> bool:
        """Whether Pods may use an older content of that source; of a workload that couldn't be rolled, of any."""
        return bool(self.problems) or any(source in sources for sources in self.rolling.values())


NO_RESTARTS: Final = Restarts()


class _Fought(ClusterStateError):
    """Somebody undoes each roll."""

    reason: ClassVar[Reason] = Reason.RESTART_FAILED
    nature: ClassVar[Nature] = Nature.STALLED


async def look_at(client: Client, namespace: str, targets: Collection[RestartTarget]) -> tuple[Look, ...]:
    """Give the workloads as they are, in the order of the targets."""
    return tuple([await _look(client, namespace, target) for target in targets])


class Roller:
    """Rolls workloads of one namespace."""

    def __init__(self, client: Client, namespace: str, rolls: Rolls) -> None:
        """Take what was made of them before."""
        self._client = client
        self._namespace = namespace
        self._rolls = rolls

    async def restart(
        self, targets: Collection[RestartTarget], mirrors: Collection[Mirror], ours: Mapping[str, str]
    ) -> Restarts:
        """Roll each workload whose Pods weren't started with these mirrors, as far as they use them.

        `ours` are the Secrets that are or were mirrors, with their sources.
        """
        rolled, problems, absent, looks = [], [], [], []
        rolling: dict[str, frozenset[str]] = {}
        for target in targets:
            name = f"{target.kind} {target.name}"
            try:
                workload, sources = await self._roll(target, mirrors, ours)
            except ObjectNotFound:
                absent.append(name)
                looks.append(ABSENT)
            except ClusterStateError as error:
                problems.append(_failure(self._namespace, target, error))
                looks.append(Look(error.reason.value))
            else:
                looks.append(_seen(workload, target))
                rolled += [f"{name} ({', '.join(sources)})"] if sources else []
                rolling |= {} if looks[-1].rolled_out else {name: noted_sources(workload)}
        return Restarts(tuple(rolled), tuple(problems), tuple(absent), tuple(looks), rolling)

    async def _roll(
        self, target: RestartTarget, mirrors: Collection[Mirror], ours: Mapping[str, str]
    ) -> tuple[JsonObject, tuple[str, ...]]:
        """Give the workload as it is in the end, and the sources that it was rolled for."""
        kind = KINDS[target.kind]
        for _ in range(ATTEMPTS):
            workload = await self._client.get(kind, self._namespace, target.name)
            roll = make_roll(workload, mirrors, ours)
            if roll is None or "deletionTimestamp" in workload["metadata"]:
                return workload, ()
            try:
                return await self._write(target, workload, roll), roll.sources
            except ObjectChanged:
                continue
        raise ObjectChanged(f"somebody else changed it each of the {ATTEMPTS} times that it was about to be rolled")

    async def _write(self, target: RestartTarget, workload: JsonObject, roll: Roll) -> JsonObject:
        digest = _digest(workload, roll)
        if self._rolls.times(target, digest) >= MOST_ROLLS:
            raise _Fought(
                f"somebody has put the same Pod template back each of the {MOST_ROLLS} times that it was rolled for "
                f"these contents. Have them leave alone the annotation {MIRRORS_IN_USE} and the names of mirrors, or "
                f"take the workload out of that list; then ask for a run by {RECONCILE_REQUESTED_AT}"
            )
        written = await _patch(self._client, KINDS[target.kind], workload, roll.patch)
        self._rolls.note(target, digest)
        return written


async def _look(client: Client, namespace: str, target: RestartTarget) -> Look:
    try:
        return _seen(await client.get(KINDS[target.kind], namespace, target.name), target)
    except ObjectNotFound:
        return ABSENT
    except ClusterStateError as error:
        return Look(error.reason.value)


def _seen(workload: JsonObject, target: RestartTarget) -> Look:
    """One that is being deleted rolls nothing any more."""
    ends = "deletionTimestamp" in workload["metadata"]
    return Look(digest_of_template(workload), ends or is_rolled_out(workload, target.kind))


async def _patch(client: Client, kind: Kind, workload: JsonObject, patch: JsonObject) -> JsonObject:
    metadata = workload["metadata"]
    conditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    body = {"metadata": conditions, **patch}
    return await client.merge_patch(kind, metadata["namespace"], metadata["name"], body)


def _digest(workload: JsonObject, roll: Roll) -> str:
    """Give what is the same where the very Pod template that was rolled is back, and rolls for the same contents."""
    parts = (workload["metadata"]["uid"], digest_of_template(workload), roll.patch)
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _failure(namespace: str, target: RestartTarget, error: ClusterStateError) -> Failure:
    what = f"{target.kind} {namespace}/{target.name} of spec.mirror.restart couldn't be rolled"
    text = error.message.rstrip(".")
    if isinstance(error, KubeForbidden):
        text = (
            f"the API server forbids it: {error.words.rstrip('.')}. The operator needs get and patch on "
            f"{KINDS[target.kind].plural} of the group apps, and no admission policy that refuses the patch"
        )
    about = f"{target.kind} {target.name}"
    return Failure(Reason.RESTART_FAILED, error.nature, f"{what}: {text}.", error.retry_after, about)
