"""The objects that a state consists of, as plain frozen data: what the files mean, without the files.

Nothing here reads, writes or decides. `codec` turns bytes into these and back; `layout` knows the keys.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Document:
    """A kops object that is kept as YAML: a Cluster or an InstanceGroup."""

    api_version: str
    kind: str
    metadata: JsonObject
    spec: JsonObject
    rest: JsonObject = field(default_factory=dict)
    """Top-level fields beyond these four, kept as they are."""

    @property
    def name(self) -> str:
        """`metadata.name`, empty where it is missing."""
        name = self.metadata.get("name", "")
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, slots=True)
class KeysetItem:
    """One certificate, mostly with its private key, of a keyset."""

    id: str
    certificate: bytes | None = field(repr=False)
    """PEM."""
    private_key: bytes | None = field(repr=False)
    """PEM."""
    distrusted_at: datetime | None = None
    rest: JsonObject = field(default_factory=dict, repr=False)
    """Fields of the item beyond these, kept as they are."""

    @property
    def trusted(self) -> bool:
        """Whether nodes are still told to trust it."""
        return self.distrusted_at is None


@dataclass(frozen=True, slots=True)
class Keyset:
    """A rotating set of key pairs under one name: `pki/private/NAME/keyset.yaml`."""

    name: str
    primary_id: str | None
    items: tuple[KeysetItem, ...]
    rest: JsonObject = field(default_factory=dict, repr=False)
    """The file's content without all that is told above, kept as it is."""


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """One secret: `secrets/NAME`."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SshPublicKey:
    """One admin key: `pki/ssh/public/admin/FINGERPRINT`."""

    fingerprint: str
    """MD5 of the key in its wire format, in hex without colons: the name of its file."""
    data: bytes
    """The line as given."""


@dataclass(frozen=True, slots=True)
class State:
    """What the files of one cluster mean."""

    cluster: Document | None = None
    instance_groups: Mapping[str, Document] = field(default_factory=dict)
    keysets: Mapping[str, Keyset] = field(default_factory=dict)
    secrets: Mapping[str, StoredSecret] = field(default_factory=dict)
    ssh_public_keys: Mapping[str, SshPublicKey] = field(default_factory=dict)
    completed: Document | None = None
    """`cluster-completed.spec`: what the last `kops update cluster` worked from."""


def stored(value: Json) -> Json:
    """Give a value as the store holds it: without fields that are null, and so must not be there."""
    if isinstance(value, dict):
        return {key: stored(each) for key, each in value.items() if each is not None}
    return [stored(each) for each in value] if isinstance(value, list) else value
