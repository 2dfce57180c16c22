"""A state as a `ClusterState` manifest that declares all that can be declared of it: applying it changes nothing.

Pure. Keysets aren't declared: what no declaration names stays as it is in the store. Secrets are named, and their bytes
stand in a Secret beside the manifest; SSH keys are public and stand in it.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

import msgspec

from clusterstate.api.basics import FILE_NAME, LONGEST_NAME
from clusterstate.api.load import MAX_STRUCTURE_BYTES, load
from clusterstate.api.types import API_VERSION, KIND
from clusterstate.errors import MalformedFile
from clusterstate.plan.declare import declare
from clusterstate.plan.desired import Direction
from clusterstate.plan.diff import make_plan
from clusterstate.plan.holdable import holdable, holdable_labels, is_holdable_name
from clusterstate.plan.merge_table import Keyed, Rules, rules_of
from clusterstate.plan.observed import Observed, texts_of
from clusterstate.plan.pointers import path_of, put
from clusterstate.plan.values import MISSING, Missing, Value, as_list, as_map, index, join
from clusterstate.state.canonical import canonical
from clusterstate.state.codec import CLUSTER_LABEL, ssh_fingerprint
from clusterstate.state.layout import CONFIG, instance_group_key, secret_key, ssh_public_key_key
from clusterstate.state.objects import Document, Json, JsonObject, SshPublicKey, State
from clusterstate.state.schema import Kind
from clusterstate.store.base import Version

MOST: Final = {"instanceGroups": 1000, "secrets": 256, "sshPublicKeys": 64}
"""Items that a spec takes."""
LONGEST_SSH_KEY: Final = 16384
MOST_ANNOTATIONS: Final = 64
LONGEST_ANNOTATION: Final = 4096
MAX_SECRET_BYTES: Final = 1_000_000
"""Of all secrets of a cluster: what one Kubernetes Secret holds."""

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
    cluster = _cluster(state.cluster, left_out.append) if state.cluster else {}
    groups = [*_groups(state, left_out.append)]
    secrets = _secrets(state, left_out.append)
    keys: list[Json] = [*_ssh_keys(state, left_out.append)]
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


def _cluster(document: Document, leave_out: Callable[[str], None]) -> JsonObject:
    found: JsonObject = {}
    if spec := _spec("Cluster", document, CONFIG, leave_out):
        found["cluster"] = spec
    labels, annotations = texts_of(document)
    told = partial(_leave_out, leave_out, CONFIG)
    metadata = {
        "labels": holdable_labels(labels, (), "/metadata/labels", told),
        "annotations": _annotations(annotations, told),
    }
    if kept := {name: values for name, values in metadata.items() if values}:
        found["clusterMetadata"] = JsonObject(kept)
    return found


def _annotations(texts: Mapping[str, str], leave_out: Callable[[str], None]) -> JsonObject:
    kept: JsonObject = {}
    for name, text in texts.items():
        if len(text) <= LONGEST_ANNOTATION and len(kept) < MOST_ANNOTATIONS:
            kept[name] = text
        else:
            leave_out(join("/metadata/annotations", name))
    return kept


def _groups(state: State, leave_out: Callable[[str], None]) -> Iterator[JsonObject]:
    for number, (name, document) in enumerate(sorted(state.instance_groups.items())):
        key = instance_group_key(name)
        if not is_holdable_name(name) or number >= MOST["instanceGroups"]:
            leave_out(key)
            continue
        labels = {label: value for label, value in texts_of(document)[0].items() if label != CLUSTER_LABEL}
        kept = holdable_labels(labels, (), "/metadata/labels", partial(_leave_out, leave_out, key))
        spec = _spec("InstanceGroup", document, key, leave_out)
        yield {"name": name, **({"spec": spec} if spec else {}), **({"labels": kept} if kept else {})}


def _spec(kind: Kind, document: Document, key: str, leave_out: Callable[[str], None]) -> JsonObject:
    """Give what of a spec can be declared: what kops and our schema know, without null."""
    found = canonical(kind, document.spec)
    told = partial(_leave_out, leave_out, key)
    odd = frozenset({*found.unknown, *(each.pointer for each in found.problems)})
    known = _known(found.spec, rules_of(kind), "/spec", odd, told)
    return as_map(holdable(as_map(known), "/spec", told))


def _known(value: Json, rules: Rules, at: str, odd: frozenset[str], leave_out: Callable[[str], None]) -> Value:
    """Give a value without what is odd in it; a list that merges as a whole goes as a whole."""
    if at in odd:
        leave_out(at)
        return MISSING
    if isinstance(value, dict):
        parts = ((key, _known(each, rules.below(key), join(at, key), odd, leave_out)) for key, each in value.items())
        return {key: each for key, each in parts if not isinstance(each, Missing)}
    if not isinstance(value, list) or not any(pointer.startswith(f"{at}/") for pointer in odd):
        return value
    if not isinstance(rules.items, Keyed) or index(rules.items, value) is None:
        leave_out(at)
        return MISSING
    items = (_known(each, rules.each, f"{at}/{place}", odd, leave_out) for place, each in enumerate(value))
    return [each for each in items if not isinstance(each, Missing)]


def _leave_out(leave_out: Callable[[str], None], key: str, pointer: str) -> None:
    leave_out(f"{key} {pointer}")


def _secrets(state: State, leave_out: Callable[[str], None]) -> dict[str, bytes]:
    kept: dict[str, bytes] = {}
    room = MAX_SECRET_BYTES
    for name, secret in sorted(state.secrets.items()):
        named = len(name) <= LONGEST_NAME and re.match(FILE_NAME, name)
        if named and len(secret.data) <= room and len(kept) < MOST["secrets"]:
            kept[name] = secret.data
            room -= len(secret.data)
        else:
            leave_out(secret_key(name))
    return kept


def _reference(name: str, secret: str) -> JsonObject:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}


def _ssh_keys(state: State, leave_out: Callable[[str], None]) -> Iterator[JsonObject]:
    for number, (fingerprint, key) in enumerate(sorted(state.ssh_public_keys.items())):
        text = _text(key)
        if 0 < len(text) <= LONGEST_SSH_KEY and number < MOST["sshPublicKeys"]:
            yield {"value": text}
        else:
            leave_out(ssh_public_key_key(fingerprint))


def _text(key: SshPublicKey) -> str:
    """Give a key as it is declared, nothing where a declaration would name another file."""
    try:
        text = key.data.decode()
        return text if ssh_fingerprint(key.data, key.fingerprint) == key.fingerprint else ""
    except (UnicodeDecodeError, MalformedFile):
        return ""


def _fitting(groups: list[JsonObject], spec: JsonObject, leave_out: Callable[[str], None]) -> list[Json]:
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
