"""What kops would refuse in the documents as they would be written, beyond types and unknown fields. Pure.

After `pkg/apis/kops/validation` of kops 1.35.2: the first rules are those of `kops replace`, the ones across documents
and about networks those of `kops edit` and `kops update cluster`. A state that others made may break them all: only
what a plan brings about counts, and what is declared as it is there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from clusterstate.errors import SpecInvalid
from clusterstate.plan.desired import DesiredGroup
from clusterstate.plan.guards import REQUIRED
from clusterstate.plan.merge_table import BY_NAME, rules_of
from clusterstate.plan.naming import named
from clusterstate.plan.observed import Applied
from clusterstate.plan.pointers import find, path_of
from clusterstate.plan.values import MISSING, Value, as_list, as_map, equal_json, join
from clusterstate.state.layout import CONFIG, instance_group_key
from clusterstate.state.objects import Json, JsonObject

CONTROL_PLANE: Final = "Master"
"""The role as canonical form spells it."""
ROLES: Final = (CONTROL_PLANE, "Node", "Bastion", "APIServer")
ETCD_CLUSTERS: Final = ("main", "events", "cilium")
NETWORKS: Final = ("sshAccess", "kubernetesApiAccess", "nodePortAccess")
"""Lists of those who may come in: CIDRs, and Amazon's prefix lists."""
PREFIX_LIST: Final = "pl-"
VERSION: Final = re.compile(
    r"\s*v?\d+(\.\d+(\.\d+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?)?)?\s*", re.ASCII
)
"""Semver as kops reads it: `v`, minor and patch may be missing."""
VERSION_IN_URL: Final = re.compile(r"/v1\.\d+\.", re.ASCII)
"""What kops takes instead: a URL of a build."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that kops would refuse."""

    place: str
    """File and JSON pointer."""
    message: str
    also: str = ""
    """Another place that has its part in it."""
    across: bool = False
    """Whether another document has its part in it."""


def require_valid(before: Applied, after: Applied, declared: Applied) -> None:
    """Raise `SpecInvalid` naming what kops would refuse in a state after a plan; all canonical.

    What it would have refused before is named only where it is declared so.
    """
    known = frozenset(find_problems(before))
    found = [
        f"{problem.place} {problem.message}"
        for problem in find_problems(after)
        if problem not in known or _is_declared(problem, after, declared)
    ]
    if found:
        raise SpecInvalid(
            f"kops would refuse what is declared: {named(found, '; ')}. Nothing was written. Correct the declaration."
        )


def _is_declared(problem: Problem, after: Applied, declared: Applied) -> bool:
    """Whether all values that make a problem are declared as they are."""
    places = (place for place in (problem.place, problem.also) if place)
    return all(_agree(_find(place, declared), _find(place, after)) for place in places)


def _find(place: str, state: Applied) -> Value:
    """Give what a state has at a place."""
    kind, name, *path = path_of(f"/{place}")
    if kind == CONFIG:
        return find(rules_of("Cluster"), MISSING if state.cluster is None else state.cluster, path)
    group = state.instance_groups.get(name)
    return find(rules_of("InstanceGroup"), MISSING if group is None else group.spec, path[1:])


def _agree(declared: Value, there: Value) -> bool:
    """Whether a value is declared: a list with each item, an item in whatever part."""
    if isinstance(declared, list) and isinstance(there, list):
        return [_name(each) for each in declared] == [_name(each) for each in there]
    return declared is not MISSING and (isinstance(declared, dict) or equal_json(declared, there))


def _name(item: Json) -> Json:
    return item.get("name") if isinstance(item, dict) else item


def find_own_problems(state: Applied) -> Iterator[Problem]:
    """Give those that are there whatever else a state has: parts of documents say nothing of what they leave out."""
    for problem in find_problems(state):
        if not problem.across and _find(problem.place, state) is not MISSING:
            yield problem


def find_problems(state: Applied) -> Iterator[Problem]:
    """Give all that kops would refuse in a state's documents."""
    if state.cluster is not None:
        yield from _cluster(state.cluster, state.instance_groups)
    for name, group in sorted(state.instance_groups.items()):
        key = instance_group_key(name)
        yield from _group(key, group.spec)
        if state.cluster is not None:
            yield from _group_in(key, group, state.cluster)


def _cluster(spec: JsonObject, groups: Mapping[str, DesiredGroup]) -> Iterator[Problem]:
    for name in REQUIRED["Cluster"]:
        if not spec.get(name):
            yield Problem(f"{CONFIG}/spec/{name}", "is missing")
    version = str(spec.get("kubernetesVersion") or "")
    if version and not VERSION.fullmatch(version) and not VERSION_IN_URL.search(version):
        yield Problem(f"{CONFIG}/spec/kubernetesVersion", f"is {version}, which kops can't read as a version")
    yield from _networks(spec)
    for etcd in _maps(spec.get("etcdClusters")):
        at = join(f"{CONFIG}/spec/etcdClusters", BY_NAME.key_of(etcd) or "name=")
        if etcd.get("name") not in ETCD_CLUSTERS:
            yield Problem(at, f"is none of kops's etcd clusters: {', '.join(ETCD_CLUSTERS)}")
        yield from _members(f"{at}/etcdMembers", _maps(etcd.get("etcdMembers")), groups)


def _networks(spec: JsonObject) -> Iterator[Problem]:
    for name in NETWORKS:
        for network in as_list(spec.get(name, [])):
            if not _is_network(str(network)):
                yield Problem(f"{CONFIG}/spec/{name}", f"holds {network!r}, which is no network such as 10.0.0.0/8")


def _is_network(text: str) -> bool:
    """Whether kops takes it: an address with its prefix's length and nothing behind that, or a prefix list."""
    if text.startswith(PREFIX_LIST):
        return True
    try:
        ip_network(text)
    except ValueError:
        return False
    return text.partition("/")[2].isdecimal()


def _members(at: str, members: list[JsonObject], groups: Mapping[str, DesiredGroup]) -> Iterator[Problem]:
    if len(members) % 2 == 0:
        yield Problem(at, f"has {len(members)} members; etcd needs an odd number of them")
    for member in members:
        place, name = join(at, BY_NAME.key_of(member) or "name="), member.get("instanceGroup")
        if not member.get("name"):
            yield Problem(place, "has no name")
        if not name:
            yield Problem(place, "has no instanceGroup")
        elif str(name) not in groups:
            yield Problem(f"{place}/instanceGroup", f"names instance group {name}, which doesn't exist", across=True)
        elif groups[str(name)].spec.get("role") != CONTROL_PLANE:
            said = f"names instance group {name}, whose role isn't ControlPlane"
            yield Problem(f"{place}/instanceGroup", said, across=True)


def _group(key: str, spec: JsonObject) -> Iterator[Problem]:
    role, least, most = spec.get("role"), spec.get("minSize"), spec.get("maxSize")
    if not role:
        yield Problem(f"{key}/spec/role", "is missing")
    elif role not in ROLES:
        yield Problem(f"{key}/spec/role", "is none of kops's roles: ControlPlane, Node, Bastion, APIServer")
    if isinstance(least, int) and least < 0:
        yield Problem(f"{key}/spec/minSize", f"is {least}; no group can have less than no machine")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        said = f"is {most}, less than minSize, which is {least}"
        yield Problem(f"{key}/spec/maxSize", said, also=f"{key}/spec/minSize")
    if role == CONTROL_PLANE:
        yield from _control_plane(key, spec)


def _control_plane(key: str, spec: JsonObject) -> Iterator[Problem]:
    if not as_list(spec.get("subnets", [])):
        yield Problem(f"{key}/spec/subnets", "is missing; a control plane needs at least one")
    for name in ("minSize", "maxSize"):
        size = spec.get(name)
        if isinstance(size, int) and size > 1:
            yield Problem(f"{key}/spec/{name}", f"is {size}; of a control plane it is 1: declare more groups instead")


def _group_in(key: str, group: DesiredGroup, cluster: JsonObject) -> Iterator[Problem]:
    known = [subnet.get("name") for subnet in _maps(cluster.get("subnets"))]
    for subnet in as_list(group.spec.get("subnets", [])):
        if subnet not in known:
            said = f"names subnet {subnet}, which the cluster doesn't have"
            yield Problem(f"{key}/spec/subnets", said, across=True)
    if group.spec.get("role") == CONTROL_PLANE:
        for etcd in _maps(cluster.get("etcdClusters")):
            members = _maps(etcd.get("etcdMembers"))
            if all(member.get("instanceGroup") != group.name for member in members):
                said = f"is ControlPlane, but etcd cluster {etcd.get('name')} has no member in it"
                yield Problem(f"{key}/spec/role", said, across=True)


def _maps(values: Json) -> list[JsonObject]:
    return [as_map(each) for each in values] if isinstance(values, list) else []
