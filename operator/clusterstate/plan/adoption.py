"""A state as a `ClusterState` manifest that declares all that can be declared of it: applying it changes nothing.

Pure. Keysets aren't declared: what no declaration names stays as it is in the store. Secrets are named, and their bytes
stand in a Secret beside the manifest; SSH keys are public and stand in it.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import msgspec

from clusterstate.api.basics import LONGEST_NAME
from clusterstate.api.load import MAX_STRUCTURE_BYTES, load
from clusterstate.api.types import API_VERSION, KIND
from clusterstate.plan.adoptable import cluster_of, groups_of, secrets_of, ssh_keys_of
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import Direction
from clusterstate.plan.diff import make_plan
from clusterstate.plan.holdable import LeaveOut
from clusterstate.plan.merge_table import rules_of
from clusterstate.plan.observed import Observed
from clusterstate.plan.pointers import path_of, put
from clusterstate.plan.values import MISSING, as_list, as_map
from clusterstate.state.layout import CONFIG, instance_group_key
from clusterstate.state.objects import Json, JsonObject, State
from clusterstate.state.schema import Kind
from clusterstate.store.base import Version

_NEVER: Final = datetime.min.replace(tzinfo=UTC)
"""When nothing is made."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a manifest is to say beside the state."""

    cluster_name: str
    store: JsonObject
    """`spec.store`."""
    namespace: str = ""
    """Empty: the manifest names none."""

    @property
    def secret_name(self) -> str:
        """The Secret that has the cluster's secrets."""
        return f"{self.cluster_name[: LONGEST_NAME - 8].rstrip('-.')}-secrets"

    def metadata(self, name: str) -> JsonObject:
        """Give the metadata of a manifest."""
        return {"name": name, **({"namespace": self.namespace} if self.namespace else {})}


@dataclass(frozen=True, slots=True)
class Adoption:
    """A manifest, and what it doesn't say."""

    manifest: JsonObject
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Data of the Secret that the manifest names, by key, which is the secret's name."""
    left_out: tuple[str, ...] = ()
    """What the store holds and no manifest can: a file's key, and the pointer in it."""


def adopt(state: State, wanted: Wanted) -> Adoption:
    """Give the manifest. What is left out stays as it is in the store, as what nobody declares.

    Raises `SpecInvalid` or `SpecTooLarge` where the operator would refuse it all the same.
    """
    found = _declare_all(state, wanted)
    while changes := _find_changes(found, state):
        for key, pointer in changes:
            _take_out(as_map(found.manifest["spec"]), key, pointer)
        left_out = {*found.left_out, *(f"{key} {pointer}" for key, pointer in changes)}
        found = replace(found, left_out=tuple(sorted(left_out)))
    return found


def _declare_all(state: State, wanted: Wanted) -> Adoption:
    left_out: list[str] = []
    cluster = cluster_of(state.cluster, left_out.append) if state.cluster else {}
    groups = [*groups_of(state, left_out.append)]
    secrets = secrets_of(state, left_out.append)
    keys: list[Json] = [*ssh_keys_of(state, left_out.append)]
    references: list[Json] = [_reference(name, wanted.secret_name) for name in secrets]
    contents: JsonObject = {name: items for name, items in (("secrets", references), ("sshPublicKeys", keys)) if items}
    spec: JsonObject = {"clusterName": wanted.cluster_name, "store": wanted.store, **cluster, **contents}
    fitting = _fitting(groups, spec, left_out.append)
    if fitting:
        spec["instanceGroups"] = fitting
    metadata = wanted.metadata(wanted.cluster_name)
    manifest: JsonObject = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}
    return Adoption(manifest, secrets, tuple(sorted(left_out)))


def _find_changes(found: Adoption, state: State) -> list[tuple[str, str]]:
    """Give key and pointer of what the operator would change all the same, such as a list that kops would complete.

    What differs is looked for first: a plan that changes it may be one that kops would refuse.
    """
    metadata: JsonObject = {**as_map(found.manifest["metadata"]), "namespace": "default", "uid": ""}
    desired = declare(load({**found.manifest, "metadata": metadata}), "")
    versions = {key: Version("") for key in (CONFIG, *map(instance_group_key, state.instance_groups))}
    observed = Observed(state, versions)
    looking = replace(desired, policy=replace(desired.policy, direction=Direction.PULL))
    if drift := make_plan(looking, observed, _NEVER).drift:
        return [(each.key, each.pointer) for each in drift]
    plan = make_plan(desired, observed, _NEVER)
    changes = ((change.key, each.pointer) for change in plan.changes for each in change.fields)
    return [*changes, *((each.key, each.pointer) for each in plan.conflicts)]


def _take_out(spec: JsonObject, key: str, pointer: str) -> None:
    """Take out of a spec what it declares of a document at a pointer, or the whole of it where nothing stands there."""
    groups = {
        instance_group_key(str(as_map(each)["name"])): as_map(each) for each in as_list(spec.get("instanceGroups", []))
    }
    kind: Kind = "Cluster" if key == CONFIG else "InstanceGroup"
    part, field_name = (spec, "cluster") if key == CONFIG else (groups[key], "spec")
    before = part.pop(field_name)
    after = put(rules_of(kind), before, path_of(pointer)[1:], MISSING)
    if after != before and after is not MISSING:
        part[field_name] = after


def _reference(name: str, secret: str) -> JsonObject:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}


def _fitting(groups: list[JsonObject], spec: JsonObject, leave_out: LeaveOut) -> list[Json]:
    """Give as many instance groups, the smallest first, as the API server takes with the rest; in their order."""
    room = MAX_STRUCTURE_BYTES - len(msgspec.json.encode(spec))
    kept: set[str] = set()
    for size, name in sorted((len(msgspec.json.encode(each)) + 1, str(each["name"])) for each in groups):
        room -= size
        if room > 0:
            kept.add(name)
        else:
            leave_out(instance_group_key(name))
    return [each for each in groups if each["name"] in kept]


def secret_manifest(adoption: Adoption, wanted: Wanted) -> JsonObject:
    """Give the Secret that an adoption's manifest names."""
    data: JsonObject = {name: b64encode(value).decode() for name, value in sorted(adoption.secrets.items())}
    metadata = wanted.metadata(wanted.secret_name)
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
