"""One document with another content, as a person has set or edited it, and an instance group that goes. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clusterstate.errors import SpecInvalid
from clusterstate.plan.changes import Action, Change, FieldChange, Plan
from clusterstate.plan.documents import changed
from clusterstate.plan.fields import field_changes, metadata_changes
from clusterstate.plan.guards import require_survivable
from clusterstate.plan.naming import named
from clusterstate.plan.observed import Observed, specs_of, texts_of
from clusterstate.plan.prune import etcd_clusters_in
from clusterstate.plan.validate import CONTROL_PLANE, find_problems
from clusterstate.state.canonical import canonical
from clusterstate.state.codec import API_VERSION
from clusterstate.state.complete import complete
from clusterstate.state.layout import CONFIG, instance_group_key
from clusterstate.state.objects import Document, JsonObject, State
from clusterstate.state.schema import Kind


@dataclass(frozen=True, slots=True)
class Content:
    """What a person may change of a document."""

    spec: JsonObject
    metadata: Mapping[str, JsonObject]
    """`labels` and `annotations`, each whole; a part that isn't named stays."""


def kind_of_document(document: Document) -> Kind:
    """Give the kind of a Cluster or an InstanceGroup."""
    return "Cluster" if document.kind == "Cluster" else "InstanceGroup"


def as_shown(document: Document) -> Document:
    """Give a document as `kops edit` shows it: as kops would write it anew."""
    kind = kind_of_document(document)
    spec = complete(kind, canonical(kind, document.spec).spec)
    return Document(API_VERSION, kind, document.metadata, spec, document.rest)


def replace_content(observed: Observed, key: str, content: Content) -> Plan:
    """Plan to give a document that is there another content; nothing changes where kops would see no difference.

    Raises `SpecInvalid` for what kops would refuse, and for what a running cluster can't lose.
    """
    before = _document(observed.state, key)
    kind = kind_of_document(before)
    was = canonical(kind, before.spec).spec
    after = changed(before, was, content.spec, content.metadata)
    if after is None:
        return Plan()
    _require_readable(kind, was, content.spec)
    require_survivable(kind, key, was, canonical(kind, content.spec).spec)
    fields = (*_metadata_changes(before, after), *field_changes(kind, was, canonical(kind, after.spec).spec))
    plan = Plan((Change(key, Action.UPDATE, fields, after, observed.versions[key]),))
    _require_valid(observed.state, plan)
    return plan


def delete_group(observed: Observed, name: str) -> Plan:
    """Plan to delete an instance group.

    Raises `SpecInvalid` where it is the only one of the control plane, as kops does, or etcd has a member in it.
    """
    key, groups = instance_group_key(name), specs_of(observed.state).instance_groups
    others = [each for each in groups.values() if each.name != name and each.spec.get("role") == CONTROL_PLANE]
    if groups[name].spec.get("role") == CONTROL_PLANE and not others:
        raise SpecInvalid(f"Instance group {name} is the only control plane. Nothing was deleted.")
    cluster = observed.state.cluster
    members = ", ".join(etcd_clusters_in(cluster.spec, name)) if cluster else ""
    if members:
        raise SpecInvalid(
            f"Members of etcd are in instance group {name} ({members}), and kops would lose their data. Nothing was "
            "deleted. Move the members to another group first."
        )
    return Plan((Change(key, Action.DELETE, expect=observed.versions[key]),))


def find_flaws(kind: Kind, before: JsonObject, spec: JsonObject) -> Iterator[str]:
    """Give what kops couldn't read of a spec, in words; what it couldn't read before either is left out."""
    was, now = canonical(kind, before), canonical(kind, spec)
    known = frozenset(was.problems)
    yield from (f"{each.pointer} {each.message}" for each in now.problems if each not in known)
    yield from (f"{pointer} is no field that kops 1.35 knows" for pointer in now.unknown if pointer not in was.unknown)


def _require_readable(kind: Kind, before: JsonObject, spec: JsonObject) -> None:
    flaws = list(find_flaws(kind, before, spec))
    if flaws:
        raise SpecInvalid(f"{named(flaws, '; ')}. Nothing was written. Correct that.")


def _require_valid(state: State, plan: Plan) -> None:
    known = frozenset(find_problems(specs_of(state)))
    after = find_problems(specs_of(plan.state_after(state)))
    found = [f"{each.place} {each.message}" for each in after if each not in known]
    if found:
        raise SpecInvalid(f"kops would refuse that: {named(found, '; ')}. Nothing was written. Correct that.")


def _metadata_changes(before: Document, after: Document) -> tuple[FieldChange, ...]:
    one, other = (
        {name: JsonObject(part) for name, part in zip(("labels", "annotations"), texts_of(each), strict=True) if part}
        for each in (before, after)
    )
    return metadata_changes(JsonObject(one), JsonObject(other))


def _document(state: State, key: str) -> Document:
    if key == CONFIG:
        assert state.cluster is not None, "asked for"
        return state.cluster
    return next(each for name, each in state.instance_groups.items() if instance_group_key(name) == key)
