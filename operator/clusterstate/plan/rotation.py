"""Which step the rotation of a keyset takes, by kops's procedure: create, promote, distrust. Pure.

A step is taken when the nodes are known to follow (`plan.rollout`), the key pair is old enough, and the declaration
leaves it to the operator: one step of one keyset in a run, and none in a run that writes the keyset or `config`.
Trusting a key pair again needs no proof.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from clusterstate.plan.changes import Action, Change, FieldChange, Plan
from clusterstate.plan.desired import Desired, Rotation
from clusterstate.plan.observed import Observed
from clusterstate.plan.rolled import PROMOTED
from clusterstate.plan.rollout import Rollout
from clusterstate.plan.ssh_keys import in_order
from clusterstate.plan.values import join
from clusterstate.state.keyset import primary
from clusterstate.state.layout import CONFIG, keyset_key
from clusterstate.state.node_config import SERVICE_ACCOUNT
from clusterstate.state.objects import Keyset, KeysetItem
from clusterstate.state.rotation import Step, StepKind, made_at, older_trusted, promotable

NEVER: Final = datetime.max.replace(tzinfo=UTC)


class Phase(StrEnum):
    """How far a rotation is; see `api.status.KeysetStatus`."""

    STABLE = "Stable"
    CREATED = "Created"
    PROMOTED = "Promoted"


@dataclass(frozen=True, slots=True)
class Stage:
    """How far the rotation of one keyset is, and what its next step waits for."""

    keyset: str
    phase: Phase = Phase.STABLE
    primary_id: str = ""
    kind: StepKind | None = None
    """The next step; None: there is none."""
    ids: tuple[str, ...] = ()
    """Of the key pairs that it is done to."""
    unpublished: str = ""
    """Why `kops update cluster` has to be run; empty where it hasn't."""
    confirmation: str = ""
    """What a person has to confirm still; empty where that is done."""
    untrue: tuple[str, ...] = ()
    """What is confirmed although it can't be so yet: too early, or left over from a rotation that was undone."""
    due: datetime | None = None
    """When the key pair is old enough; None: the declaration leaves the step to people."""
    paused: bool = False

    @property
    def waits(self) -> bool:
        """Whether not all nodes are known to follow."""
        return bool(self.unpublished or self.confirmation or self.untrue)

    @property
    def rotatable(self) -> bool:
        """Whether kops rotates keysets of this name; the others it makes anew when what signs them is rotated."""
        return self.keyset == SERVICE_ACCOUNT or "-ca" in self.keyset

    @property
    def next_id(self) -> str:
        """Id of the key pair that is promoted next, empty where none is."""
        return self.ids[0] if self.kind is StepKind.PROMOTE else ""

    @property
    def able(self) -> bool:
        """Whether the operator takes the step once it is due."""
        return self.kind is not None and self.rotatable and not self.waits and not self.paused

    def step(self, now: datetime) -> Step | None:
        """Give the step to be taken, None where it isn't time."""
        if self.kind is None or not self.able or self.due is None or self.due > now:
            return None
        return Step(self.kind, self.ids, now)


def find_stage(keyset: Keyset, rotation: Rotation, rollout: Rollout, now: datetime) -> Stage:
    """Give how far the rotation of a keyset is."""
    chosen, newer = primary(keyset), promotable(keyset)
    older = tuple(item for item in older_trusted(keyset) if item.id not in rotation.trust)
    stage = Stage(keyset.name, primary_id=chosen.id if chosen else "", paused=rotation.paused)
    if newer:
        stage = _before_promote(stage, keyset, newer, rollout)
        after = None if newer.id in rotation.trust else rotation.promote_after
        stage = replace(stage, due=_due(newer, after, now))
    elif older and chosen:
        stage = _before_distrust(stage, keyset, (chosen, *older), rollout)
        stage = replace(stage, due=_due(chosen, rotation.distrust_after, now))
    else:
        stage = replace(stage, unpublished=rollout.find_outdated(keyset))
    lost = tuple(item.id for item in keyset.items if not item.trusted and item.id in rotation.trust)
    if not lost:
        return stage
    return Stage(keyset.name, stage.phase, stage.primary_id, StepKind.TRUST, lost, due=now, paused=rotation.paused)


def _before_promote(stage: Stage, keyset: Keyset, newer: KeysetItem, rollout: Rollout) -> Stage:
    stage = replace(stage, phase=Phase.CREATED, kind=StepKind.PROMOTE, ids=(newer.id,))
    stage = _confirmed(replace(stage, unpublished=rollout.find_distrusting(keyset, newer)), newer.id, rollout)
    later = newer.id + PROMOTED
    return replace(stage, untrue=(*stage.untrue, later)) if rollout.is_confirmed(later) else stage


def _before_distrust(stage: Stage, keyset: Keyset, pairs: tuple[KeysetItem, ...], rollout: Rollout) -> Stage:
    chosen, *older = pairs
    ids = tuple(item.id for item in older)
    stage = replace(stage, phase=Phase.PROMOTED, kind=StepKind.DISTRUST, ids=ids)
    stage = replace(stage, unpublished=rollout.find_not_using(keyset, chosen))
    return _confirmed(stage, chosen.id + PROMOTED, rollout)


def _confirmed(stage: Stage, wanted: str, rollout: Rollout) -> Stage:
    """Give the stage with what is to be confirmed; a roll before the update has proven nothing."""
    if not rollout.is_confirmed(wanted):
        return replace(stage, confirmation=wanted)
    return replace(stage, confirmation=wanted, untrue=(wanted,)) if stage.unpublished else stage


def _due(item: KeysetItem, after: timedelta | None, now: datetime) -> datetime | None:
    if after is None:
        return None
    try:
        return made_at(item, now) + after
    except OverflowError:
        return NEVER


def add_steps(plan: Plan, desired: Desired, observed: Observed, now: datetime) -> Plan:
    """Give the plan with the steps that are to be taken now."""
    written = {change.key for change in plan.changes}
    if plan.held or CONFIG in written:
        return plan
    rollout = Rollout(observed.node_configs, desired.rolled)
    changes = []
    for name, rotation in sorted(desired.rotations.items()):
        keyset, key = observed.state.keysets.get(name), keyset_key(name)
        step = find_stage(keyset, rotation, rollout, now).step(now) if keyset and key not in written else None
        if keyset and step:
            fields = tuple(_fields(keyset, step))
            changes.append(Change(key, Action.UPDATE, fields, expect=observed.versions.get(key), step=step))
    return replace(plan, changes=tuple(in_order([*plan.changes, *changes], one_ssh_key=desired.one_ssh_key)))


def _fields(keyset: Keyset, step: Step) -> Iterator[FieldChange]:
    """Give what changes; not the time of a distrust, since the same plan is the same at any time."""
    if step.kind is StepKind.PROMOTE:
        before = primary(keyset)
        yield FieldChange("/spec/primaryId", Action.UPDATE, before.id if before else None, step.ids[0])
        return
    action = Action.CREATE if step.kind is StepKind.DISTRUST else Action.DELETE
    for key_id in step.ids:
        yield FieldChange(join(join("/spec/keys", key_id), "distrustTimestamp"), action)
