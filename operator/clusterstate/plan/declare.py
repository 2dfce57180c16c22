"""From the resource to the decision's terms: the declaration, canonical and checked against kops's schema. Pure."""

from clusterstate.api.spec import InstanceGroup
from clusterstate.api.store import Layout
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.plan.desired import Desired, DesiredGroup, Policy
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import JsonObject
from clusterstate.state.schema import Kind

NAMED = 5
"""Problems that one message names; people mend a few at a time."""


def declare(state: ClusterState, store_url: str) -> Desired:
    """Give what the object declares; raise `SpecInvalid` naming each field that kops would refuse or drop."""
    spec = state.spec
    objects = spec.store.k8s is not None and spec.store.k8s.layout is Layout.KOPS_RESOURCES
    return Desired(
        cluster_name=state.cluster_name,
        store_url=store_url,
        cluster=_canonical("Cluster", spec.cluster, "spec.cluster") if spec.cluster else None,
        instance_groups={group.name: _group(group) for group in spec.instance_groups},
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
