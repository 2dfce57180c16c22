"""Instance groups that are no longer declared: which of them go from the store (`spec.sync.prune`)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from clusterstate.plan.changes import Action, Change, Difference, FieldChange
from clusterstate.plan.desired import ConflictPolicy, DriftPolicy, Policy
from clusterstate.plan.values import as_list, as_map
from clusterstate.plan.whole import Item, differences, merge_whole
from clusterstate.state.objects import JsonObject


@dataclass(frozen=True, slots=True)
class Pruned:
    """What becomes of one group that is no longer declared."""

    item: Item
    change: Change | None = None
    drift: tuple[Difference, ...] = ()
    conflicts: tuple[Difference, ...] = ()
    kept: bool = False
    """It stays in the store, and known as one that was declared."""
    warning: str = ""


def prune(items: Iterable[Item], config: JsonObject | None, policy: Policy) -> list[Pruned]:
    """Decide on groups that were applied, are in the store, and aren't declared any more.

    `config` is the cluster's spec as it will be. A group that etcd has a member in never goes, and none goes while
    there is no cluster that could tell.
    """
    return [_decide(item, config, policy) for item in items]


def _decide(item: Item, config: JsonObject | None, policy: Policy) -> Pruned:
    if not policy.prune:
        return Pruned(item, kept=True)
    if config is None:
        return Pruned(item, kept=True, warning=f"{item.key} stays: no config tells if an etcd member is in it.")
    members = ", ".join(etcd_clusters_in(config, item.declared.name))
    if members:
        return Pruned(item, kept=True, warning=f"{item.key} stays: members of etcd are in it ({members}).")
    changed = _changed_by_others(item)
    if changed and policy.conflict is ConflictPolicy.FAIL:
        return Pruned(item, conflicts=changed, kept=True)
    if changed and policy.conflict is ConflictPolicy.PREFER_STORE:
        return Pruned(item, drift=changed)
    gone = Change(item.key, Action.DELETE, (FieldChange("", Action.DELETE),), None, item.version)
    return Pruned(item, gone, drift=changed)


def etcd_clusters_in(config: JsonObject, group: str) -> Iterator[str]:
    """Give the names of the etcd clusters that have a member in a group."""
    for cluster in map(as_map, as_list(config.get("etcdClusters", []))):
        members = map(as_map, as_list(cluster.get("etcdMembers", [])))
        if any(member.get("instanceGroup") == group for member in members):
            yield str(cluster.get("name", ""))


def _changed_by_others(item: Item) -> tuple[Difference, ...]:
    """Give every field that was applied and has another value, or none, in the store."""
    assert item.applied is not None, "only what was applied is pruned"
    assert item.observed is not None, "only what is there is pruned"
    whole = merge_whole(replace(item, declared=item.applied), item.applied, item.observed, _LOOK)
    return tuple(replace(each, declared=None) for each in differences(item.key, whole.drift))


_LOOK = Policy(drift=DriftPolicy.REPORT)
