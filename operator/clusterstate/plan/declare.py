"""From the resource to the decision's terms: the declaration, canonical and checked against kops's schema. Pure."""

from collections.abc import Iterable

from clusterstate.api.annotations import ROLLED
from clusterstate.api.durations import parse_duration
from clusterstate.api.keysets import Rotation as DeclaredRotation
from clusterstate.api.spec import InstanceGroup
from clusterstate.api.store import Layout
from clusterstate.api.sync import Validation
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.plan.absence import find_problems
from clusterstate.plan.desired import Desired, DesiredGroup, Metadata, Policy, Rotation
from clusterstate.plan.generation import declared_generations
from clusterstate.plan.items import with_whole_items
from clusterstate.plan.naming import named
from clusterstate.plan.ownership import Owners, declared_part, ownership_of
from clusterstate.plan.values import as_map
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import JsonObject
from clusterstate.state.schema import Kind


def declare(state: ClusterState, store_url: str) -> Desired:
    """Give what the object declares, without what only Pull has put there.

    Raises `SpecInvalid` naming each field that kops would refuse or drop; `validation: Warn` lets pass those that kops
    1.35 doesn't know.
    """
    spec, owners = state.spec, ownership_of(state.metadata)
    objects = spec.store.k8s is not None and spec.store.k8s.layout is Layout.KOPS_RESOURCES
    validation = spec.sync.validation
    whole = as_map(declared_part(spec.cluster, owners.cluster))
    cluster = _canonical("Cluster", whole, "spec.cluster", validation) if whole else None
    _refuse("spec.absent", find_problems(spec.absent, cluster or {}))
    groups = (_declared_group(group, owners.groups.item(group.name)) for group in spec.instance_groups)
    return Desired(
        cluster_name=state.cluster_name,
        store_url=store_url,
        cluster=cluster,
        instance_groups={group.name: _group(group, validation) for group in groups if group is not None},
        policy=Policy(
            direction=spec.sync.direction,
            drift=spec.sync.drift,
            conflict=spec.sync.conflict,
            adoption=spec.sync.adoption,
            dry_run=spec.sync.dry_run,
            prune=spec.sync.prune,
        ),
        # kops finds no place behind k8s://, and leaves configBase to people: nodes read from a store that they reach.
        names_place=not objects,
        generate=declared_generations(spec.keysets),
        one_ssh_key=objects,
        cluster_metadata=Metadata(spec.cluster_metadata.labels, spec.cluster_metadata.annotations),
        absent=frozenset(spec.absent),
        rotations={each.name: _rotation(each.rotation) for each in spec.keysets if each.rotation is not None},
        rolled=state.metadata.annotations.get(ROLLED, ""),
        ignored={each.name: frozenset(each.ignored_confirmations) for each in state.status.keysets},
    )


def _rotation(declared: DeclaredRotation) -> Rotation:
    return Rotation(
        declared.paused,
        promote_after=parse_duration(declared.promote_after) if declared.promote_after else None,
        distrust_after=parse_duration(declared.distrust_after) if declared.distrust_after else None,
        trust=frozenset(declared.trust),
    )


def _declared_group(group: InstanceGroup, owners: Owners) -> InstanceGroup | None:
    spec = declared_part(group.spec, owners.below("spec"))
    labels = declared_part(JsonObject(group.labels), owners.below("labels"))
    if owners.pull is not None and not owners.others:
        return None
    return InstanceGroup(
        name=group.name, spec=as_map(spec), labels={name: str(value) for name, value in as_map(labels).items()}
    )


def _group(group: InstanceGroup, validation: Validation) -> DesiredGroup:
    spec = _canonical("InstanceGroup", group.spec, f"spec.instanceGroups[{group.name}].spec", validation)
    return DesiredGroup(group.name, spec, group.labels)


def _canonical(kind: Kind, spec: JsonObject, where: str, validation: Validation) -> JsonObject:
    found = canonical(kind, spec, partial=True)
    refused = found.dropped if validation is Validation.WARN else (*found.unknown, *found.dropped)
    problems = [f"{problem.pointer}: {problem.message}" for problem in found.problems]
    problems += [f"{pointer}: kops knows no such field and would drop it" for pointer in refused]
    _refuse(where, problems)
    return with_whole_items(kind, found.spec)


def _refuse(where: str, problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise SpecInvalid(f"{where}: {named(found, '; ')}. Correct the declaration.")
