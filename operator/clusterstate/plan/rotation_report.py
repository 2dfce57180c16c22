"""What people are told of rotations: how far each is, what its next step waits for, and what they run. Pure."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from clusterstate.plan.cloud import CloudUpdate
from clusterstate.plan.desired import Desired
from clusterstate.plan.naming import cut, named
from clusterstate.plan.rolled import Annotation
from clusterstate.plan.rollout import Rollout
from clusterstate.plan.rotation import Phase, Stage, find_stages
from clusterstate.reasons import Reason
from clusterstate.state.layout import LEGACY_KEYSETS
from clusterstate.state.objects import Keyset
from clusterstate.state.rotation import StepKind

SOON: Final = timedelta(seconds=1)
"""After a run that has written, until a step that is due is taken by the next one."""
LONGEST_WHY: Final = 384
"""Characters of what holds a step up: commands follow it, which are told whole or not at all."""
LONGEST_TEXT: Final = 1024
"""Characters of what is told of the cloud."""
MOST_IDS: Final = 20
"""Key pairs that one command distrusts; when it is done, the next has others."""


@dataclass(frozen=True, slots=True)
class RotationReport:
    """The rotation of one keyset after a run."""

    keyset: str
    phase: Phase = Phase.STABLE
    primary_id: str = ""
    next_id: str = ""
    message: str = ""
    waits: bool = False
    """Whether nodes have to follow first."""
    due: datetime | None = None
    """When time alone makes the operator take a step, None for never."""
    ignored: tuple[str, ...] = ()
    """What people confirm of it and doesn't count until they take it back."""


def report_rotations(
    desired: Desired,
    annotation: Annotation,
    sides: tuple[Mapping[str, Keyset], Mapping[str, Keyset]],
    rollout: Rollout,
    now: datetime,
) -> tuple[RotationReport, ...]:
    """Give a report of each keyset that has a rotation; `sides` are the keysets before a run and after it."""
    before, after = sides
    spent = {name: frozenset(stage.ignored) for name, stage in find_stages(desired, before, rollout, now).items()}
    rollout = replace(rollout, ignored={**rollout.ignored, **spent})
    stages = find_stages(desired, after, rollout, now)
    teller = _Teller(desired.cluster_name, annotation, tuple(stages.values()), now)
    return tuple(
        _report(stages[name], teller) if name in stages else _report_gone(name, rollout)
        for name in sorted(desired.rotations)
    )


def hold_for_rollout(cloud: CloudUpdate, reports: Iterable[RotationReport]) -> CloudUpdate:
    """Give what is told of the cloud: that a rotation waits for nodes, where nothing else is left to be done."""
    waiting = [each for each in reports if each.waits]
    if not cloud.updated or not waiting:
        return cloud
    more = f" ({len(waiting) - 1} more in status.keysets)" if len(waiting) > 1 else ""
    text = f"{waiting[0].keyset}: {waiting[0].message}{more}"
    if len(text) > LONGEST_TEXT:
        text = f"{waiting[0].keyset} is rotated, and nodes have to follow: its row in status.keysets says how{more}."
    return replace(cloud, updated=False, reason=Reason.WAITING_FOR_ROLLOUT, message=text)


def turns_of(reports: Iterable[RotationReport], now: datetime, *, pushed: bool) -> list[datetime]:
    """Give when time alone makes the operator take steps; one that is due follows whatever was pushed before it."""
    due = [each.due for each in reports if each.due is not None]
    return [each if each > now else now + SOON for each in due if each > now or pushed]


def _report(stage: Stage, teller: "_Teller") -> RotationReport:
    return RotationReport(
        stage.keyset,
        stage.phase,
        stage.primary_id,
        stage.next_id,
        teller.tell(stage),
        waits=stage.waits and stage.rotatable,
        due=stage.due if stage.able else None,
        ignored=stage.ignored,
    )


def _report_gone(name: str, rollout: Rollout) -> RotationReport:
    ignored = rollout.ignored.get(name, frozenset()) & rollout.confirmed
    return RotationReport(name, message="The store holds no keyset of this name.", ignored=tuple(sorted(ignored)))


@dataclass(frozen=True, slots=True)
class _Teller:
    cluster: str
    annotation: Annotation
    stages: tuple[Stage, ...]
    """Of all keysets: what people run, they run for all of them."""
    now: datetime

    def tell(self, stage: Stage) -> str:
        """Give what the next step waits for, and who has to do it; empty where nothing is left."""
        if not stage.rotatable:
            return _tell_unrotatable(stage)
        return " ".join(part for part in (self._tell_next(stage), self._tell_passed_over(stage)) if part)

    def _tell_next(self, stage: Stage) -> str:
        what = _STEPS[stage.kind].format(ids=named(stage.ids)) if stage.kind else "The keyset is rotated"
        if stage.waits:
            why = stage.lack.why or "no rolling update of all nodes is confirmed since kops update cluster"
            return f"{what}, but {cut(why, LONGEST_WHY)}{self._tell_remedy(stage)}"
        if stage.kind is None:
            return ""
        return f"{what}{'' if stage.kind is StepKind.TRUST else ', and all nodes follow'}. {self._tell_step(stage)}"

    def _tell_remedy(self, stage: Stage) -> str:
        if stage.lack.nowhere:
            return (
                ": kops publishes it to no node, so that nothing proves who follows. Once all who use it do, run: "
                f"{self._step_command(stage)}"
            )
        commands = self._tell_commands() if stage.lack.unpublished or stage.confirmation or stage.untrue else ""
        if stage.lack.leftover:
            gone = ": kops has no such group any more, or keeps its file elsewhere. Delete it from the store once no "
            return f"{gone}machine of that group is left. {commands}".rstrip()
        return f". {commands}"

    def _tell_commands(self) -> str:
        waiting = [each for each in self.stages if each.waits and each.rotatable and not each.lack.nowhere]
        update = any(each.lack.unpublished for each in waiting)
        confirm = list(dict.fromkeys(each.confirmation for each in waiting if each.confirmation))
        untrue = list(dict.fromkeys(part for each in waiting for part in each.untrue))
        first = ""
        if untrue:
            back = self.annotation.command([], without=self._without())
            first = f"What confirms {named(untrue)} came too early, or was there before. Take it back: {back} ."
        if not update and not confirm:
            return first
        commands = [
            *([f"kops update cluster {self.cluster} --yes"] if update else []),
            f"kops rolling-update cluster {self.cluster} --yes",
            *([self.annotation.command(confirm, without=self._without())] if confirm else []),
        ]
        return f"{first} Run, one after the other: {' ; '.join(commands)}".lstrip()

    def _without(self) -> list[str]:
        """Give what is confirmed and doesn't count for any keyset."""
        counted = {each.counted for each in self.stages}
        parts = (part for each in self.stages for part in (*each.untrue, *each.ignored))
        return [part for part in dict.fromkeys(parts) if part not in counted]

    def _tell_step(self, stage: Stage) -> str:
        if stage.paused:
            return f"No step is taken, since spec.keysets[{stage.keyset}].rotation.paused is true."
        if stage.due is None:
            return (
                f"Run, one after the other: {self._step_command(stage)} ; kops update cluster {self.cluster} --yes ; "
                f"kops rolling-update cluster {self.cluster} --yes"
            )
        at = f"at {stage.due:%Y-%m-%dT%H:%M:%SZ}" if stage.due > self.now else "by the next run that may write"
        return f"That is done {at}."

    def _step_command(self, stage: Stage) -> str:
        return f"kops {stage.kind} keypair {stage.keyset} {shlex.join(stage.ids[:MOST_IDS])} --name {self.cluster}"

    def _tell_passed_over(self, stage: Stage) -> str:
        if not stage.passed_over:
            return ""
        return (
            f"Key pair {stage.passed_over}, of tlsSecretRef, has an id below the primary's, so that it isn't promoted, "
            "nor distrusted. To have it take over, run once all nodes trust it: "
            f"kops promote keypair {stage.keyset} {shlex.quote(stage.passed_over)} --name {self.cluster}"
        )


_STEPS = {
    StepKind.PROMOTE: "Key pair {ids} is to be promoted",
    StepKind.DISTRUST: "Older key pairs ({ids}) are to be distrusted",
    StepKind.TRUST: "Distrusted key pairs ({ids}) are to be trusted again",
}


def _tell_unrotatable(stage: Stage) -> str:
    current = [name for name, old in LEGACY_KEYSETS.items() if old == stage.keyset]
    if current:
        return (
            f"kops reads {stage.keyset} as {current[0]}, and writes it under that name: rotate {current[0]} with kops."
        )
    return (
        "kops rotates service-account and keysets with -ca in their name, and makes others anew when what signs them "
        "is rotated: no step is taken."
    )
