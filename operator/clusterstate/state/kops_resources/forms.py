"""An object of kops <-> the bytes of the file that it is. Pure.

Shown of an object's metadata are name, labels, annotations, creationTimestamp and generation, as kops would write
them into a file; a keyset's file has its name only. Written are spec, labels and annotations. What belongs to the API
server or to others stays as it is: uid, managed fields, finalizers, owners, and kubectl's note of what it applied.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from clusterstate.errors import MalformedFile, StoreRefused
from clusterstate.kube.kinds import JsonObject
from clusterstate.state import codec, keyset, layout, yaml
from clusterstate.state.kops_resources.kinds import ADMIN, CLUSTERS, INSTANCE_GROUPS, TOKEN, Place
from clusterstate.state.layout import FileKind
from clusterstate.state.objects import Document, Keyset, KeysetItem, StoredSecret

SHOWN: Final = ("annotations", "creationTimestamp", "generation", "labels", "name")
HIDDEN_ANNOTATION: Final = "kubectl.kubernetes.io/last-applied-configuration"
KEYPAIR: Final = "Keypair"
SECRET: Final = "Secret"  # noqa: S105 - the name of a type


@dataclass(frozen=True, slots=True)
class ObjectContent:
    """What a file says of its object."""

    spec: JsonObject = field(repr=False)
    labels: Mapping[str, str] | None = None
    """None: the file doesn't tell."""
    annotations: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class File:
    """An object as a file."""

    key: str
    data: bytes = field(repr=False)


def read_object(plural: str, body: JsonObject) -> File | None:
    """Give the file that an object is; None where it is none that kops would read.

    Raises `StoreRefused`, which names the object, for one that is nested too deeply.
    """
    try:
        return _READERS[plural](body)
    except RecursionError:
        raise StoreRefused(
            f"The object {plural}/{body['metadata']['name']} is nested too deeply to be a file. Delete or correct it."
        ) from None


def _cluster(body: JsonObject) -> File:
    return File(layout.CONFIG, _document(body, CLUSTERS.kind))


def _instance_group(body: JsonObject) -> File:
    return File(layout.instance_group_key(body["metadata"]["name"]), _document(body, INSTANCE_GROUPS.kind))


def _document(body: JsonObject, kind: str) -> bytes:
    metadata = {name: value for name, value in body["metadata"].items() if name in SHOWN}
    annotations = metadata.pop("annotations", None) or {}
    annotations = {name: value for name, value in annotations.items() if name != HIDDEN_ANNOTATION}
    if annotations:
        metadata["annotations"] = annotations
    return codec.encode_document(Document(codec.API_VERSION, kind, metadata, _spec(body)))


def _keyset(body: JsonObject) -> File | None:
    name, spec = body["metadata"]["name"], _spec(body)
    if spec.get("type") == KEYPAIR:
        content: JsonObject = {"metadata": {"name": name}, "spec": spec}
        return File(layout.keyset_key(name), yaml.dump({"apiVersion": codec.API_VERSION, "kind": "Keyset", **content}))
    if spec.get("type") == SECRET and name.startswith(TOKEN):
        return File(layout.secret_key(name.removeprefix(TOKEN)), _secret(spec))
    return None


def _secret(spec: JsonObject) -> bytes:
    """Give a secret's file; like kops's own mirror of it, one without a usable key has none of the data."""
    item = _primary(spec)
    data = item.get("privateMaterial") if item else None
    return msgspec.json.encode({"Data": data if isinstance(data, str) else None})


def _primary(spec: JsonObject) -> JsonObject | None:
    """Give the item of a secret that counts, by the rule for keysets."""
    keys = spec.get("keys")
    items = [item for item in keys if isinstance(item, dict)] if isinstance(keys, list) else []
    by_id = {str(item.get("id")): item for item in items if "distrustTimestamp" not in item}
    found = keyset.primary(
        Keyset("", str(spec.get("primaryId", "")), tuple(KeysetItem(name, None, None) for name in by_id))
    )
    return by_id[found.id] if found else None


def _ssh_credential(body: JsonObject) -> File | None:
    line = _spec(body).get("publicKey")
    if body["metadata"]["name"] != ADMIN or not isinstance(line, str):
        return None
    try:
        fingerprint = codec.ssh_fingerprint(line.encode(), ADMIN)
    except MalformedFile:
        return None
    return File(layout.ssh_public_key_key(fingerprint), line.encode())


_READERS: Final[Mapping[str, Callable[[JsonObject], File | None]]] = {
    "clusters": _cluster,
    "instancegroups": _instance_group,
    "keysets": _keyset,
    "sshcredentials": _ssh_credential,
}


def read_file(place: Place, key: str, data: bytes, before: JsonObject | None) -> ObjectContent:
    """Give what the bytes of a file say of its object; `before` is the object as it is, None where it is created.

    Raises `MalformedFile` or `MalformedKeyset` for what kops couldn't use there.
    """
    match place.file:
        case FileKind.KEYSET:
            codec.decode_keyset(data, key)
            spec = yaml.load(data, key)["spec"]
            assert isinstance(spec, dict), "the codec looked"
            return ObjectContent(spec)
        case FileKind.SECRET:
            return ObjectContent(_secret_spec(codec.decode_secret(data, key), before))
        case FileKind.SSH_PUBLIC_KEY:
            return ObjectContent({"publicKey": _ssh_line(data, key)})
        case _:
            return _document_content(codec.decode_document(data, key), place, key)


def _document_content(document: Document, place: Place, key: str) -> ObjectContent:
    if document.name != place.name:
        raise MalformedFile(f"{key} must be of name {place.name}. Correct metadata.name.")
    return ObjectContent(document.spec, _texts(document, "labels", key), _texts(document, "annotations", key))


def _secret_spec(secret: StoredSecret, before: JsonObject | None) -> JsonObject:
    """Give one key, as kops does, newer than the one before: its id decides which counts."""
    item = _primary(_spec(before)) if before else None
    number = int(item["id"]) + 1 if item else 1
    data = base64.b64encode(secret.data).decode()
    return {"type": SECRET, "keys": [{"id": str(number), "privateMaterial": data}]}


def _ssh_line(data: bytes, key: str) -> str:
    fingerprint = codec.ssh_fingerprint(data, key)
    if key != layout.ssh_public_key_key(fingerprint):
        raise MalformedFile(f"{key} holds the key with the fingerprint {fingerprint}. Give the file that name.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise MalformedFile(f"{key} isn't UTF-8 text, which it must be to be an SSHCredential.") from None


def _texts(document: Document, name: str, key: str) -> Mapping[str, str]:
    found = document.metadata.get(name) or {}
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise MalformedFile(f"{key}: metadata.{name} isn't a map of texts. Correct it.")
    return {each: str(value) for each, value in found.items()}


def _spec(body: JsonObject) -> JsonObject:
    spec = body.get("spec")
    return spec if isinstance(spec, dict) else {}


def make_body(namespace: str, place: Place, content: ObjectContent) -> JsonObject:
    """Give a new object, ready to be created."""
    metadata: JsonObject = {"name": place.name, "namespace": namespace}
    if content.labels:
        metadata["labels"] = dict(content.labels)
    if content.annotations:
        metadata["annotations"] = dict(content.annotations)
    return {**_type(place), "metadata": metadata, "spec": content.spec}


def make_replacement(before: JsonObject, place: Place, content: ObjectContent) -> JsonObject:
    """Give the object in place of the one that was read: with its uid and version, and the metadata of others."""
    metadata = {name: value for name, value in before["metadata"].items() if name != "managedFields"}
    if content.labels is not None:
        metadata["labels"] = dict(content.labels)
    if content.annotations is not None:
        there = metadata.get("annotations") or {}
        kept = {name: value for name, value in there.items() if name == HIDDEN_ANNOTATION}
        metadata["annotations"] = {**content.annotations, **kept}
    return {**before, **_type(place), "metadata": metadata, "spec": content.spec}


def _type(place: Place) -> JsonObject:
    return {"apiVersion": codec.API_VERSION, "kind": place.kind.kind}
