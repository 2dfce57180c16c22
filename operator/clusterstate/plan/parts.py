"""What one document adds to a plan: `config` or an instance group, on all three sides, decided alone."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from clusterstate.plan.changes import Action, Change, Difference, FieldChange
from clusterstate.plan.desired import ConflictPolicy, Desired, DesiredGroup, DriftPolicy, Policy
from clusterstate.plan.documents import changed, new_cluster, new_group
from clusterstate.plan.guards import require_kept, require_survivable
from clusterstate.plan.merge import Disagreement, Merged, merge, merge_labels
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.values import as_map, equal, equal_json
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import Document, JsonObject
from clusterstate.state.schema import Kind
from clusterstate.store.base import Version


@dataclass(frozen=True, slots=True)
class Item:
    """One document on all sides; a cluster is taken for a group without labels."""

    kind: Kind
    key: str
    declared: DesiredGroup
    applied: DesiredGroup | None
    observed: DesiredGroup | None
    """Canonical; None where the store has no such document."""
    document: Document | None
    """As it was read."""
    version: Version | None
    created: frozenset[str]
    """See `Applied.created`."""


@dataclass(frozen=True, slots=True)
class Part:
    """What became of one document."""

    applied: DesiredGroup | None
    created: frozenset[str] = field(default_factory=frozenset)
    change: Change | None = None
    drift: tuple[Difference, ...] = ()
    conflicts: tuple[Difference, ...] = ()
    """Only those that the policy leaves to a person."""
    warnings: tuple[str, ...] = ()


def decide(item: Item, desired: Desired, now: datetime) -> Part:
    """Push one document. Raises `SpecInvalid` when that would lose what a cluster can't lose."""
    if item.document is not None and item.observed is not None:
        return _update(item, item.document, item.observed, desired.policy)
    if item.applied is not None:
        return _bring_back(item, item.applied, desired, now)
    return _create(item, desired, now)


def compare(item: Item, policy: Policy) -> tuple[Difference, ...]:
    """Give every path where the store doesn't hold what is declared, whoever changed it."""
    if item.observed is None:
        return (_missing(item),)
    spec, labels = _merge(item, None, item.observed, policy)
    fields = (*labels.changes, *spec.changes)
    return tuple(Difference(item.key, each.pointer, each.new, each.old) for each in fields)


def _create(item: Item, desired: Desired, now: datetime) -> Part:
    require_kept(item.kind, item.key, item.declared.spec, item.declared.spec)
    make = new_cluster if item.kind == "Cluster" else new_group
    document = make(desired, item.declared, now)
    spec = merge(item.kind, None, document.spec, {}, desired.policy)
    labels = merge_labels(None, as_map(document.metadata.get("labels", {})), {}, desired.policy)
    change = Change(item.key, Action.CREATE, (*labels.changes, *spec.changes), document)
    # The base is what the next run will make of it, which looks at declared paths only, not at what kops adds.
    declared, observed = item.declared, canonical(item.kind, document.spec).spec
    base = merge(item.kind, declared.spec, declared.spec, observed, desired.policy, spec.created)
    return Part(replace(declared, spec=base.applied), base.created, change)


def _bring_back(item: Item, applied: DesiredGroup, desired: Desired, now: datetime) -> Part:
    """Decide on a document that we had applied and that is gone: as a whole, for half of one means nothing."""
    policy, gone = desired.policy, (_missing(item),)
    moved = not _same(item.kind, applied, item.declared)
    if moved and policy.conflict is ConflictPolicy.FAIL:
        return Part(applied, item.created, conflicts=gone)
    wanted = policy.conflict is ConflictPolicy.PREFER_SPEC if moved else policy.drift is DriftPolicy.CORRECT
    if not wanted:
        return Part(applied, item.created, drift=gone)
    part = _create(item, desired, now)
    return Part(part.applied, part.created, part.change, drift=gone)


def _update(item: Item, document: Document, observed: DesiredGroup, policy: Policy) -> Part:
    spec, labels = _merge(item, item.applied, observed, policy)
    drift = _differences(item.key, (*labels.drift, *spec.drift))
    conflicts = _differences(item.key, (*labels.conflicts, *spec.conflicts))
    left_to_people = policy.conflict is ConflictPolicy.FAIL
    return Part(
        DesiredGroup(item.declared.name, spec.applied, {key: str(value) for key, value in labels.applied.items()}),
        spec.created,
        _change(item, document, observed, (spec, labels)),
        drift if left_to_people else (*drift, *conflicts),
        conflicts if left_to_people else (),
        tuple(f"{item.key}: {warning}" for warning in spec.warnings),
    )


def _change(item: Item, document: Document, observed: DesiredGroup, merged: tuple[Merged, Merged]) -> Change | None:
    spec, labels = merged
    fields: tuple[FieldChange, ...] = (*labels.changes, *spec.changes)
    if fields:
        require_kept(item.kind, item.key, item.declared.spec, spec.spec)
    after = changed(document, observed.spec, spec.spec, labels.spec if labels.changes else None) if fields else None
    if after is None:
        return None
    require_survivable(item.kind, item.key, observed.spec, spec.spec)
    return Change(item.key, Action.UPDATE, fields, after, item.version)


def _merge(item: Item, applied: DesiredGroup | None, observed: DesiredGroup, policy: Policy) -> tuple[Merged, Merged]:
    before = (applied.spec, JsonObject(applied.labels)) if applied else (None, None)
    return (
        merge(item.kind, before[0], item.declared.spec, observed.spec, policy, item.created),
        merge_labels(before[1], JsonObject(item.declared.labels), JsonObject(observed.labels), policy),
    )


def _same(kind: Kind, one: DesiredGroup, other: DesiredGroup) -> bool:
    labels = equal_json(JsonObject(one.labels), JsonObject(other.labels))
    return labels and equal(rules_of(kind), one.spec, other.spec)


def _missing(item: Item) -> Difference:
    return Difference(item.key, "", item.declared.spec, None)


def _differences(key: str, found: tuple[Disagreement, ...]) -> tuple[Difference, ...]:
    return tuple(Difference(key, each.pointer, each.declared, each.observed) for each in found)
