"""What stands in the data of a revision: JSON, gzip, base64. Pure.

Whoever may write ControllerRevisions may write anything, so what is unpacked is bounded, and has the shape that
`Applied.from_json` reads, or is refused.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from clusterstate.errors import KubeRefused, SpecTooLarge
from clusterstate.kube.compression import compress, decompress

MAX_PACKED: Final = 1024 * 1024
"""Bytes in base64: Kubernetes keeps objects of up to 1.5 MiB with all their metadata."""
MAX_CONTENT: Final = 16 * 1024 * 1024
"""Bytes of JSON; a declaration, which is a Kubernetes object too, gives a tenth of that."""


class Unreadable(KubeRefused):
    """A revision doesn't say any more what was applied."""


class _Group(msgspec.Struct):
    spec: dict[str, Any] = {}
    labels: dict[str, str] = {}


class _Departure(msgspec.Struct, rename="camel"):
    store: dict[str, Any]
    digest: str = ""
    last_change: str = ""
    files: int = 0
    bytes: int = 0
    cleaned_up: bool = False


class _Shape(msgspec.Struct, rename="camel"):
    cluster: dict[str, Any] | None = None
    instance_groups: dict[str, _Group] = {}
    created: dict[str, list[str]] = {}
    store: dict[str, Any] | None = None
    place: str = ""
    departure: _Departure | None = None


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
        raise Unreadable("A ControllerRevision doesn't say any more what was applied. Delete it.") from None
    return content
