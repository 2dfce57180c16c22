"""One whole document on three sides, and its merge: the spec and what is declared of the metadata."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from clusterstate.plan.absence import enforce
from clusterstate.plan.changes import Difference, FieldChange
from clusterstate.plan.desired import DesiredGroup, Policy
from clusterstate.plan.dropped import find_dropped
from clusterstate.plan.merge import ANNOTATIONS, LABELS, Disagreement, Merged, merge, merge_metadata
from clusterstate.plan.values import as_map
from clusterstate.state.objects import Document, JsonObject
from clusterstate.state.schema import Kind
from clusterstate.store.base import Version


@dataclass(frozen=True, slots=True)
class Item:
    """One document on all sides; a cluster is taken for a group."""

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
    absent: frozenset[str] = frozenset()
    """Pointers to what must not be in a Cluster."""
    enforced: frozenset[str] = frozenset()
    """Those of them that were enforced before: see `Applied.absent`."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What a document becomes, and what was found on the way."""

    spec: Merged
    labels: Merged
    annotations: Merged
    dropped: tuple[Disagreement, ...] = ()
    """Fields that kops dropped, and that are left so."""

    @property
    def changes(self) -> tuple[FieldChange, ...]:
        """All fields that change: metadata first, as the file has them."""
        return tuple(each for part in self._parts for each in part.changes)

    @property
    def drift(self) -> tuple[Disagreement, ...]:
        """All fields that others changed."""
        return tuple(each for part in self._parts for each in part.drift)

    @property
    def conflicts(self) -> tuple[Disagreement, ...]:
        """All fields that both sides changed."""
        return tuple(each for part in self._parts for each in part.conflicts)

    @property
    def metadata(self) -> dict[str, JsonObject]:
        """The parts of the metadata that change, whole."""
        parts = {"labels": self.labels, "annotations": self.annotations}
        return {name: part.spec for name, part in parts.items() if part.changes}

    def applied(self, name: str) -> DesiredGroup:
        """Give the document's part of the next merge's base."""
        return DesiredGroup(name, self.spec.applied, _texts(self.labels.applied), _texts(self.annotations.applied))

    @property
    def _parts(self) -> tuple[Merged, ...]:
        return self.annotations, self.labels, self.spec


def merge_whole(item: Item, applied: DesiredGroup | None, observed: DesiredGroup, policy: Policy) -> Whole:
    """Merge a document that the store has. Raises `SpecInvalid` for what can't be absent from it."""
    spec, dropped = _merge_spec(item, applied, observed.spec, policy)
    declared = item.declared
    before = applied or DesiredGroup(declared.name, {})
    there = {} if item.document is None else item.document.metadata
    labels, annotations = (as_map(there.get(name, {})) for name in ("labels", "annotations"))
    return Whole(
        enforce(spec, item.absent, item.enforced, policy.drift),
        _merge_texts(LABELS, before.labels, declared.labels, labels, policy),
        _merge_texts(ANNOTATIONS, before.annotations, declared.annotations, annotations, policy),
        dropped,
    )


def differences(key: str, found: tuple[Disagreement, ...]) -> tuple[Difference, ...]:
    """Give disagreements as differences of one file."""
    return tuple(Difference(key, each.pointer, each.declared, each.observed) for each in found)


def _merge_spec(
    item: Item, applied: DesiredGroup | None, observed: JsonObject, policy: Policy
) -> tuple[Merged, tuple[Disagreement, ...]]:
    kind, declared = item.kind, item.declared.spec
    if applied is None:
        return merge(kind, None, declared, observed, policy, item.created), ()
    found = find_dropped(kind, applied.spec, declared, observed)
    merged = merge(kind, found.applied, declared, found.observed, policy, item.created)
    return replace(merged, spec=found.undone(kind, merged.spec, observed)), found.dropped


def _merge_texts(
    at: str, applied: Mapping[str, str], declared: Mapping[str, str], observed: JsonObject, policy: Policy
) -> Merged:
    """Merge over all that the file has there: what isn't declared stays, also where it is no text."""
    return merge_metadata(at, JsonObject(applied), JsonObject(declared), observed, policy)


def _texts(values: JsonObject) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()}
