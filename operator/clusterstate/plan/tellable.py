"""What may be told of a file: documents as kops means them, texts line by line, secrets by a digest alone. Pure.

config, instancegroup/, cluster-completed.spec    an object: canonical, without what kops counts by itself
keysets                                           an object: ids, certificates' facts, digests of private keys
addons/, clusteraddons/, manifests/, igconfig/,
SSH public keys, kops-version.txt, cluster.spec   lines, unless a private key or a Kubernetes Secret is in there
all others, secrets first of all                  a keyed digest
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from clusterstate.errors import MalformedKeyset, StateError
from clusterstate.plan.fields import compare_fields
from clusterstate.plan.merge_table import ATOMIC, Rules, rules_of
from clusterstate.plan.veil import holds_private_key, veil
from clusterstate.state import codec
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.digests import Digests
from clusterstate.state.keyset import ODD_CERTIFICATE, certificate_not_after, certificate_of, primary
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import Json, JsonObject, Keyset, KeysetItem
from clusterstate.state.schema import Kind

LARGEST_TEXT: Final = 512 << 10
"""Bytes of a text that is told line by line."""
MOST_LINES: Final = 8000
"""Of such a text: to compare lines takes a time that grows with the square of their number."""

CONTENT: Final = "content"
"""The field of a file of which nothing but a digest is told."""
PRIVATE_KEY: Final = "privateKey"
"""The field of a keyset's item that has a digest of its private key."""
SECRETS: Final = frozenset({FileKind.SECRET, FileKind.KEYSET})
DOCUMENTS: Final[Mapping[FileKind, Kind]] = {
    FileKind.CONFIG: "Cluster",
    FileKind.COMPLETED: "Cluster",
    FileKind.INSTANCE_GROUP: "InstanceGroup",
}
TEXTS: Final = frozenset(
    {
        *DOCUMENTS,
        FileKind.LEGACY_COMPLETED,
        FileKind.KOPS_VERSION,
        FileKind.SSH_PUBLIC_KEY,
        FileKind.CLUSTER_ADDON,
        FileKind.ADDON,
        FileKind.MANIFEST,
        FileKind.IG_CONFIG,
    }
)
"""Documents are told line by line where they can't be read."""
COUNTED: Final = ("creationTimestamp", "generation")
"""What kops keeps of a document by itself: never declared, never a difference."""
_SECRET: Final = re.compile(r"""["']?\bkind["']?\s*:\s*["']?Secret\b""")


@dataclass(frozen=True, slots=True)
class Told:
    """One file as an object."""

    rules: Rules
    content: JsonObject


def tell_object(key: str, data: bytes, digests: Digests) -> Told | None:
    """Give what a document, a keyset or a secret means, None for any other file.

    Raises `StateError` where it can't be read.
    """
    kind = kind_of(key).kind
    if kind in DOCUMENTS:
        return _tell_document(DOCUMENTS[kind], key, data, digests)
    if kind is FileKind.KEYSET:
        return Told(ATOMIC, _tell_keyset(codec.decode_keyset(data, key), key, digests))
    if kind is FileKind.SECRET:
        return Told(ATOMIC, {CONTENT: digests.of(key, codec.decode_secret(data, key).data)})
    return None


def tell_lines(key: str, data: bytes) -> list[str] | None:
    """Give the lines of a file that may be shown as it is, None for one that may not."""
    if kind_of(key).kind not in TEXTS or len(data) > LARGEST_TEXT or data.count(b"\n") > MOST_LINES:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text or holds_private_key(text) or _SECRET.search(text):
        return None
    return text.removesuffix("\n").split("\n") + ([] if text.endswith("\n") else ["\\ No newline at end of file"])


def tell_secrets(key: str, data: bytes, digests: Digests) -> Iterator[tuple[str, str]]:
    """Give the digest of a secret or of each private key of a keyset, by its pointer; nothing of what can't be read."""
    with suppress(StateError):
        told = tell_object(key, data, digests) if kind_of(key).kind in SECRETS else None
        for change in compare_fields(ATOMIC, None, told.content if told else None):
            if change.pointer.endswith((f"/{CONTENT}", f"/{PRIVATE_KEY}")):
                yield change.pointer, str(change.new)


def _tell_document(kind: Kind, key: str, data: bytes, digests: Digests) -> Told:
    document = codec.decode_document(data, key)
    metadata = {name: value for name, value in document.metadata.items() if name not in COUNTED}
    spec = complete(kind, canonical(kind, document.spec).spec)
    content: JsonObject = {**document.rest, "metadata": metadata, "spec": spec}
    veiled = {name: veil(each, lambda text: digests.of(key, text.encode())) for name, each in content.items()}
    return Told(Rules(fields={"spec": rules_of(kind)}), veiled)


def _tell_keyset(keyset: Keyset, key: str, digests: Digests) -> JsonObject:
    """Give what kops keeps of a keyset, without its private keys; by id and place where an id stands there twice."""
    ids, signer = [item.id for item in keyset.items], primary(keyset)
    clear = len({*ids}) == len(ids)
    return {
        "primary": signer.id if signer else None,
        "keys": {
            item.id if clear else f"{item.id}#{place}": _tell_item(item, key, digests)
            for place, item in enumerate(keyset.items)
        },
    }


def _tell_item(item: KeysetItem, key: str, digests: Digests) -> JsonObject:
    return {
        "certificate": _tell_certificate(item),
        PRIVATE_KEY: None if item.private_key is None else digests.of(key, item.private_key),
        "distrusted": item.distrusted_at.isoformat() if item.distrusted_at else None,
    }


def _tell_certificate(item: KeysetItem) -> Json:
    if item.certificate is None:
        return None
    try:
        certificate, end = certificate_of(item), certificate_not_after(item)
        assert certificate is not None, "as there are bytes of one"
        subject = certificate.subject.rfc4514_string({NameOID.SERIAL_NUMBER: "serialNumber"})
    except (MalformedKeyset, *ODD_CERTIFICATE):
        return {"unreadable": sha256(item.certificate).hexdigest()}
    fingerprint = certificate.fingerprint(SHA256()).hex()
    return {"sha256": fingerprint, "subject": subject, "notAfter": end.isoformat() if end else None}
