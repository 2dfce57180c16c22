"""What `igconfig/ROLE/GROUP/nodeupconfig.yaml` says of keysets: what `kops update cluster` publishes to nodes. Pure.

`CAs` has the trusted certificates, `KeypairIDs` the primary's id, each by keyset; of `service-account` the public keys
stand in `APIServerConfig` instead (kops, `pkg/nodemodel/nodeupconfigbuilder.go`). Groups without an API server have
only what they need: the `kubernetes-ca` that they trust stands in their user data, which no store holds.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from clusterstate.errors import MalformedFile
from clusterstate.state import yaml
from clusterstate.state.keyset import ODD_CERTIFICATE, certificate_of
from clusterstate.state.layout import FileKind
from clusterstate.state.limits import MAX_BYTES
from clusterstate.state.objects import Json, KeysetItem

SERVICE_ACCOUNT: Final = "service-account"
_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----\s*")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What one group's nodes are told of keysets."""

    trusted: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fingerprints (see `fingerprint`) of what they trust, by keyset; a keyset that isn't named has none."""
    primaries: Mapping[str, str] = field(default_factory=dict)
    """Ids of the key pairs that they use, by keyset."""
    problem: str = ""
    """Why it can't be read; then it tells nothing."""


def fingerprint(keyset: str, item: KeysetItem) -> str:
    """Give what a published key pair is recognised by, empty where it has nothing that could be recognised.

    Raises `MalformedKeyset` on a certificate that can't be read.
    """
    certificate = certificate_of(item)
    if certificate is None:
        return ""
    if keyset != SERVICE_ACCOUNT:
        return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    try:
        public = certificate.public_key()
    except ODD_CERTIFICATE:
        return ""
    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def read_node_config(data: bytes, key: str) -> NodeConfig:
    """Read one file; what is wrong with it becomes its `problem`, which is never an error of the whole state."""
    try:
        return decode_node_config(data, key)
    except MalformedFile as error:
        return NodeConfig(problem=error.message)


def decode_node_config(data: bytes, key: str) -> NodeConfig:
    """Read one file. Raises `MalformedFile` where it says of keysets what kops never writes."""
    content = yaml.load(data, key)
    bundles = _texts(content.get("CAs"), key, "CAs")
    server = content.get("APIServerConfig")
    public = server.get("ServiceAccountPublicKeys") if isinstance(server, dict) else None
    if public:
        bundles |= _texts({SERVICE_ACCOUNT: public}, key, "APIServerConfig.ServiceAccountPublicKeys")
    return NodeConfig(
        {name: _fingerprints(text, key, name) for name, text in bundles.items()},
        _texts(content.get("KeypairIDs"), key, "KeypairIDs"),
    )


def too_large(key: str, size: int) -> NodeConfig | None:
    """Give what is told of a file that has more bytes than are read, None for one that has not."""
    longest = MAX_BYTES[FileKind.IG_CONFIG]
    if size <= longest:
        return None
    return NodeConfig(problem=f"{key} has {size} bytes, more than the {longest} that are read of such a file.")


def _texts(value: Json, key: str, field_name: str) -> dict[str, str]:
    texts = {} if value is None else value
    if not isinstance(texts, dict):
        raise MalformedFile(f"{key}: {field_name} isn't a mapping. Have kops update cluster write it again.")
    found = {name: text for name, text in texts.items() if isinstance(text, str)}
    if len(found) < len(texts):
        raise MalformedFile(f"{key}: {field_name} holds what is no text. Have kops update cluster write it again.")
    return found


def _fingerprints(text: str, key: str, name: str) -> frozenset[str]:
    try:
        blocks = [base64.b64decode("".join(each[2].split()), validate=True) for each in _PEM.finditer(text)]
    except binascii.Error:
        blocks = []
    if not blocks or _PEM.sub("", text).strip():
        raise MalformedFile(f"{key}: what it says of {name} isn't PEM. Have kops update cluster write it again.")
    return frozenset(sha256(block).hexdigest() for block in blocks)
