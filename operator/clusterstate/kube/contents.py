"""What stands in the data of a revision: JSON, gzip, base64. Pure.

The newest are kept whole; an older one as a patch that leads back to it from a newer one.

Whoever may write ControllerRevisions may write anything, so what is unpacked is bounded, and has the shape that
`Applied.from_json` reads, or is refused.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from clusterstate.errors import SpecTooLarge, Unreadable
from clusterstate.kube.compression import compress, decompress
from clusterstate.kube.jsonpatch import Patch, apply_patch, make_patch

MAX_PACKED: Final = 1024 * 1024
"""Bytes in base64: Kubernetes keeps objects of up to 1.5 MiB with all their metadata."""
MAX_CONTENT: Final = 16 * 1024 * 1024
"""Bytes of JSON; a declaration, which is a Kubernetes object too, gives a tenth of that."""

SPOILT: Final = "A ControllerRevision doesn't say any more what was applied. Delete it."


class _Group(msgspec.Struct):
    spec: dict[str, Any] = {}
    labels: dict[str, str] = {}


class _Metadata(msgspec.Struct):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class _Departure(msgspec.Struct, rename="camel"):
    store: dict[str, Any]
    digest: str = ""
    last_change: str = ""
    files: int = 0
    bytes: int = 0
    cleaned_up: bool = False
    cleaning: bool = False
    generation: int = 0
    earlier: list[str] = []


class _Shape(msgspec.Struct, rename="camel"):
    cluster: dict[str, Any] | None = None
    instance_groups: dict[str, _Group] = {}
    created: dict[str, list[str]] = {}
    store: dict[str, Any] | None = None
    place: str = ""
    departure: _Departure | None = None
    contents: dict[str, str] = {}
    key_pairs: dict[str, list[str]] = {}
    generated: dict[str, str] = {}
    undeclared: list[str] = []
    shown: "_Shape | None" = None
    declared: "_Shape | None" = None
    cluster_metadata: _Metadata | None = None
    absent: list[str] = []


class _Back(msgspec.Struct):
    """The way from a newer content back to an older one."""

    patch: Patch
    digest: str
    """Of the older content: whoever made the newer one anew leads nowhere."""


def pack(content: Mapping[str, Any]) -> str:
    """Give the text to keep; equal contents give equal texts. Raises `SpecTooLarge` where no object can hold it."""
    plain = msgspec.json.encode(content)
    packed = base64.b64encode(compress(plain)).decode()
    if len(packed) > MAX_PACKED or len(plain) > MAX_CONTENT:
        raise SpecTooLarge(
            f"The declaration has {len(plain)} bytes, and {len(packed)} after compression: more than the {MAX_PACKED} "
            f"(and {MAX_CONTENT} before) that one Kubernetes object may hold. Declare less in one ClusterState."
        )
    return packed


def unpack(packed: str) -> Mapping[str, Any]:
    """Give the content. Raises `Unreadable` where it was cut off, is too large, or has another shape."""
    try:
        content: dict[str, Any] = msgspec.json.decode(decompress(base64.b64decode(packed), MAX_CONTENT))
        msgspec.convert(content, _Shape)
    except (ValueError, RecursionError):
        raise Unreadable(SPOILT) from None
    return content


def pack_back(newer: Mapping[str, Any], older: Mapping[str, Any]) -> str:
    """Give the text to keep of an older content; the newer one says the rest. Raises `SpecTooLarge` as `pack` does."""
    back = _Back(make_patch(newer, older), _digest(older))
    return pack(msgspec.to_builtins(back))


def unpack_back(newer: Mapping[str, Any], packed: str) -> Mapping[str, Any]:
    """Give the older content. Raises `Unreadable` where the text doesn't lead to it from this newer one."""
    try:
        back = msgspec.json.decode(decompress(base64.b64decode(packed), MAX_CONTENT), type=_Back)
        content: dict[str, Any] = apply_patch(newer, back.patch)
        msgspec.convert(content, _Shape)
    except (ValueError, RecursionError):
        raise Unreadable(SPOILT) from None
    if _digest(content) != back.digest:
        raise Unreadable(SPOILT)
    return content


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
