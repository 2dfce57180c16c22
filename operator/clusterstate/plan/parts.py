"""What one document adds to a plan: `config` or an instance group, on all three sides, decided alone."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from clusterstate.plan.absence import require_gone
from clusterstate.plan.changes import Action, Change, Difference
from clusterstate.plan.desired import ConflictPolicy, Desired, DesiredGroup, DriftPolicy, Policy
from clusterstate.plan.documents import changed, new_cluster, new_group
from clusterstate.plan.guards import require_kept, require_survivable
from clusterstate.plan.merge import merge
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.observed import texts_of
from clusterstate.plan.values import equal, equal_json
from clusterstate.plan.whole import Item, Whole, differences, merge_whole
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import Document, JsonObject
from clusterstate.state.schema import Kind


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
    dropped: tuple[Difference, ...] = ()
    """See `Plan.dropped`."""


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
    wanted = replace(policy, conflict=ConflictPolicy.PREFER_SPEC)
    fields = merge_whole(replace(item, enforced=frozenset()), None, item.observed, wanted).changes
    return tuple(Difference(item.key, each.pointer, each.new, each.old) for each in fields)


def _create(item: Item, desired: Desired, now: datetime) -> Part:
    require_kept(item.kind, item.key, item.declared.spec, item.declared.spec)
    make = new_cluster if item.kind == "Cluster" else new_group
    document = make(desired, item.declared, now)
    require_gone(document.spec, item.absent)
    created = DesiredGroup(item.declared.name, document.spec, *texts_of(document))
    whole = merge_whole(replace(item, declared=created), None, DesiredGroup(created.name, {}), desired.policy)
    change = Change(item.key, Action.CREATE, whole.changes, document)
    # The base is what the next run will make of it, which looks at declared paths only, not at what kops adds.
    declared, observed = item.declared, canonical(item.kind, document.spec).spec
    base = merge(item.kind, declared.spec, declared.spec, observed, desired.policy, whole.spec.created)
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
    whole = merge_whole(item, item.applied, observed, policy)
    drift = differences(item.key, whole.drift)
    conflicts = differences(item.key, whole.conflicts)
    left_to_people = policy.conflict is ConflictPolicy.FAIL
    change = _change(item, document, observed, whole)
    settled = whole if change is None or change.document is None else _look_again(item, whole, change.document, policy)
    return Part(
        settled.applied(item.declared.name),
        settled.spec.created,
        change,
        drift if left_to_people else (*drift, *conflicts),
        conflicts if left_to_people else (),
        tuple(f"{item.key}: {warning}" for warning in whole.spec.warnings),
        differences(item.key, whole.dropped),
    )


def _look_again(item: Item, whole: Whole, after: Document, policy: Policy) -> Whole:
    """Give the merge as the next run will find it: kops's defaults that come with a write settle some conflicts."""
    name = item.declared.name
    found = DesiredGroup(name, canonical(item.kind, after.spec).spec)
    again = merge_whole(replace(item, document=after, created=whole.spec.created), whole.applied(name), found, policy)
    return whole if again.changes else again


def _change(item: Item, document: Document, observed: DesiredGroup, whole: Whole) -> Change | None:
    spec = whole.spec.spec
    if whole.changes:
        require_kept(item.kind, item.key, item.declared.spec, spec)
    after = changed(document, observed.spec, spec, whole.metadata) if whole.changes else None
    if after is None:
        return None
    require_survivable(item.kind, item.key, observed.spec, spec)
    return Change(item.key, Action.UPDATE, whole.changes, after, item.version)


def _same(kind: Kind, one: DesiredGroup, other: DesiredGroup) -> bool:
    metadata = all(
        equal_json(JsonObject(mine), JsonObject(theirs))
        for mine, theirs in ((one.labels, other.labels), (one.annotations, other.annotations))
    )
    return metadata and equal(rules_of(kind), one.spec, other.spec)


def _missing(item: Item) -> Difference:
    return Difference(item.key, "", item.declared.spec, None)
