"""What handed-in objects of kops come to: a merge into the store, or whole documents in the place of others. Pure.

The merge is the operator's own, without anything applied: it adds and changes, and removes nothing. Replacement is
that of `kops replace` (cmd/kops/replace.go, 1.35.2): what a document doesn't have is gone. Of the metadata only labels
and annotations are handed in: `generation`, `creationTimestamp` and the like are the store's in both.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from clusterstate.errors import SpecInvalid
from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.plan.contents import add_contents, observed_base
from clusterstate.plan.desired import Desired, DesiredGroup, Metadata
from clusterstate.plan.diff import make_plan
from clusterstate.plan.fields import field_changes, metadata_changes
from clusterstate.plan.given import TEXTS, Given, Handed
from clusterstate.plan.guards import require_survivable
from clusterstate.plan.items import with_whole_items
from clusterstate.plan.naming import named
from clusterstate.plan.observed import Applied, Observed, specs_of
from clusterstate.plan.parts import decide
from clusterstate.plan.validate import find_own_problems, find_problems, require_valid
from clusterstate.plan.values import equal_json
from clusterstate.plan.whole import Item
from clusterstate.state.canonical import canonical
from clusterstate.state.codec import API_VERSION
from clusterstate.state.complete import complete
from clusterstate.state.layout import CONFIG, instance_group_key, ssh_public_key_key
from clusterstate.state.objects import Document, JsonObject, State


@dataclass(frozen=True, slots=True)
class Target:
    """Where objects go."""

    store_url: str
    objects: bool = False
    """Whether the store keeps kops's own objects in Kubernetes."""


def merge_handed(handed: Handed, target: Target, observed: Observed, now: datetime) -> Plan:
    """Merge objects into a state. Raises what `make_plan` does, and `SpecInvalid` for what kops couldn't read."""
    _require_readable(handed, observed.state)
    if observed.state.cluster is None:
        _require_whole(handed, target)
    return _with_remarks(make_plan(_desired(handed, target), observed, now), handed)


def replace_handed(handed: Handed, target: Target, observed: Observed, now: datetime, *, force: bool) -> Plan:
    """Put objects in the place of those in a state, `force` also where there are none.

    Raises `SpecInvalid` for one that isn't there, and for what kops would refuse.
    """
    _require_readable(handed, observed.state)
    if observed.state.cluster is None:
        _require_whole(handed, target)
    desired = _desired(handed, target)
    if not force:
        _require_there(handed, desired, observed.state)
    specs = observed_base(specs_of(observed.state), desired, observed)
    changes = [
        change for given in handed.documents if (change := _replacement(given, desired, observed, now)) is not None
    ]
    plan = add_contents(Plan(tuple(changes)), desired, observed, (Applied(), specs), now)
    if plan.changes:
        require_valid(specs, specs_of(plan.state_after(observed.state)), _as_state(handed))
    return _with_remarks(plan, handed)


def find_wrong(handed: Handed) -> Iterator[tuple[str, str]]:
    """Give all that is wrong with what was handed in, without any store: where it stands, and what it is.

    A Cluster with a cloud provider and instance groups beside it is taken for a whole cluster, anything less for a
    part: of that only what is there can be wrong.
    """
    for given in handed.documents:
        yield from ((given.place, each) for each in given.refused())
    state, cluster = _as_state(handed), handed.cluster
    whole = cluster is not None and bool(cluster.document.spec.get("cloudProvider")) and bool(handed.groups)
    places = {_key(given): given.place for given in handed.documents}
    for problem in find_problems(state) if whole else find_own_problems(state):
        key, _, pointer = problem.place.partition("/spec/")
        yield places[key], f"/spec/{pointer} {problem.message}"


def _as_state(handed: Handed) -> Applied:
    """Give the documents, canonical."""
    specs = {_key(given): canonical(given.kind, given.document.spec).spec for given in handed.documents}
    groups = {name: DesiredGroup(name, specs[_key(given)]) for name, given in handed.groups.items()}
    return Applied(specs.get(CONFIG), groups)


def _require_readable(handed: Handed, state: State) -> None:
    for given in handed.documents:
        there = _there(given, state)
        refused = given.refused(canonical(given.kind, there.spec) if there else None)
        if refused:
            raise SpecInvalid(f"{given.title}: {named(refused, '; ')}. Nothing was written. Correct it.")


def _require_whole(handed: Handed, target: Target) -> None:
    """Raise `SpecInvalid` where a cluster that isn't there can't be made of what was handed in."""
    where = f"{target.store_url.rstrip('/')}/{handed.cluster_name}"
    if handed.cluster is None:
        raise SpecInvalid(
            f"{where} holds no cluster, so that nothing that belongs to one can be written. Hand in its Cluster too, "
            "or correct --state or the name."
        )
    if not handed.cluster.document.spec.get("authorization"):
        raise SpecInvalid(
            f"{handed.cluster.title} isn't in the store and has no spec.authorization, which kops reads as "
            "alwaysAllow: everybody may do everything. Add authorization: {rbac: {}}."
        )


def _desired(handed: Handed, target: Target) -> Desired:
    cluster = handed.cluster
    return Desired(
        cluster_name=handed.cluster_name,
        store_url=target.store_url,
        cluster=_declared(cluster) or None if cluster else None,
        instance_groups={name: _group(name, given) for name, given in handed.groups.items()},
        names_place=not target.objects,
        contents={ssh_public_key_key(each): each for each in handed.ssh_keys},
        one_ssh_key=target.objects,
        cluster_metadata=Metadata(cluster.texts("labels"), cluster.texts("annotations")) if cluster else Metadata(),
    )


def _group(name: str, given: Given) -> DesiredGroup:
    return DesiredGroup(name, _declared(given), given.texts("labels"), given.texts("annotations"))


def _declared(given: Given) -> JsonObject:
    return with_whole_items(given.kind, canonical(given.kind, given.document.spec, partial=True).spec)


def _there(given: Given, state: State) -> Document | None:
    return state.cluster if given.kind == "Cluster" else state.instance_groups.get(given.document.name)


def _key(given: Given) -> str:
    return CONFIG if given.kind == "Cluster" else instance_group_key(given.document.name)


def _require_there(handed: Handed, desired: Desired, state: State) -> None:
    for given in handed.documents:
        if _there(given, state) is None:
            raise SpecInvalid(
                f"{given.title} isn't in {desired.state_url}, so there is nothing to replace. --force creates it."
            )


def _replacement(given: Given, desired: Desired, observed: Observed, now: datetime) -> Change | None:
    there = _there(given, observed.state)
    if there is None:
        return _creation(given, desired, now)
    before, after = (canonical(given.kind, each.spec).spec for each in (there, given.document))
    metadata = _metadata(given.document.metadata, there.metadata)
    fields = (*metadata_changes(there.metadata, metadata), *field_changes(given.kind, before, after))
    whole = complete(given.kind, after)
    same_spec = equal_json(whole, complete(given.kind, before))
    if same_spec and equal_json(metadata, there.metadata):
        return None
    _require_survivable(given, before, after)
    if not same_spec:
        stored = there.metadata.get("generation")
        metadata["generation"] = (stored if isinstance(stored, int) else 0) + 1
    document = Document(API_VERSION, given.kind, metadata, whole)
    return Change(_key(given), Action.UPDATE, fields, document, observed.versions.get(_key(given)))


def _require_survivable(given: Given, before: JsonObject, after: JsonObject) -> None:
    try:
        require_survivable(given.kind, _key(given), before, after)
    except SpecInvalid as error:
        raise SpecInvalid(f"{given.title} would take the place of what is there whole: {error.message}") from None


def _creation(given: Given, desired: Desired, now: datetime) -> Change | None:
    name = given.document.name
    metadata = desired.cluster_metadata
    declared = (
        DesiredGroup(name, desired.cluster or {}, metadata.labels, metadata.annotations)
        if given.kind == "Cluster"
        else desired.instance_groups[name]
    )
    item = Item(given.kind, _key(given), declared, None, None, None, None, frozenset())
    return decide(item, desired, now).change


def _metadata(given: JsonObject, stored: JsonObject) -> JsonObject:
    """Give the store's metadata with the labels and annotations that were handed in, and no others."""
    others = {key: each for key, each in stored.items() if key not in TEXTS}
    return others | {key: given[key] for key in TEXTS if given.get(key)}


def _with_remarks(plan: Plan, handed: Handed) -> Plan:
    remarks = [
        f"{given.title}: kops reads {named(given.forgotten())} and never writes it: left out"
        for given in handed.documents
        if given.forgotten()
    ]
    return replace(plan, warnings=(*plan.warnings, *remarks))
