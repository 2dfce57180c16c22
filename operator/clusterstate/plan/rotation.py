"""Which step the rotation of a keyset takes, by kops's procedure: create, promote, distrust. Pure.

A step is taken when the nodes are known to follow (`plan.rollout`), the key pair is old enough, and the declaration
leaves it to the operator: one step of a keyset in a run, and none in a run that writes that keyset or `config`.
Trusting a key pair again needs no proof.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from clusterstate.plan.changes import Action, Change, FieldChange, Plan
from clusterstate.plan.desired import Desired, Rotation
from clusterstate.plan.observed import Observed
from clusterstate.plan.rolled import PROMOTED
from clusterstate.plan.rollout import Lack, Rollout, rollout_of
from clusterstate.plan.ssh_keys import in_order
from clusterstate.plan.values import join
from clusterstate.state.keypair import made_at
from clusterstate.state.keyset import primary
from clusterstate.state.layout import CONFIG, keyset_key
from clusterstate.state.objects import Keyset, KeysetItem
from clusterstate.state.rotation import Step, StepKind, is_rotatable, older_trusted, passed_over, promotable

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
    lack: Lack = field(default_factory=Lack)
    """Why not all nodes are told what the step needs."""
    confirmation: str = ""
    """What a person has to confirm still; empty where that is done."""
    counted: str = ""
    """What a person has confirmed of what the step waits for."""
    ignored: tuple[str, ...] = ()
    """What is confirmed of the keyset and doesn't count until it is taken back."""
    untrue: tuple[str, ...] = ()
    """What of it stands in the way: what the step waits for, confirmed before it could be so, or the step after it."""
    passed_over: str = ""
    """Id of the declared key pair, where it is trusted and below the primary's, so that it doesn't take over."""
    due: datetime | None = None
    """When the key pair is old enough; None: the declaration leaves the step to people."""
    paused: bool = False

    @property
    def waits(self) -> bool:
        """Whether not all nodes are known to follow."""
        return bool(self.lack or self.confirmation or self.untrue)

    @property
    def rotatable(self) -> bool:
        """Whether kops rotates keysets of this name; the others it makes anew when what signs them is rotated."""
        return is_rotatable(self.keyset)

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


def find_stage(keyset: Keyset, rotation: Rotation, rollout: Rollout, now: datetime, declared: str = "") -> Stage:
    """Give how far the rotation of a keyset is; `declared` is the public key of the pair that must be in it."""
    chosen, newer = primary(keyset), promotable(keyset)
    older = tuple(item for item in older_trusted(keyset, declared) if item.id not in rotation.trust)
    below = passed_over(keyset, declared)
    stage = Stage(
        keyset.name,
        primary_id=chosen.id if chosen else "",
        passed_over=below.id if below else "",
        paused=rotation.paused,
    )
    if newer:
        stage = _before_promote(stage, keyset, newer, rollout)
        after = None if newer.id in rotation.trust else rotation.promote_after
        stage = replace(stage, due=_due(newer, after))
    elif older and chosen:
        stage = _before_distrust(stage, keyset, (chosen, *older), rollout)
        stage = replace(stage, due=_due(chosen, rotation.distrust_after))
    else:
        ignored = rollout.find_ignored(keyset, "", published=False)
        stage = replace(stage, lack=rollout.find_outdated(keyset), ignored=tuple(sorted(ignored)))
    lost = tuple(item.id for item in keyset.items if not item.trusted and item.id in rotation.trust)
    if not lost:
        return stage
    return replace(stage, kind=StepKind.TRUST, ids=lost, lack=Lack(), confirmation="", untrue=(), due=now)


def find_stages(desired: Desired, keysets: Mapping[str, Keyset], rollout: Rollout, now: datetime) -> dict[str, Stage]:
    """Give how far the rotation of each keyset is that has one and is there, by its name."""
    pairs = desired.key_pairs
    return {
        name: find_stage(keysets[name], rotation, rollout, now, pairs[name].public_key if name in pairs else "")
        for name, rotation in sorted(desired.rotations.items())
        if name in keysets
    }


def _before_promote(stage: Stage, keyset: Keyset, newer: KeysetItem, rollout: Rollout) -> Stage:
    stage = replace(stage, phase=Phase.CREATED, kind=StepKind.PROMOTE, ids=(newer.id,))
    stage = replace(stage, lack=rollout.find_distrusting(keyset, newer))
    stage, later = _judged(stage, keyset, newer.id, rollout), newer.id + PROMOTED
    return replace(stage, untrue=(*stage.untrue, later)) if later in rollout.confirmed else stage


def _before_distrust(stage: Stage, keyset: Keyset, pairs: tuple[KeysetItem, ...], rollout: Rollout) -> Stage:
    chosen, *older = pairs
    ids = tuple(item.id for item in older)
    stage = replace(stage, phase=Phase.PROMOTED, kind=StepKind.DISTRUST, ids=ids)
    stage = replace(stage, lack=rollout.find_not_using(keyset, chosen))
    return _judged(stage, keyset, chosen.id + PROMOTED, rollout)


def _judged(stage: Stage, keyset: Keyset, wanted: str, rollout: Rollout) -> Stage:
    """Give the stage with what is to be confirmed; a roll before the update has proven nothing."""
    ignored = rollout.find_ignored(keyset, wanted, published=not stage.lack.unpublished)
    counts = wanted in rollout.confirmed and wanted not in ignored
    return replace(
        stage,
        confirmation="" if counts else wanted,
        counted=wanted if counts else "",
        ignored=tuple(sorted(ignored)),
        untrue=(wanted,) if wanted in ignored else (),
    )


def _due(item: KeysetItem, after: timedelta | None) -> datetime | None:
    if after is None:
        return None
    try:
        return made_at(item) + after
    except OverflowError:
        return NEVER


def add_steps(plan: Plan, desired: Desired, observed: Observed, now: datetime) -> Plan:
    """Give the plan with the steps that are to be taken now."""
    written = {change.key for change in plan.changes}
    if plan.held or CONFIG in written:
        return plan
    stages = find_stages(desired, observed.state.keysets, rollout_of(desired, observed), now)
    changes = []
    for name, stage in stages.items():
        keyset, key = observed.state.keysets[name], keyset_key(name)
        step = stage.step(now) if key not in written else None
        if step:
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
