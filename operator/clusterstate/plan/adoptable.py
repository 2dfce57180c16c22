"""What of a state a `ClusterState` can declare, part by part; whatever can't be is told, and left out. Pure.

`leave_out` is told a file's key, and the pointer in it.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from clusterstate.api.basics import FILE_NAME, LONGEST_NAME
from clusterstate.errors import MalformedFile
from clusterstate.plan.holdable import LeaveOut, holdable, holdable_labels, is_holdable_name
from clusterstate.plan.merge_table import Keyed, Rules, rules_of
from clusterstate.plan.observed import texts_of
from clusterstate.plan.values import MISSING, Missing, Value, as_map, index, join
from clusterstate.state.canonical import canonical
from clusterstate.state.codec import CLUSTER_LABEL, ssh_fingerprint
from clusterstate.state.layout import CONFIG, instance_group_key, secret_key, ssh_public_key_key
from clusterstate.state.objects import Document, Json, JsonObject, SshPublicKey, State
from clusterstate.state.schema import Kind

MOST: Final = {"instanceGroups": 1000, "secrets": 256, "sshPublicKeys": 64}
"""Items that a spec takes."""
LONGEST_SSH_KEY: Final = 16384
MOST_ANNOTATIONS: Final = 64
LONGEST_ANNOTATION: Final = 4096
MAX_SECRET_BYTES: Final = 1_000_000
"""Of all secrets of a cluster: what one Kubernetes Secret holds."""


def cluster_of(document: Document, leave_out: LeaveOut) -> JsonObject:
    """Give `cluster` and `clusterMetadata` of a spec."""
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


def _annotations(texts: Mapping[str, str], leave_out: LeaveOut) -> JsonObject:
    kept: JsonObject = {}
    for name, text in texts.items():
        if len(text) <= LONGEST_ANNOTATION and len(kept) < MOST_ANNOTATIONS:
            kept[name] = text
        else:
            leave_out(join("/metadata/annotations", name))
    return kept


def groups_of(state: State, leave_out: LeaveOut) -> Iterator[JsonObject]:
    """Give the items of `instanceGroups`, by name."""
    for number, (name, document) in enumerate(sorted(state.instance_groups.items())):
        key = instance_group_key(name)
        if not is_holdable_name(name) or number >= MOST["instanceGroups"]:
            leave_out(key)
            continue
        labels = {label: value for label, value in texts_of(document)[0].items() if label != CLUSTER_LABEL}
        kept = holdable_labels(labels, (), "/metadata/labels", partial(_leave_out, leave_out, key))
        spec = _spec("InstanceGroup", document, key, leave_out)
        yield {"name": name, **({"spec": spec} if spec else {}), **({"labels": kept} if kept else {})}


def _spec(kind: Kind, document: Document, key: str, leave_out: LeaveOut) -> JsonObject:
    """Give what of a spec can be declared: what kops and our schema know, without null."""
    found = canonical(kind, document.spec)
    told = partial(_leave_out, leave_out, key)
    odd = frozenset({*found.unknown, *(each.pointer for each in found.problems)})
    known = _known(found.spec, rules_of(kind), "/spec", odd, told)
    return as_map(holdable(as_map(known), "/spec", told))


def _known(value: Json, rules: Rules, at: str, odd: frozenset[str], leave_out: LeaveOut) -> Value:
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


def _leave_out(leave_out: LeaveOut, key: str, pointer: str) -> None:
    leave_out(f"{key} {pointer}")


def secrets_of(state: State, leave_out: LeaveOut) -> dict[str, bytes]:
    """Give the secrets that one Kubernetes Secret can hold under their names."""
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


def ssh_keys_of(state: State, leave_out: LeaveOut) -> Iterator[JsonObject]:
    """Give the items of `sshPublicKeys`."""
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
