"""A mirror as a Secret, and the part of a Secret that is ours to decide. Pure.

Ours are type, data, immutability, our owner reference, the labels and annotations that we put there. Which of
the last two come from the declaration stands in an annotation, so that one that is no longer declared goes and
one that somebody else added stays.
"""

import base64
from collections.abc import Collection, Mapping
from hashlib import sha256

import msgspec

from clusterstate.api.annotations import (
    GROUP,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MIRROR_KIND_LABEL,
    MIRROR_SOURCE,
    OUR_NAMES,
    OWNER_NAME_LABEL,
    OWNER_UID_LABEL,
)
from clusterstate.api.types import KIND
from clusterstate.kube.kinds import JsonObject
from clusterstate.kube.owner import Owner
from clusterstate.mirror.names import MAX_LABEL_VALUE, fitted
from clusterstate.mirror.objects import Mirror

DECLARED_METADATA = f"{GROUP}/declared-metadata"
"""Annotation of mirrors: keys of the labels and annotations that `spec.mirror` asked for, as JSON."""


class _Declared(msgspec.Struct, frozen=True):
    labels: frozenset[str] = frozenset()
    annotations: frozenset[str] = frozenset()


def make_secret(owner: Owner, mirror: Mirror) -> JsonObject:
    """Give the whole Secret, ready to be created."""
    return {
        **({"immutable": True} if mirror.immutable else {}),
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": mirror.name,
            "namespace": owner.namespace,
            "labels": {**mirror.labels, **_labels(owner, mirror)},
            "annotations": {**mirror.annotations, **_annotations(mirror)},
            "ownerReferences": [owner.reference()],
        },
        "type": str(mirror.type),
        "data": {key: base64.b64encode(value).decode() for key, value in mirror.data.items()},
    }


def make_replacement(current: JsonObject, wanted: JsonObject) -> JsonObject:
    """Give `wanted` in the place of `current`: data whole, metadata of others kept, uid and version as read."""
    return {**wanted, "metadata": {**current["metadata"], **_merged(current, wanted)}}


def can_become(current: JsonObject, wanted: JsonObject) -> bool:
    """Whether the API server lets a Secret become another one: it changes no type, and no data that is immutable."""
    fixed = ("type", "data", "immutable") if current.get("immutable") else ("type",)
    return all((current.get(field) or {}) == (wanted.get(field) or {}) for field in fixed)


def make_successor(current: JsonObject, wanted: JsonObject) -> JsonObject:
    """Give `wanted` to be created after `current` was deleted: with its foreign metadata, as a new object."""
    return {**wanted, "metadata": {**wanted["metadata"], **_merged(current, wanted)}}


def digest_of(secret: JsonObject) -> str:
    """Give SHA-256, in hex, of what is ours of a Secret: equal where a write would change nothing."""
    metadata, declared = secret["metadata"], _declared(secret)
    ours = {
        "type": secret.get("type"),
        "data": secret.get("data") or {},
        "immutable": bool(secret.get("immutable")),
        "owner": owner_reference(secret),
        "labels": _ours(metadata.get("labels"), declared.labels),
        "annotations": _ours(metadata.get("annotations"), declared.annotations),
    }
    return sha256(msgspec.json.encode(ours, order="sorted")).hexdigest()


def owner_reference(secret: JsonObject) -> JsonObject | None:
    """Give the reference to the ClusterState that controls a Secret, None where there is none."""
    references = secret["metadata"].get("ownerReferences", ())
    return next((each for each in references if each.get("controller") and _is_our_kind(each)), None)


def source_of(secret: JsonObject) -> str:
    """Give `keyset/NAME`, `secret/NAME` or `ssh/FINGERPRINT`; nonsense where somebody changed our metadata."""
    labels, annotations = (secret["metadata"].get(part) or {} for part in ("labels", "annotations"))
    return f"{labels.get(MIRROR_KIND_LABEL, '')}/{annotations.get(MIRROR_SOURCE, '')}"


def _merged(current: JsonObject, wanted: JsonObject) -> JsonObject:
    old, new, declared = current["metadata"], wanted["metadata"], _declared(current)
    (reference,) = new["ownerReferences"]
    others = [each for each in old.get("ownerReferences", ()) if each["uid"] != reference["uid"]]
    return {
        "labels": _theirs(old.get("labels"), declared.labels) | new["labels"],
        "annotations": _theirs(old.get("annotations"), declared.annotations) | new["annotations"],
        "ownerReferences": [*others, reference],
    }


def _is_our_kind(reference: JsonObject) -> bool:
    return bool(reference["kind"] == KIND and reference["apiVersion"].startswith(f"{GROUP}/"))


def _labels(owner: Owner, mirror: Mirror) -> dict[str, str]:
    return {
        MANAGED_BY_LABEL: MANAGED_BY,
        OWNER_UID_LABEL: owner.uid,
        OWNER_NAME_LABEL: fitted(owner.name, MAX_LABEL_VALUE),
        MIRROR_KIND_LABEL: mirror.source.partition("/")[0],
    }


def _annotations(mirror: Mirror) -> dict[str, str]:
    ours = {MIRROR_SOURCE: mirror.source.partition("/")[2]}
    if mirror.labels or mirror.annotations:
        declared = _Declared(frozenset(mirror.labels), frozenset(mirror.annotations))
        ours[DECLARED_METADATA] = msgspec.json.encode(declared, order="deterministic").decode()
    return ours


def _declared(secret: JsonObject) -> _Declared:
    text = (secret["metadata"].get("annotations") or {}).get(DECLARED_METADATA, "{}")
    try:
        return msgspec.json.decode(text, type=_Declared)
    except (msgspec.DecodeError, RecursionError):
        return _Declared()  # somebody else wrote there; the digest differs, so that a replacement mends it


def _ours(values: Mapping[str, str] | None, declared: Collection[str]) -> dict[str, str]:
    return {key: value for key, value in (values or {}).items() if _is_ours(key, declared)}


def _theirs(values: Mapping[str, str] | None, declared: Collection[str]) -> dict[str, str]:
    return {key: value for key, value in (values or {}).items() if not _is_ours(key, declared)}


def _is_ours(key: str, declared: Collection[str]) -> bool:
    return key.startswith(OUR_NAMES) or key in declared
