"""What an API server says an object is: its metadata, read in one place. Pure.

The server may be a tenant's, so nothing is taken for granted: what has no name, version or time is damage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

import msgspec

from clusterstate.kube.kinds import JsonObject
from clusterstate.store.base import Version

Time: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
Word: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
"""A name, uid or version. Some are kept for every file of a listing, so they are short."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which object it is, in which version: what a condition needs."""

    name: str
    uid: str
    version: Version


@dataclass(frozen=True, slots=True)
class Found:
    """An object that has been looked at."""

    identity: Identity
    annotations: Mapping[str, str] = field(repr=False)
    changed: datetime
    """By the API server's clock, in seconds: it notes one time for each who changed a field."""
    leaving: tuple[str, ...] | None
    """Finalizers that an object waits for which is being deleted; None for any other."""
    body: JsonObject = field(repr=False)
    """As it was told; its metadata have the types that are expected here."""


class _Field(msgspec.Struct):
    """Who changed fields, and when."""

    time: Time | None = None


class _Told(msgspec.Struct, rename="camel"):
    """Metadata as an API server tells it, as far as it matters."""

    name: Word
    uid: Word
    resource_version: Word
    creation_timestamp: Time
    deletion_timestamp: str | None = None
    finalizers: tuple[str, ...] | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    managed_fields: tuple[_Field, ...] | None = None


def look_at(body: JsonObject) -> Found:
    """Give an object that an API server told; raise `ValueError` where it can't be one."""
    try:
        told = msgspec.convert(body.get("metadata"), _Told)
        times = [each.time for each in told.managed_fields or () if each.time]
        changed = max(times, default=told.creation_timestamp).astimezone(UTC)
    except (msgspec.MsgspecError, OverflowError):
        raise ValueError from None
    identity = Identity(told.name, told.uid, Version(told.resource_version))
    leaving = None if told.deletion_timestamp is None else told.finalizers or ()
    return Found(identity, told.annotations or {}, changed, leaving, body)


def name_told(body: JsonObject) -> str:
    """Give the name of what can't be an object, empty where it has none."""
    metadata = body.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""
