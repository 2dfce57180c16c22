"""One admin key: `kops update cluster` demands exactly one on some clouds, and a store may have room for one only."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from clusterstate.errors import SpecInvalid
from clusterstate.plan.changes import Action, Change
from clusterstate.plan.desired import Desired
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import Document

CLOUDS: Final = frozenset({"aws", "azure", "openstack", "scaleway"})
"""On which kops refuses to update a cluster that has more than one."""


def require_one_ssh_key(
    desired: Desired, cluster: Document | None, observed: Mapping[str, str], changes: Iterable[Change]
) -> None:
    """Raise `SpecInvalid` where a push would leave a second admin key; those of others in the store count."""
    cloud = str(cluster.spec.get("cloudProvider", "")) if cluster else ""
    if cloud not in CLOUDS and not desired.one_ssh_key:
        return
    touched = {change.key: change.action for change in changes if _is_ssh_key(change.key)}
    kept = {key for key in observed if _is_ssh_key(key) and touched.get(key) is not Action.DELETE}
    declared = {key for key in desired.contents if _is_ssh_key(key)}
    adds = any(action is Action.CREATE for action in touched.values())
    if len(declared) <= 1 and (not adds or len(kept | declared) <= 1):
        return
    why = f"kops update refuses a second admin key on {cloud}" if cloud in CLOUDS else "this store has room for one"
    raise SpecInvalid(
        f"spec.sshPublicKeys: {', '.join(sorted(kept | declared))} would be in the store together, but {why}; nothing "
        "was written. Declare one, and remove what others put there with kops delete sshpublickey."
    )


def in_order(changes: Sequence[Change], *, one_ssh_key: bool) -> list[Change]:
    """Give the changes with the deletes last; where one key must make room for another, with its delete first."""
    if one_ssh_key:
        early = [each for each in changes if _is_ssh_key(each.key) and each.action is Action.DELETE]
        changes = [*early, *(each for each in changes if each not in early)]
        return sorted(changes, key=lambda each: each.action is Action.DELETE and each not in early)
    return sorted(changes, key=lambda each: each.action is Action.DELETE)


def _is_ssh_key(key: str) -> bool:
    return kind_of(key).kind is FileKind.SSH_PUBLIC_KEY
