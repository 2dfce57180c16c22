"""Buckets and objects in memory. Listings come in the order of the names' bytes."""

import base64
import secrets
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import md5

import crcmod

LONGEST_NAME = 1023
"""Bytes of an object's name."""
MOST_ENTRIES = 1000
"""Of one page."""

crc64: Callable[[bytes], int] = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=(1 << 64) - 1, rev=True)
"""ECMA-182, as OSS has it: reflected."""


@dataclass(frozen=True)
class StoredObject:
    data: bytes = field(repr=False)
    kind: str
    """Normal, or Multipart: put together from parts."""
    modified: datetime
    version_id: str
    """Empty where the bucket never kept versions."""
    content_type: str = "application/octet-stream"

    @property
    def md5(self) -> str:
        """As the header has it; empty where it isn't known."""
        return base64.b64encode(self._digest).decode() if self.kind == "Normal" else ""

    @property
    def etag(self) -> str:
        digest = self._digest.hex().upper()
        return digest if self.kind == "Normal" else f"{digest}-2"

    @property
    def crc(self) -> int:
        return crc64(self.data)

    @property
    def _digest(self) -> bytes:
        return md5(self.data).digest()


@dataclass(frozen=True)
class Listing:
    entries: list[tuple[str, StoredObject]]
    prefixes: list[str]
    most: int
    follows: str
    """Where the next page starts; empty: there is none."""


@dataclass
class Bucket:
    name: str
    region: str
    owner: str
    """Number of the account."""
    versioning: str = ""
    """Empty, Enabled or Suspended."""
    objects: dict[str, StoredObject] = field(default_factory=dict)
    _names: list[bytes] = field(default_factory=list)

    def put(self, key: str, data: bytes, kind: str = "Normal", *, content_type: str = "") -> StoredObject:
        version = {"": "", "Suspended": "null"}.get(self.versioning, secrets.token_hex(16))
        if key not in self.objects:
            self._names.insert(bisect_left(self._names, key.encode()), key.encode())
        stored = StoredObject(data, kind, datetime.now(UTC).replace(microsecond=0), version)
        self.objects[key] = replace(stored, content_type=content_type) if content_type else stored
        return self.objects[key]

    def remove(self, key: str) -> None:
        if self.objects.pop(key, None) is not None:
            del self._names[bisect_left(self._names, key.encode())]

    def page(self, prefix: str, delimiter: str, after: str, most: int) -> Listing:
        """Give up to `most` names greater than `after`; a folder counts as one, and is passed over as a whole."""
        entries: list[tuple[str, StoredObject]] = []
        prefixes: list[str] = []
        position = max(bisect_left(self._names, prefix.encode()), bisect_right(self._names, after.encode()))
        last = ""
        while position < len(self._names) and (key := self._names[position].decode()).startswith(prefix):
            if len(entries) + len(prefixes) == most:
                return Listing(entries, prefixes, most, last)
            folder = _folder_of(key, prefix, delimiter)
            if not folder:
                entries.append((key, self.objects[key]))
                last = key
                position += 1
                continue
            if folder != after:
                prefixes.append(folder)
            last = folder
            position = bisect_left(self._names, folder.encode() + b"\xff")
        return Listing(entries, prefixes, most, "")


def _folder_of(key: str, prefix: str, delimiter: str) -> str:
    """Give the name up to the delimiter behind the prefix, empty where none follows."""
    before, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
    return prefix + before + found if found else ""


def is_name(key: str) -> bool:
    """Whether it may be an object's name."""
    return 0 < len(key.encode()) <= LONGEST_NAME and key[0] not in "/\\"
