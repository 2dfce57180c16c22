"""Turns the bytes of one file into objects and back, byte for byte as kops 1.35.2 writes them.

Reading raises `MalformedFile` or `MalformedKeyset`; the message names the file and never holds its content.
Whatever our types have no word for is kept and written again.
"""

import base64
import binascii
import hashlib
import json
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, NoReturn

from clusterstate.errors import MalformedFile, MalformedKeyset
from clusterstate.state import layout, yaml
from clusterstate.state.objects import Document, Json, JsonObject, Keyset, KeysetItem, SshPublicKey, StoredSecret

API_VERSION: Final = "kops.k8s.io/v1alpha2"
LEGACY_API_VERSION: Final = "kops/v1alpha2"
"""What old kops versions wrote; read as it is, and written as `API_VERSION`."""
CLUSTER_LABEL: Final = "kops.k8s.io/cluster"
"""Names an instance group's cluster; kops sets it in `kops create`."""

_KINDS: Final = {
    layout.FileKind.CONFIG: "Cluster",
    layout.FileKind.COMPLETED: "Cluster",
    layout.FileKind.INSTANCE_GROUP: "InstanceGroup",
}
_KEYPAIR: Final = "Keypair"
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
_PEM: Final = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]+)-----\r?\n(?:[A-Za-z0-9-]+:[^\n]*\n)*\s*([A-Za-z0-9+/=\s]+)-----END \1-----"
)


def decode_document(data: bytes, key: str) -> Document:
    """Read a Cluster or an InstanceGroup."""
    content = yaml.load(data, key)
    version, kind = content.pop("apiVersion", None), content.pop("kind", None)
    if version not in (API_VERSION, LEGACY_API_VERSION):
        raise MalformedFile(f"{key} has no apiVersion that is known here, which is {API_VERSION}. Correct the file.")
    expected = _KINDS.get(layout.kind_of(key).kind)
    if kind not in ("Cluster", "InstanceGroup") or expected not in (None, kind):
        raise MalformedFile(f"{key} must be a kops object of kind {expected or 'Cluster or InstanceGroup'}.")
    metadata, spec = (_object(content.pop(field, None), field, key) for field in ("metadata", "spec"))
    return Document(str(version), str(kind), metadata, spec, content)


def encode_document(document: Document) -> bytes:
    """Give the file of a Cluster or an InstanceGroup."""
    version = API_VERSION if document.api_version == LEGACY_API_VERSION else document.api_version
    known: JsonObject = {
        "apiVersion": version,
        "kind": document.kind,
        "metadata": document.metadata,
        "spec": document.spec,
    }
    return yaml.dump(document.rest | known)


def _object(value: Json, field: str, key: str) -> JsonObject:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedFile(f"{key}: {field} isn't a mapping. Correct the file or restore a backup.")
    return value


def decode_keyset(data: bytes, key: str) -> Keyset:
    """Read a keyset. Raises `MalformedKeyset` on anything that kops couldn't use, a cut-off file among it."""
    try:
        content = yaml.load(data, key)
    except MalformedFile as error:
        raise MalformedKeyset(error.message) from None
    return _KeysetReader(key).keyset(content)


def encode_keyset(keyset: Keyset) -> bytes:
    """Give the file of a keyset; the items in their order."""
    metadata, spec = keyset.rest.get("metadata", {}), keyset.rest.get("spec", {})
    assert isinstance(metadata, dict)
    assert isinstance(spec, dict)
    fields: JsonObject = {"type": _KEYPAIR}
    if keyset.items:
        fields["keys"] = [_item_object(item) for item in keyset.items]
    if keyset.primary_id is not None:
        fields["primaryId"] = keyset.primary_id
    return yaml.dump(
        {
            **keyset.rest,
            "apiVersion": API_VERSION,
            "kind": "Keyset",
            "metadata": {"name": keyset.name, **metadata},
            "spec": {**spec, **fields},
        }
    )


def _item_object(item: KeysetItem) -> JsonObject:
    fields: JsonObject = {**item.rest, "id": item.id}
    if item.distrusted_at is not None:
        fields["distrustTimestamp"] = item.distrusted_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if item.private_key is not None:
        fields["privateMaterial"] = base64.b64encode(item.private_key).decode()
    if item.certificate is not None:
        fields["publicMaterial"] = base64.b64encode(item.certificate).decode()
    return fields


class _KeysetReader:
    """Takes a keyset's content apart; what it takes leaves the content, the rest stays."""

    def __init__(self, key: str) -> None:
        self._key = key

    def keyset(self, content: JsonObject) -> Keyset:
        if content.pop("apiVersion", None) not in (API_VERSION, LEGACY_API_VERSION):
            self._fail(f"its apiVersion isn't {API_VERSION}")
        if content.pop("kind", None) != "Keyset":
            self._fail("its kind isn't Keyset")
        spec = content.get("spec")
        if not isinstance(spec, dict) or spec.pop("type", None) != _KEYPAIR:
            self._fail(f"spec.type isn't {_KEYPAIR}; perhaps its end is missing")
        items = spec.pop("keys", None) or []
        if not isinstance(items, list):
            self._fail("spec.keys isn't a list")
        primary = self._text(spec, "primaryId", "spec.primaryId")
        return Keyset(self._name(content), primary, tuple(map(self._item, items, range(len(items)))), content)

    def _name(self, content: JsonObject) -> str:
        """Give the name that the key says, as kops does, else the one in the file."""
        kind, name = layout.kind_of(self._key)
        metadata = content.get("metadata")
        if not isinstance(metadata, dict):
            self._fail("metadata isn't a mapping")
        if metadata.get("name") == name or kind is not layout.FileKind.KEYSET:
            name = self._text(metadata, "name", "metadata.name") or name
        return name

    def _item(self, value: Json, index: int) -> KeysetItem:
        where = f"spec.keys[{index}]"
        if not isinstance(value, dict):
            self._fail(f"{where} isn't a mapping")
        return KeysetItem(
            id=self._text(value, "id", f"{where}.id") or "",
            certificate=self._material(value, "publicMaterial", f"{where}.publicMaterial"),
            private_key=self._material(value, "privateMaterial", f"{where}.privateMaterial"),
            distrusted_at=self._time(value, f"{where}.distrustTimestamp"),
            rest=value,
        )

    def _text(self, content: JsonObject, field: str, where: str) -> str | None:
        value = content.pop(field, None)
        if value is not None and not isinstance(value, str):
            self._fail(f"{where} isn't a string")
        return value or None

    def _material(self, item: JsonObject, field: str, where: str) -> bytes | None:
        text = self._text(item, field, where)
        if text is None:
            return None
        try:
            material = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
        except (binascii.Error, ValueError):
            self._fail(f"{where} isn't base64")
        if not _is_pem(material):
            self._fail(f"{where} holds no whole PEM block")
        return material

    def _time(self, item: JsonObject, where: str) -> datetime | None:
        text = self._text(item, "distrustTimestamp", where)
        if text is None:
            return None
        try:
            return datetime.fromisoformat(text if _TIME.fullmatch(text) else "")
        except ValueError:
            self._fail(f"{where} isn't a time such as 2026-01-31T12:00:00Z")

    def _fail(self, problem: str) -> NoReturn:
        raise MalformedKeyset(f"{self._key} isn't a keyset that kops could use: {problem}. Restore it from a backup.")


def _is_pem(material: bytes) -> bool:
    match = _PEM.search(material)
    if match is None:
        return False
    try:
        return len(base64.b64decode(b"".join(match.group(2).split()), validate=True)) > 0
    except binascii.Error:
        return False


def decode_secret(data: bytes, key: str) -> StoredSecret:
    """Read a secret; its name is the one in the key."""
    try:
        content = json.loads(data)
        text = content["Data"]
        value = base64.b64decode(text, validate=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MalformedFile(
            f'{key} isn\'t a kops secret, {{"Data": base64}}. Create it again with kops create secret.'
        ) from None
    return StoredSecret(layout.kind_of(key).name, value)


def encode_secret(secret: StoredSecret) -> bytes:
    """Give the file of a secret; it has no newline at its end."""
    return b'{"Data":"%s"}' % base64.b64encode(secret.data)


def decode_ssh_public_key(data: bytes, key: str) -> SshPublicKey:
    """Read an admin's SSH key; its fingerprint is the one in the key. Raises `MalformedFile` on anything else."""
    computed = ssh_fingerprint(data, key)
    kind, name = layout.kind_of(key)
    return SshPublicKey(name if kind is layout.FileKind.SSH_PUBLIC_KEY else computed, data)


def ssh_fingerprint(data: bytes, key: str) -> str:
    """Give the name under which kops keeps this public key: the key's MD5, in hex without colons.

    Raises `MalformedFile`, which names `key`, where there is no OpenSSH public key in it.
    """
    for line in data.splitlines():
        words = line.split()
        for algorithm, text in pairwise(words):
            if blob := _ssh_blob(algorithm, text):
                return hashlib.md5(blob, usedforsecurity=False).hexdigest()
    raise MalformedFile(f"{key} holds no SSH public key in the form of OpenSSH's authorized_keys.")


def _ssh_blob(algorithm: bytes, text: bytes) -> bytes | None:
    """Give the key in its wire format, which begins with the length and the name of its algorithm (RFC 4253)."""
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
    named = len(algorithm).to_bytes(4) + algorithm
    return blob if blob.startswith(named) and not algorithm.startswith(b"#") else None
