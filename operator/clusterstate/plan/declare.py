"""From the resource to the decision's terms: the declaration, canonical and checked against kops's schema. Pure."""

from collections.abc import Iterable

from clusterstate.api.spec import InstanceGroup
from clusterstate.api.store import Layout
from clusterstate.api.sync import Validation
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid
from clusterstate.plan.absence import find_problems
from clusterstate.plan.desired import Desired, DesiredGroup, Metadata, Policy
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import JsonObject
from clusterstate.state.schema import Kind

NAMED = 5
"""Problems that one message names; people mend a few at a time."""


def declare(state: ClusterState, store_url: str) -> Desired:
    """Give what the object declares; raise `SpecInvalid` naming each field that kops would refuse or drop.

    `validation: Warn` lets pass those that kops 1.35 doesn't know.
    """
    spec = state.spec
    validation = spec.sync.validation
    cluster = _canonical("Cluster", spec.cluster, "spec.cluster", validation) if spec.cluster else None
    _refuse("spec.absent", find_problems(spec.absent, cluster or {}))
    return Desired(
        cluster_name=state.cluster_name,
        store_url=store_url,
        cluster=cluster,
        instance_groups={group.name: _group(group, validation) for group in spec.instance_groups},
        policy=Policy(
            direction=spec.sync.direction,
            drift=spec.sync.drift,
            conflict=spec.sync.conflict,
            adoption=spec.sync.adoption,
            dry_run=spec.sync.dry_run,
            prune=spec.sync.prune,
        ),
        # kops finds no place behind k8s://, and leaves configBase to people: nodes read from a store that they reach.
        names_place=spec.store.k8s is None or spec.store.k8s.layout is not Layout.KOPS_RESOURCES,
        cluster_metadata=Metadata(spec.cluster_metadata.labels, spec.cluster_metadata.annotations),
        absent=frozenset(spec.absent),
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
    return found.spec


def _refuse(where: str, problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        more = f" ({len(found) - NAMED} more)" if len(found) > NAMED else ""
        raise SpecInvalid(f"{where}: {'; '.join(found[:NAMED])}{more}. Correct the declaration.")
