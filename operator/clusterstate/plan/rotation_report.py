"""What people are told of rotations: how far each is, what its next step waits for, and what they run. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from clusterstate.errors import Reason
from clusterstate.plan.cloud import CloudUpdate
from clusterstate.plan.desired import Desired
from clusterstate.plan.rolled import PROMOTED, confirm_command
from clusterstate.plan.rollout import Rollout
from clusterstate.plan.rotation import Phase, Stage, find_stage
from clusterstate.state.layout import LEGACY_KEYSETS
from clusterstate.state.objects import Keyset
from clusterstate.state.rotation import StepKind

SOON = timedelta(seconds=1)
"""After a run that has written, until a step that is due is taken by the next one."""


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


def report_rotations(
    desired: Desired, name: str, keysets: Mapping[str, Keyset], rollout: Rollout, now: datetime
) -> tuple[RotationReport, ...]:
    """Give a report of each keyset that has a rotation; `name` is the object's."""
    teller = _Teller(desired.cluster_name, name, rollout.rolled, now)
    return tuple(
        _report(find_stage(keysets[each], rotation, rollout, now), teller)
        if each in keysets
        else RotationReport(each, message="The store holds no keyset of this name.")
        for each, rotation in sorted(desired.rotations.items())
    )


def hold_for_rollout(cloud: CloudUpdate, reports: Iterable[RotationReport]) -> CloudUpdate:
    """Give what is told of the cloud: that a rotation waits for nodes, where nothing else is left to be done."""
    waiting = [each for each in reports if each.waits]
    if not cloud.updated or not waiting:
        return cloud
    more = f" ({len(waiting) - 1} more in status.keysets)" if len(waiting) > 1 else ""
    text = f"{waiting[0].keyset}: {waiting[0].message}{more}"
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
    )


@dataclass(frozen=True, slots=True)
class _Teller:
    cluster: str
    name: str
    rolled: str
    now: datetime

    def tell(self, stage: Stage) -> str:
        """Give what the next step waits for, and who has to do it; empty where nothing is left."""
        if not stage.rotatable:
            return _tell_unrotatable(stage)
        what = _STEPS[stage.kind].format(ids=", ".join(stage.ids)) if stage.kind else "The keyset is rotated"
        if stage.waits:
            why = stage.unpublished or "no rolling update of all nodes is confirmed since kops update cluster"
            return f"{what}, but {why}. {self._tell_commands(stage)}"
        if stage.kind is None:
            return ""
        return f"{what}{'' if stage.kind is StepKind.TRUST else ', and all nodes follow'}. {self._tell_step(stage)}"

    def _tell_commands(self, stage: Stage) -> str:
        update = [f"kops update cluster {self.cluster} --yes"] if stage.unpublished else []
        rolling = not stage.untrue or stage.unpublished or stage.confirmation
        roll = [f"kops rolling-update cluster {self.cluster} --yes"] if rolling else []
        confirm = [self._confirm(stage.confirmation, stage)] if stage.confirmation else []
        first = ""
        if stage.untrue:
            first = (
                f"What confirms {', '.join(stage.untrue)} came too early, take it back: {self._confirm('', stage)} . "
            )
        return (
            f"{first}Run, one after the other: {' ; '.join([*update, *roll, *confirm])}" if rolling else first.strip()
        )

    def _confirm(self, what: str, stage: Stage) -> str:
        spent = {key_id for key_id in (stage.primary_id,) if what == key_id + PROMOTED}
        return confirm_command(self.name, self.rolled, what, without={*stage.untrue, *spent})

    def _tell_step(self, stage: Stage) -> str:
        if stage.paused:
            return f"No step is taken, since spec.keysets[{stage.keyset}].rotation.paused is true."
        if stage.due is None:
            ids = " ".join(stage.ids)
            return (
                f"Run, one after the other: kops {stage.kind} keypair {stage.keyset} {ids} --name {self.cluster} ; "
                f"kops update cluster {self.cluster} --yes ; kops rolling-update cluster {self.cluster} --yes"
            )
        at = f"at {stage.due:%Y-%m-%dT%H:%M:%SZ}" if stage.due > self.now else "by the next run that may write"
        return f"That is done {at}."


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
