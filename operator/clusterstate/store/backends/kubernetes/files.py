"""What a file is as a Secret: its name, labels and annotations, and the parts of a large one. Pure.

The head of a file is a Secret named by a digest of its key. It holds the file's bytes, or the names of the parts that
do: Secrets of the same type, each named by the digest of what it holds, so that parts of another content are other
Secrets. Labels tell folders of a key by their digests, so that a listing of a folder is the API server's work.

Anybody who may write Secrets may write such ones: what isn't consistent in itself isn't ours.
"""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final

from clusterstate.api.annotations import GROUP
from clusterstate.kube.compression import compress, decompress
from clusterstate.kube.kinds import JsonObject
from clusterstate.store.backends.kubernetes.objects import Found, Identity
from clusterstate.store.base import LARGEST_FILE, Entry, Version
from clusterstate.store.key import find_flaw

TYPE: Final = f"{GROUP}/file"
"""Type of heads and parts; nobody can change the type of a Secret."""
FILE_LABEL: Final = f"{GROUP}/file"
"""Of a head and its parts: the digest of the key."""
PART_LABEL: Final = f"{GROUP}/part"
"""Of parts alone."""
FOLDER_LABEL: Final = f"{GROUP}/folder-"
"""Of heads: the digest of the key's first 1, 2, … folders."""
KEY: Final = f"{GROUP}/key"
"""Annotation of heads: the file's key."""
SIZE: Final = f"{GROUP}/size"
"""Annotation of heads: the file's size in bytes."""
DIGEST: Final = f"{GROUP}/sha256"
"""Annotation of heads: SHA-256 of the file's bytes, in hex."""
ENCODING: Final = f"{GROUP}/encoding"
"""Annotation of heads: `gzip`, or absent where the bytes stand as they are."""
PARTS: Final = f"{GROUP}/parts"
"""Annotation of heads: the digests of the parts, in their order, separated by commas."""
RENEWED: Final = f"{GROUP}/renewed"
"""Annotation of parts: another text each time that somebody makes sure of them."""

ONLY_HEADS: Final = f"!{PART_LABEL}"
ONLY_OURS: Final = f"type={TYPE}"
"""Field selector."""
DATA: Final = "file"
"""The one name in a Secret's data."""
LEVELS: Final = 8
"""Folders of a key that have labels; a cluster's state below a prefix of two has six."""
PLAIN: Final = 64 << 10
"""Bytes up to which a file stands as it is, for people to read; larger ones are compressed."""
MAX_PART: Final = 1 << 20
"""Bytes that a Secret may hold (Kubernetes, `MaxSecretSize`)."""
MOST_PARTS: Final = LARGEST_FILE // MAX_PART + 1
"""What doesn't compress takes a little more than it has bytes."""
_LONGEST_DATA: Final = (MAX_PART + 2) // 3 * 4
"""Characters that a Secret's bytes take in base64."""
_GZIP: Final = "gzip"
_DIGITS: Final = 16
"""Of a size: Python refuses to read thousands."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file's bytes as they are kept."""

    chunks: tuple[bytes, ...] = field(repr=False)
    """One for the head, or several that are parts."""
    size: int
    digest: str
    encoding: str = ""

    @property
    def parts(self) -> tuple[bytes, ...]:
        """Those that don't fit into the head."""
        return self.chunks if len(self.chunks) > 1 else ()


@dataclass(frozen=True, slots=True)
class Head:
    """A file as the metadata of its Secret tells it."""

    key: str
    size: int
    digest: str
    encoding: str
    parts: tuple[str, ...]
    """Names of Secrets, in order; none: the bytes are in the head."""
    identity: Identity
    changed: datetime
    leaving: tuple[str, ...] | None = None
    """Finalizers that it waits for, being deleted; None for any other."""

    @property
    def version(self) -> Version:
        """The Secret's own version."""
        return self.identity.version

    @property
    def most(self) -> int:
        """Bytes that may be kept of it: compression makes at most 0.03 % more of what it can't compress."""
        return self.size + (self.size >> 10) + 1024 if self.encoding else self.size

    @property
    def entry(self) -> Entry:
        """The same for a listing."""
        return Entry(self.key, self.version, self.size, self.changed)


def pack(data: bytes) -> Content:
    """Give how a file's bytes are kept."""
    packed = compress(data) if len(data) > PLAIN else data
    chunks = tuple(packed[start : start + MAX_PART] for start in range(0, len(packed), MAX_PART)) or (b"",)
    return Content(chunks, len(data), sha256(data).hexdigest(), _GZIP if len(data) > PLAIN else "")


def unpack(head: Head, packed: bytes) -> bytes:
    """Give a file's bytes from those that are kept; raise `ValueError` where they aren't what the head says."""
    data = decompress(packed, LARGEST_FILE) if head.encoding else packed
    if len(data) != head.size or sha256(data).hexdigest() != head.digest:
        raise ValueError
    return data


def name_of(key: str) -> str:
    """Give the name of a file's head."""
    return f"clusterstate-{_short(key.encode())}"


def part_name(key: str, chunk: bytes) -> str:
    """Give the name of a part that holds these bytes."""
    return f"{name_of(key)}-{_short(chunk)}"


def make_head(namespace: str, key: str, content: Content) -> JsonObject:
    """Give the head, ready to be created."""
    parts = ",".join(_short(chunk) for chunk in content.parts)
    annotations = {KEY: key, SIZE: str(content.size), DIGEST: content.digest, ENCODING: content.encoding, PARTS: parts}
    return _secret(
        {
            "name": name_of(key),
            "namespace": namespace,
            "labels": {FILE_LABEL: _short(key.encode()), **_folder_labels(key)},
            "annotations": {name: value for name, value in annotations.items() if value},
        },
        b"" if content.parts else content.chunks[0],
    )


def make_part(namespace: str, key: str, chunk: bytes, renewed: str) -> JsonObject:
    """Give a part; `renewed` is a text that no part had before."""
    return _secret(
        {
            "name": part_name(key, chunk),
            "namespace": namespace,
            "labels": {FILE_LABEL: _short(key.encode()), PART_LABEL: "true"},
            "annotations": {RENEWED: renewed},
        },
        chunk,
    )


def read_head(found: Found) -> Head | None:
    """Give the file that a Secret of our type is the head of; None where it is a part, or contradicts itself.

    A head of more parts than any file has, or of one part twice, is none: each name is a request and a mebibyte.
    """
    annotations = found.annotations
    key, size, encoding = (annotations.get(name, "") for name in (KEY, SIZE, ENCODING))
    sane = size.isascii() and size.isdigit() and len(size) < _DIGITS and encoding in {"", _GZIP}
    if find_flaw(key) is not None or found.identity.name != name_of(key) or not sane:
        return None
    parts = [part for part in annotations.get(PARTS, "").split(",", MOST_PARTS) if part]
    if len(parts) > MOST_PARTS or len(set(parts)) < len(parts):
        return None
    names = tuple(f"{name_of(key)}-{part}" for part in parts)
    digest = annotations.get(DIGEST, "")
    return Head(key, int(size), digest, encoding, names, found.identity, found.changed, found.leaving)


def read_data(secret: JsonObject) -> bytes:
    """Give the bytes of a head or part; raise `ValueError` where it holds something else, or too many."""
    try:
        text = secret["data"][DATA]
        if secret.get("type") == TYPE and len(text) <= _LONGEST_DATA:
            return base64.b64decode(text, validate=True)
    except (KeyError, TypeError, binascii.Error):
        pass
    raise ValueError


def labels_of_file(key: str) -> str:
    """Give the label selector of a file's head and parts."""
    return f"{FILE_LABEL}={_short(key.encode())}"


def labels_below(prefix: str) -> str:
    """Give the label selector of heads whose keys may start with a prefix; it selects too many where that is deep."""
    folders = prefix.split("/")[:-1][:LEVELS]
    if not folders:
        return ONLY_HEADS
    return f"{ONLY_HEADS},{FOLDER_LABEL}{len(folders)}={_short('/'.join(folders).encode())}"


def _folder_labels(key: str) -> dict[str, str]:
    folders = key.split("/")[:-1][:LEVELS]
    paths = ("/".join(folders[:count]) for count in range(1, len(folders) + 1))
    return {f"{FOLDER_LABEL}{level}": _short(path.encode()) for level, path in enumerate(paths, start=1)}


def _secret(metadata: JsonObject, data: bytes) -> JsonObject:
    encoded = base64.b64encode(data).decode()
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": TYPE, "data": {DATA: encoded}}


def _short(data: bytes) -> str:
    """Give a digest that fits into a label."""
    return sha256(data).hexdigest()[:40]
