"""What is declared beside `config`, instance groups and keysets: secrets, SSH keys, files. See `spec`."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from clusterstate.api.basics import FILE_NAME, Declared, Name
from clusterstate.api.store import DATA_KEY

FILE_PATH = r"^(addons|clusteraddons|manifests)(/[A-Za-z0-9_-][-A-Za-z0-9_.]*)+\Z"
"""Folders whose files kops knows and doesn't keep for itself: it refuses to delete a cluster with unknown files."""
MAX_FILE: int = 512 * 1024
"""Characters of a file in the spec."""

ObjectName: TypeAlias = Annotated[str, Meta(pattern=FILE_NAME, min_length=1, max_length=253)]
DataKey: TypeAlias = Annotated[str, Meta(pattern=DATA_KEY, min_length=1, max_length=253)]


class KeyReference(Declared, frozen=True, kw_only=True):
    """One key of a Secret or ConfigMap in the ClusterState's own namespace."""

    name: Name
    """Name of the Secret or ConfigMap."""
    key: DataKey
    """Key in its data."""


class SecretValue(Declared, frozen=True, kw_only=True):
    """Where a secret's value comes from."""

    secret_key_ref: KeyReference
    """The Secret, and the key in it."""


class Value(Declared, frozen=True, kw_only=True):
    """Where a value comes from: one of both."""

    secret_key_ref: KeyReference | None = None
    """A Secret, and the key in it."""
    config_map_key_ref: KeyReference | None = None
    """A ConfigMap, and the key in it."""


class Secret(Declared, frozen=True, kw_only=True):
    """A secret of the store."""

    name: ObjectName
    """Name of the secret, for example dockerconfig."""
    value_from: SecretValue
    """Where its value comes from."""


class SshPublicKey(Declared, frozen=True, kw_only=True):
    """An SSH public key of the admin user: one of both."""

    value: Annotated[str, Meta(min_length=1, max_length=16384)] = ""
    """The key, as in authorized_keys."""
    value_from: Value | None = None
    """Where the key comes from."""


class File(Declared, frozen=True, kw_only=True):
    """A file of the state: content or contentFrom."""

    path: Annotated[str, Meta(pattern=FILE_PATH, min_length=1, max_length=512)]
    """Path below the cluster's folder in the store; in addons/, clusteraddons/ or manifests/."""
    content: Annotated[str, Meta(max_length=MAX_FILE)] | None = None
    """The content as text."""
    content_from: Value | None = None
    """Where the content comes from."""
