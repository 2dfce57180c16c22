"""Desired x observed -> Plan: which files change, field by field, and what disagrees.

All three sides come canonical, with whole items in lists that are one value each. A file that means
the same already is never rewritten, whatever it looks like. The same inputs always give the same plan.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from clusterstate.errors import AdoptionRefused, SpecInvalid
from clusterstate.plan.both import base_of
from clusterstate.plan.changes import Action, Plan
from clusterstate.plan.contents import add_contents, compare_contents, observed_base
from clusterstate.plan.desired import AdoptionPolicy, ConflictPolicy, Desired, DesiredGroup, Direction, Metadata
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.naming import named
from clusterstate.plan.observed import Applied, Observed, specs_of
from clusterstate.plan.parts import Part, compare, decide
from clusterstate.plan.prune import Pruned, prune
from clusterstate.plan.rotation import add_steps
from clusterstate.plan.settle import settle
from clusterstate.plan.validate import require_valid
from clusterstate.plan.values import equal
from clusterstate.plan.whole import Item
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.layout import CONFIG, instance_group_key
from clusterstate.state.objects import JsonObject
from clusterstate.state.schema import Kind


def make_plan(desired: Desired, observed: Observed, now: datetime) -> Plan:
    """Decide what to write. `now` becomes the creationTimestamp of what is created.

    Raises `SpecInvalid` when the declaration can't be carried out, and `AdoptionRefused` when others made the state
    and `adoption` is Fail; a dry run shows the plan all the same. Under Pull nothing changes, and whatever differs
    from the declaration is drift.
    """
    specs = observed_base(specs_of(observed.state), desired, observed)
    base = settle(observed.applied, observed.intents, specs) or Applied()
    sides = _Sides(desired, observed, base, specs)
    if desired.policy.direction is Direction.PULL:
        drift = (each for item in sides.items() for each in compare(item, desired.policy))
        return Plan(drift=(*drift, *compare_contents(desired, specs)), applied=base)
    _require_cluster(desired, observed)
    parts = {item.key: decide(item, desired, now) for item in sides.items()}
    plan = _join(sides, parts, prune(sides.undeclared(), sides.config_after(parts), desired.policy))
    plan = add_contents(plan, desired, observed, (base, specs), now)
    plan = add_steps(plan, desired, observed, now)
    if plan.conflicts:
        return replace(plan, changes=(), applied=base)
    policy = desired.policy
    if policy.conflict is ConflictPolicy.PREFER_STORE:  # else the base is what is declared
        said = Applied(desired.cluster, desired.instance_groups, cluster_metadata=desired.cluster_metadata)
        plan = replace(plan, applied=plan.applied.declaring(said))
    if policy.direction is Direction.BOTH:
        shown = specs_of(plan.state_after(observed.state))
        plan = replace(plan, applied=replace(plan.applied, shown=shown))
    if policy.adoption is AdoptionPolicy.FAIL and observed.applied is None and not policy.dry_run:
        _refuse_strangers(sides, plan)
    if plan.changes:
        declared = Applied(desired.cluster, desired.instance_groups)
        require_valid(specs, specs_of(plan.state_after(observed.state)), declared)
    return plan


def plan_digest(plan: Plan) -> str:
    """Give SHA-256 in hex over what the plan changes, field by field; it doesn't depend on the time."""
    changes = [
        (change.key, change.action, change.content, [asdict(each) for each in change.fields]) for change in plan.changes
    ]
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()


def summarise(plan: Plan, url: str) -> str:
    """Give the plan in one line, such as `2 to change, 1 to create in s3://bucket/cluster`."""
    if plan.conflicts:
        return f"{len(plan.conflicts)} in conflict with {url}"
    words = {Action.UPDATE: "to change", Action.CREATE: "to create", Action.DELETE: "to delete"}
    counts = ((sum(change.action is action for change in plan.changes), word) for action, word in words.items())
    parts = [f"{count} {word}" for count, word in counts if count]
    if parts:
        return f"{', '.join(parts)} in {url}"
    for found, word in ((plan.drift, "drifted in"), (plan.dropped, "dropped by kops from")):
        if found:
            return f"{len(found)} {word} {url}"
    return f"in sync with {url}"


@dataclass(frozen=True, slots=True)
class _Sides:
    """Everything that a decision is made from."""

    desired: Desired
    observed: Observed
    base: Applied
    specs: Applied

    def items(self) -> list[Item]:
        """Give what is declared, and the cluster also if it only was: `config` first, then groups by name."""
        groups = [self._group(group) for _, group in sorted(self.desired.instance_groups.items())]
        desired, base = self.desired, self.base
        known = base.cluster is not None or desired.absent or base.cluster_metadata
        if desired.cluster is None and not desired.cluster_metadata:
            return [self._cluster(), *groups] if known and self.observed.state.cluster else groups
        return [self._cluster(), *groups]

    def undeclared(self) -> list[Item]:
        """Give the groups that were declared once, aren't any more, and are still in the store."""
        known = self.base.instance_groups.keys() & self.specs.instance_groups.keys()
        names = sorted(known - self.desired.instance_groups.keys())
        return [self._group(DesiredGroup(name, {})) for name in names]

    def config_after(self, parts: Mapping[str, Part]) -> JsonObject | None:
        """Give the cluster's spec as it will be, None where there will be none."""
        change = parts[CONFIG].change if CONFIG in parts else None
        return change.document.spec if change and change.document else self.specs.cluster

    def _cluster(self) -> Item:
        desired, base = self.desired, self.base
        name, metadata = desired.cluster_name, desired.cluster_metadata
        declared = DesiredGroup(name, desired.cluster or {}, metadata.labels, metadata.annotations)
        return Item(
            kind="Cluster",
            key=CONFIG,
            declared=declared,
            applied=self._base("Cluster", declared),
            observed=_side("Cluster", name, self.specs),
            document=self.observed.state.cluster,
            version=self.observed.versions.get(CONFIG),
            created=base.created.get(CONFIG, frozenset()),
            absent=desired.absent,
            enforced=base.absent,
        )

    def _group(self, declared: DesiredGroup) -> Item:
        key = instance_group_key(declared.name)
        return Item(
            kind="InstanceGroup",
            key=key,
            declared=declared,
            applied=self._base("InstanceGroup", declared),
            observed=self.specs.instance_groups.get(declared.name),
            document=self.observed.state.instance_groups.get(declared.name),
            version=self.observed.versions.get(key),
            created=self.base.created.get(key, frozenset()),
        )

    def _base(self, kind: Kind, declared: DesiredGroup) -> DesiredGroup | None:
        both = self.desired.policy.direction is Direction.BOTH
        applied, shown = (_side(kind, declared.name, each) for each in (self.base, self.base.shown))
        return base_of(kind, applied, shown, declared) if both else applied


def _side(kind: Kind, name: str, applied: Applied | None) -> DesiredGroup | None:
    if applied is None:
        return None
    if kind == "InstanceGroup":
        return applied.instance_groups.get(name)
    metadata = applied.cluster_metadata
    if applied.cluster is None and not metadata:
        return None
    return DesiredGroup(name, applied.cluster or {}, metadata.labels, metadata.annotations)


def _join(sides: _Sides, parts: Mapping[str, Part], pruned: Sequence[Pruned]) -> Plan:
    """Put it together; deletes come last, so that nothing goes while what replaces it isn't there."""
    decided: tuple[Part | Pruned, ...] = (*parts.values(), *pruned)
    return Plan(
        changes=tuple(each.change for each in decided if each.change is not None),
        drift=tuple(found for each in decided for found in each.drift),
        conflicts=tuple(found for each in decided for found in each.conflicts),
        dropped=tuple(found for part in parts.values() for found in part.dropped),
        unpruned=tuple(each.item.key for each in pruned if each.kept),
        warnings=(
            *(warning for part in parts.values() for warning in part.warnings),
            *(each.warning for each in pruned if each.warning),
        ),
        applied=_applied(sides, parts, [each.item for each in pruned if each.kept]),
    )


def _applied(sides: _Sides, parts: Mapping[str, Part], kept: Sequence[Item]) -> Applied:
    """Give the next base; a group that isn't pruned stays known until it is gone."""
    config = parts[CONFIG].applied if CONFIG in parts else None
    groups = {item.declared.name: item.applied for item in kept if item.applied}
    groups |= {part.applied.name: part.applied for key, part in parts.items() if key != CONFIG and part.applied}
    created = {item.key: item.created for item in kept} | {key: part.created for key, part in parts.items()}
    return Applied(
        config.spec if config and sides.desired.cluster is not None else None,
        dict(sorted(groups.items())),
        {key: pointers for key, pointers in sorted(created.items()) if pointers},
        cluster_metadata=Metadata(config.labels, config.annotations) if config else Metadata(),
        absent=sides.desired.absent if config else frozenset(),
        undeclared=frozenset(item.declared.name for item in kept),
    )


def _require_cluster(desired: Desired, observed: Observed) -> None:
    documents = desired.instance_groups or desired.cluster_metadata
    declared = documents or desired.contents or desired.key_pairs or desired.generate
    if declared and desired.cluster is None and observed.state.cluster is None:
        raise SpecInvalid(
            f"{desired.state_url} holds no cluster and spec.cluster declares none, so that nothing that belongs to one "
            "can be written. Declare spec.cluster, or correct spec.store.url or spec.clusterName."
        )


def _refuse_strangers(sides: _Sides, plan: Plan) -> None:
    """Let a state pass that equals the declaration, or that a run of ours began to make and didn't finish."""
    if not plan.changes or not _strangers(sides):
        return
    fields = [f"{change.key}{each.pointer}" for change in plan.changes for each in change.fields]
    raise AdoptionRefused(
        f"{sides.desired.state_url} holds a state that others made, and it differs from the declaration in "
        f"{named(fields)}; nothing was written. Set spec.sync.adoption to Merge to change that, or "
        "make the declaration equal to the state."
    )


def _strangers(sides: _Sides) -> bool:
    """Whether the state holds a document that isn't just what an intent of ours would have created."""
    specs, intents = sides.specs, sides.observed.intents
    if specs.cluster is not None and not any(_made("Cluster", each.cluster, specs.cluster) for each in intents):
        return True
    return any(
        not any(_made("InstanceGroup", _spec_of(each, name), group.spec) for each in intents)
        for name, group in specs.instance_groups.items()
    )


def _spec_of(intent: Applied, name: str) -> JsonObject | None:
    group = intent.instance_groups.get(name)
    return group.spec if group else None


def _made(kind: Kind, intent: JsonObject | None, observed: JsonObject) -> bool:
    if intent is None:
        return False
    made = {key: value for key, value in observed.items() if key == "configBase"} | intent
    return equal(rules_of(kind), complete(kind, canonical(kind, made).spec), complete(kind, observed))
