"""Where every file of a state lies: the one place that knows paths.

Keys are relative to the cluster's own prefix, `{store}/{cluster}/`. The names are those of kops 1.35.2
(`pkg/apis/kops/registry`, `pkg/client/simple/vfsclientset`, `upup/pkg/fi`).

    config, instancegroup/, clusteraddons/              always at the cluster's own prefix
    cluster-completed.spec, kops-version.txt,
    addons/, backups/, igconfig/, manifests/            below spec.configBase
    pki/                                                at spec.keyStore, else below spec.configBase
    secrets/                                            at spec.secretStore, else below spec.configBase
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from clusterstate.state.objects import Json

CONFIG: Final = "config"
COMPLETED: Final = "cluster-completed.spec"
KOPS_VERSION: Final = "kops-version.txt"
LEGACY_COMPLETED: Final = "cluster.spec"
"""What kops 1.21 and older wrote beside the configuration."""
BACKUPS: Final = "backups/"

LEGACY_KEYSETS: Final[Mapping[str, str]] = {"kubernetes-ca": "ca", "service-account": "master"}
"""Where kops looks when the keyset of the current name isn't there; a store may hold both."""

_INSTANCE_GROUPS = "instancegroup/"
_KEYS = "pki/"
_KEYSETS = "pki/private/"
_KEYSET_FILE = "/keyset.yaml"
_SSH_PUBLIC_KEYS = "pki/ssh/public/admin/"
_SECRETS = "secrets/"
_NODE_CONFIGS = "igconfig/"
_NODE_CONFIG = "/nodeupconfig.yaml"


class FileKind(StrEnum):
    """What a file of a state is for."""

    CONFIG = "config"
    COMPLETED = "completed"
    LEGACY_COMPLETED = "legacy-completed"
    KOPS_VERSION = "kops-version"
    INSTANCE_GROUP = "instance-group"
    KEYSET = "keyset"
    SSH_PUBLIC_KEY = "ssh-public-key"
    KEY_STORE = "key-store"
    """Another file of the key store, such as the single keys of old kops versions."""
    SECRET = "secret"  # noqa: S105 - the name of a kind
    CLUSTER_ADDON = "cluster-addon"
    ADDON = "addon"
    MANIFEST = "manifest"
    IG_CONFIG = "ig-config"
    BACKUP = "backup"
    UNKNOWN = "unknown"
    """Nothing that kops knows: never touched."""


class FileId(NamedTuple):
    """A file's kind and the name of the object in it."""

    kind: FileKind
    name: str
    """Below the kind's folder; empty where there is only one such file, the whole key where it is unknown."""


_SINGLES: Final = {
    CONFIG: FileKind.CONFIG,
    COMPLETED: FileKind.COMPLETED,
    LEGACY_COMPLETED: FileKind.LEGACY_COMPLETED,
    KOPS_VERSION: FileKind.KOPS_VERSION,
}
_NAMED: Final = (
    (_INSTANCE_GROUPS, "", FileKind.INSTANCE_GROUP),
    (_KEYSETS, _KEYSET_FILE, FileKind.KEYSET),
    (_SSH_PUBLIC_KEYS, "", FileKind.SSH_PUBLIC_KEY),
    (_SECRETS, "", FileKind.SECRET),
)
_FOLDERS: Final = (
    (_KEYS, FileKind.KEY_STORE),
    ("clusteraddons/", FileKind.CLUSTER_ADDON),
    ("addons/", FileKind.ADDON),
    ("manifests/", FileKind.MANIFEST),
    (_NODE_CONFIGS, FileKind.IG_CONFIG),
    (BACKUPS, FileKind.BACKUP),
)
_OWN: Final = frozenset({FileKind.CONFIG, FileKind.INSTANCE_GROUP, FileKind.CLUSTER_ADDON, FileKind.UNKNOWN})


def names_authority(keyset: str) -> bool:
    """Whether kops gives a keyset of this name the certificates of a CA: `ca`, `NAME-ca` or `NAME-ca-NAME`."""
    return "ca" in re.split(r"[^a-z0-9]", keyset.lower())


def instance_group_key(name: str) -> str:
    """Give the key of an instance group."""
    return _INSTANCE_GROUPS + name


def keyset_key(name: str) -> str:
    """Give the key of a keyset."""
    return _KEYSETS + name + _KEYSET_FILE


def secret_key(name: str) -> str:
    """Give the key of a secret."""
    return _SECRETS + name


def ssh_public_key_key(fingerprint: str) -> str:
    """Give the key of an admin's SSH key; the fingerprint is hex without colons."""
    return _SSH_PUBLIC_KEYS + fingerprint


def node_config_key(folder: str, group: str) -> str:
    """Give the key of what nodes of a group are set up from; the folder is named after the group's role."""
    return f"{_NODE_CONFIGS}{folder}/{group}{_NODE_CONFIG}"


def is_node_config(name: str) -> bool:
    """Whether an `IG_CONFIG` of this name, `ROLE/GROUP/FILE`, is what nodes of a group are set up from."""
    return name.count("/") == _NODE_CONFIG.count("/") + 1 and name.endswith(_NODE_CONFIG)


def kind_of(key: str) -> FileId:
    """Tell what the file at this key is, and the name of what it holds. Every key has an answer."""
    if kind := _SINGLES.get(key):
        return FileId(kind, "")
    for folder, ending, kind in _NAMED:
        name = key[len(folder) : len(key) - len(ending)]
        if name and "/" not in name and key == folder + name + ending:
            return FileId(kind, name)
    for folder, kind in _FOLDERS:
        if key.startswith(folder) and key != folder:
            return FileId(kind, key.removeprefix(folder))
    return FileId(FileKind.UNKNOWN, key)


@dataclass(frozen=True, slots=True)
class Places:
    """The URLs at which a state's files lie, each None where that is the cluster's own prefix."""

    config_base: str | None
    key_store: str | None
    """Holds what a state calls `pki/`."""
    secret_store: str | None
    """Holds what a state calls `secrets/`."""

    @staticmethod
    def of(spec: Mapping[str, Json], own: str) -> "Places":
        """Read them from a Cluster's spec; `own` is the URL of the cluster's own prefix."""
        own = own.rstrip("/")
        base = _url(spec, "configBase") or own
        keys = _url(spec, "keyStore") or f"{base}/pki"
        secrets = _url(spec, "secretStore") or f"{base}/secrets"
        return Places(
            config_base=None if base == own else base,
            key_store=None if keys == f"{own}/pki" else keys,
            secret_store=None if secrets == f"{own}/secrets" else secrets,
        )

    def below(self, store_url: str) -> "Places":
        """Give those places that are below a URL; what lies at another one counts as at the cluster's own prefix."""
        urls, top = (self.config_base, self.key_store, self.secret_store), f"{store_url.rstrip('/')}/"
        return Places(*(url if url and url.startswith(top) else None for url in urls))

    def urls(self) -> tuple[str, ...]:
        """Give each URL besides the cluster's own prefix once."""
        named = (self.config_base, self.key_store, self.secret_store)
        return tuple(dict.fromkeys(url for url in named if url))

    def folder_of(self, url: str) -> str:
        """Give what a state calls the folder whose files lie at one of `urls`: `pki/`, `secrets/` or nothing."""
        return {self.key_store: _KEYS, self.secret_store: _SECRETS}.get(url, "")

    def url_of(self, key: str) -> tuple[str | None, str]:
        """Give the URL that a file of the state lies below and its key there; None is the cluster's own prefix."""
        if key.startswith(_KEYS) and self.key_store:
            return self.key_store, key.removeprefix(_KEYS)
        if key.startswith(_SECRETS) and self.secret_store:
            return self.secret_store, key.removeprefix(_SECRETS)
        if key.startswith((_KEYS, _SECRETS)) or kind_of(key).kind in _OWN:
            return None, key
        return self.config_base, key


def _url(spec: Mapping[str, Json], field: str) -> str:
    value = spec.get(field)
    return value.rstrip("/") if isinstance(value, str) else ""
