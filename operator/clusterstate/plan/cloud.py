"""Whether the last `kops update cluster` has seen what the store says now: a push alone changes no machine.

`cluster-completed.spec` is what that update worked from: `config` with defaults filled in and some fields rewritten.
No file tells which instance groups it has seen; there our own pushes count, until a person confirms the update.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from clusterstate.plan.completion import PROXY_EXCLUDES, REWRITTEN, VERSION
from clusterstate.plan.merge_table import Keyed, Rules, rules_of
from clusterstate.plan.naming import named
from clusterstate.plan.values import MISSING, Value, are_lists, as_list, equal, index, join
from clusterstate.reasons import Reason
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import Json, JsonObject, State

MAX_DIGITS = 18
"""Of a revision's number, which Kubernetes keeps in 64 bits."""


@dataclass(frozen=True, slots=True)
class CloudUpdate:
    """What the `CloudUpdated` condition says."""

    updated: bool | None
    """None: not known."""
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Pushes:
    """What our own revisions say about instance groups, of which no file tells whether kops has seen them."""

    groups: int = 0
    """The newest revision whose push changed an instance group; 0: none did."""
    newest: int = 0
    """The newest revision of all."""
    confirmation: str = ""
    """The annotation `clusterstate.dev/cloud-updated`: up to which revision a person says the update has run."""
    hooked: int = 0
    """The newest revision whose Job (`spec.afterPush`) succeeded; 0: none did."""
    failed: int = 0
    """The revision whose Job failed, where that is the newest one that ended and none runs; 0: it didn't."""
    failure: str = ""
    """What the newest Job said when it failed; empty: it didn't."""

    @property
    def confirmed(self) -> bool:
        """Whether a person or a Job has seen to all of them; a number that is still to come confirms nothing."""
        return self._is_confirmed(self.groups) or self.groups <= self.hooked or not self.groups

    @property
    def has_failed(self) -> bool:
        """Whether the newest Job failed, and nobody has said since that the update has been run."""
        return self.failed > 0 and not self._is_confirmed(self.failed)

    def _is_confirmed(self, revision: int) -> bool:
        return revision <= _revision(self.confirmation) <= self.newest


def cloud_update(state: State, cluster_name: str, pushes: Pushes | None = None) -> CloudUpdate:
    """Compare a state with what the last `kops update cluster` left in it."""
    pushes = pushes or Pushes()
    command = f"kops update cluster {cluster_name} --yes"
    if pushes.has_failed:
        text = (
            f"The Job after the push of revision {pushes.failed} failed: {pushes.failure} See what is wrong, and "
            f"run: {command}; then set the annotation clusterstate.dev/cloud-updated: {pushes.failed}."
        )
        return CloudUpdate(updated=False, reason=Reason.AFTER_PUSH_FAILED, message=text)
    if state.cluster is None or state.completed is None:
        return CloudUpdate(
            None,
            Reason.KOPS_NEVER_UPDATED,
            f"The store holds no cluster-completed.spec: kops has not built this cluster yet. Run: {command}",
        )
    pointers = unseen(state.cluster.spec, state.completed.spec)
    if pointers:
        text = f"config changed in {named(pointers)} since kops built the cluster. Run: {command}"
        return CloudUpdate(updated=False, reason=Reason.KOPS_UPDATE_PENDING, message=text)
    if not pushes.confirmed:
        text = (
            f"Revision {pushes.groups} changed instance groups, and no file of the store tells if kops has seen that. "
            f"Run: {command}; then set the annotation clusterstate.dev/cloud-updated: {pushes.groups}."
        )
        return CloudUpdate(updated=False, reason=Reason.KOPS_UPDATE_PENDING, message=text)
    text = "The last kops update cluster has seen what the store says."
    return CloudUpdate(updated=True, reason=Reason.CLOUD_UPDATED, message=text)


def unseen(config: JsonObject, completed: JsonObject) -> tuple[str, ...]:
    """Give JSON pointers of what a `config` spec says otherwise than a `cluster-completed.spec`, in their order.

    What only the completed spec has was filled in by kops; only an item of a keyed list can't have been. A field that
    our schema doesn't know counts for nothing: a kops that doesn't know it either forgets it.
    """
    said = canonical("Cluster", config)
    forgotten = frozenset(map(_path, said.unknown))
    found = _unseen("/spec", "", rules_of("Cluster"), said.spec, canonical("Cluster", completed).spec)
    return tuple(pointer for pointer, path in found if path not in forgotten)


def _path(pointer: str) -> str:
    """Give the place in the schema of what canonical form points to, with items of lists by their place."""
    tokens = (token.replace("~1", "/").replace("~0", "~") for token in pointer.removeprefix("/spec/").split("/"))
    return ".".join("[]" if token.isdecimal() else token for token in tokens).replace(".[]", "[]")


def _revision(confirmed: str) -> int:
    readable = confirmed.isascii() and confirmed.isdigit() and len(confirmed) <= MAX_DIGITS
    return int(confirmed) if readable else 0


def _unseen(at: str, path: str, rules: Rules, config: Json, completed: Value) -> Iterator[tuple[str, str]]:
    """Give pointers, each with its place in the schema: `subnets[].zone`."""
    if path in REWRITTEN:
        return
    if isinstance(config, dict) and isinstance(completed, dict):
        for key in sorted(config):
            below = f"{path}.{key}" if path else key
            yield from _unseen(join(at, key), below, rules.below(key), config[key], completed.get(key, MISSING))
    elif isinstance(rules.items, Keyed) and are_lists((config, completed)) and completed is not MISSING:
        yield from _unseen_items(at, path, (rules, rules.items), as_list(config), as_list(completed))
    elif not _seen(path, rules, config, completed):
        yield at, path


def _unseen_items(
    at: str, path: str, rules: tuple[Rules, Keyed], config: list[Json], completed: list[Json]
) -> Iterator[tuple[str, str]]:
    left, right = index(rules[1], config), index(rules[1], completed)
    if left is None or right is None:
        if not equal(rules[0], config, completed):
            yield at, path
        return
    for key, item in left.items():
        yield from _unseen(join(at, key), f"{path}[]", rules[0].each, item, right.get(key, MISSING))
    yield from ((join(at, key), path) for key in right if key not in left)


def _seen(path: str, rules: Rules, config: Json, completed: Value) -> bool:
    if path == VERSION and isinstance(config, str) and isinstance(completed, str):
        return config.removeprefix("v") == completed.removeprefix("v")
    if path == PROXY_EXCLUDES and isinstance(config, str) and isinstance(completed, str):
        return completed.startswith(config)
    return equal(rules, config, completed)
