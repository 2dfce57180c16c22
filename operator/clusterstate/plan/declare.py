"""From the resource to the decision's terms: the declaration, canonical and checked against kops's schema. Pure."""

from clusterstate.api.spec import InstanceGroup
from clusterstate.api.store import Layout
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.plan.desired import Desired, DesiredGroup, Policy
from clusterstate.plan.ownership import Owners, declared_part, ownership_of
from clusterstate.plan.values import as_map
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import JsonObject
from clusterstate.state.schema import Kind

NAMED = 5
"""Problems that one message names; people mend a few at a time."""


def declare(state: ClusterState, store_url: str) -> Desired:
    """Give what the object declares, without what only Pull has put there.

    Raises `SpecInvalid` naming each field that kops would refuse or drop.
    """
    spec, owners = state.spec, ownership_of(state.metadata)
    objects = spec.store.k8s is not None and spec.store.k8s.layout is Layout.KOPS_RESOURCES
    cluster = as_map(declared_part(spec.cluster, owners.cluster))
    groups = (_declared_group(group, owners.groups.item(group.name)) for group in spec.instance_groups)
    return Desired(
        cluster_name=state.cluster_name,
        store_url=store_url,
        cluster=_canonical("Cluster", cluster, "spec.cluster") if cluster else None,
        instance_groups={group.name: _group(group) for group in groups if group is not None},
        policy=Policy(
            direction=spec.sync.direction,
            drift=spec.sync.drift,
            conflict=spec.sync.conflict,
            adoption=spec.sync.adoption,
            dry_run=spec.sync.dry_run,
        ),
        # kops finds no place behind k8s://, and leaves configBase to people: nodes read from a store that they reach.
        names_place=not objects,
        one_ssh_key=objects,
    )


def _declared_group(group: InstanceGroup, owners: Owners) -> InstanceGroup | None:
    spec = declared_part(group.spec, owners.below("spec"))
    labels = declared_part(JsonObject(group.labels), owners.below("labels"))
    if owners.pull is not None and not owners.others:
        return None
    return InstanceGroup(
        name=group.name, spec=as_map(spec), labels={name: str(value) for name, value in as_map(labels).items()}
    )


def _group(group: InstanceGroup) -> DesiredGroup:
    spec = _canonical("InstanceGroup", group.spec, f"spec.instanceGroups[{group.name}].spec")
    return DesiredGroup(group.name, spec, group.labels)


def _canonical(kind: Kind, spec: JsonObject, where: str) -> JsonObject:
    found = canonical(kind, spec, partial=True)
    problems = [f"{problem.pointer}: {problem.message}" for problem in found.problems]
    problems += [
        f"{pointer}: kops knows no such field and would drop it" for pointer in (*found.unknown, *found.dropped)
    ]
    if problems:
        more = f" ({len(problems) - NAMED} more)" if len(problems) > NAMED else ""
        raise SpecInvalid(f"{where}: {'; '.join(problems[:NAMED])}{more}. Correct the declaration.")
    return found.spec
