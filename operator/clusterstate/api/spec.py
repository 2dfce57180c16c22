"""`ClusterState.spec`: what people declare. The docstrings become the descriptions of the CRD.

Every struct refuses fields that it doesn't know, as the API server does: a misspelt field must not be silence.
An optional text that isn't given is empty, an optional struct None. Whatever one value alone can violate
stands in its `Meta`; what depends on more is a rule in `rules`.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from clusterstate.api.basics import (
    DNS_NAME,
    FILE_NAME,
    LONGEST_NAME,
    Annotations,
    Declared,
    Duration,
    Globs,
    Labels,
    Name,
)
from clusterstate.api.contents import File, Secret, SshPublicKey
from clusterstate.api.hook import AfterPush
from clusterstate.api.keysets import Keyset
from clusterstate.api.store import StoreSpec
from clusterstate.api.sync import SyncSpec

Pointer: TypeAlias = Annotated[str, Meta(pattern=r"^(/([^~/]|~[01])+)+\Z", min_length=2, max_length=512)]
"""RFC 6901, without empty tokens."""
KopsObject: TypeAlias = dict[str, Any]
"""A part of a kops object; its fields are checked against kops's own schema, not here."""


class KeysetParts(StrEnum):
    """What of a keyset is mirrored."""

    TRUST = "Trust"
    KEY_PAIR = "KeyPair"


class ClusterMetadata(Declared, frozen=True, kw_only=True):
    """What is declared of the metadata of the Cluster object in the store."""

    labels: Labels = {}
    """Labels of the Cluster; others that it has stay."""
    annotations: Annotations = {}
    """Annotations of the Cluster; others that it has stay."""


class InstanceGroup(Declared, frozen=True, kw_only=True):
    """An instance group: merged into the one of that name in the store, or created."""

    name: Annotated[str, Meta(pattern=FILE_NAME, min_length=1, max_length=LONGEST_NAME)]
    """Name of the instance group."""
    spec: KopsObject = {}
    """Any part of the spec of a kops InstanceGroup; fields that aren't given stay as they are in the store."""
    labels: Labels = {}
    """Labels of the InstanceGroup object in the store; others that it has stay."""


class NameRule(Declared, frozen=True, kw_only=True):
    """Names by glob: those that include matches and exclude doesn't."""

    include: Globs = ()
    """Globs of names that are meant; * matches everything."""
    exclude: Globs = ()
    """Globs of names that are left out although include matches them."""


class KeysetRule(NameRule, frozen=True, kw_only=True):
    """Which keysets are mirrored, and what of them."""

    parts: KeysetParts = KeysetParts.TRUST
    """Trust mirrors the trusted certificates alone; KeyPair mirrors the primary certificate with its private
    key too. Private keys of CAs and service-account need their exact name in include."""


class MissingPolicy(StrEnum):
    """What becomes of a mirror whose keyset, secret or SSH key isn't in the store any more."""

    RETAIN = "Retain"
    DELETE = "Delete"


class RestartTarget(Declared, frozen=True, kw_only=True):
    """A workload in the ClusterState's namespace whose Pods use mirrors."""

    kind: Literal["Deployment", "DaemonSet", "StatefulSet"]
    """Kind of the workload, of the group apps."""
    name: Name
    """Name of the workload."""


class MirrorSpec(Declared, frozen=True, kw_only=True):
    """What of the store is kept as Secrets in the ClusterState's namespace."""

    keysets: Annotated[tuple[KeysetRule, ...], Meta(max_length=64)] = ()
    """Rules for keysets; the last one that matches a name decides. None: no keyset is mirrored."""
    secrets: NameRule | None = None
    """Which secrets of the store are mirrored. Absent: none."""
    ssh_public_keys: NameRule | None = None
    """Which SSH public keys are mirrored, by fingerprint. Absent: none."""
    name_template: Annotated[str, Meta(min_length=1, max_length=253)] = "{clusterState}-{kind}-{name}"
    """Names of the Secrets; {clusterState}, {kind} (keyset, secret or ssh) and {name} are filled in."""
    labels: Labels = {}
    """Labels put on the Secrets, besides ours."""
    annotations: Annotations = {}
    """Annotations put on the Secrets, besides ours."""
    immutable: bool = False
    """Make the Secrets immutable: each content gets a name of its own, which ends in a digest, and the Secret of the
    content before is removed once the new one is there and no workload of `restart` is on its way to it."""
    on_missing: MissingPolicy = MissingPolicy.RETAIN
    """What becomes of a Secret whose source is no longer in the store: Retain keeps the last content and says so."""
    restart: Annotated[tuple[RestartTarget, ...], Meta(max_length=64)] = ()
    """Workloads that are rolled when the content of a mirror that their Pods use changes. The operator needs the right
    to patch them."""


class Spec(Declared, frozen=True, kw_only=True):
    """What the state should be, where it is kept, and how the two are brought together."""

    cluster_name: Annotated[str, Meta(pattern=DNS_NAME, min_length=1, max_length=253)] = ""
    """Name of the kops cluster, which is its folder in the store too. Defaults to metadata.name; can't be
    changed."""
    suspend: bool = False
    """Stop all runs for this object; nothing is deleted."""
    store: StoreSpec
    """The state store."""
    sync: SyncSpec = SyncSpec()
    """How and how often the store and the declaration are brought together."""
    after_push: AfterPush | None = None
    """What runs in this namespace after a push. Absent: nothing."""
    cluster_metadata: ClusterMetadata = ClusterMetadata()
    """Labels and annotations of the Cluster object in the store."""
    cluster: KopsObject = {}
    """Any part of the spec of a kops Cluster; merged into the one in the store, never replacing it. Values
    may not be null."""
    instance_groups: Annotated[tuple[InstanceGroup, ...], Meta(max_length=1000)] = ()
    """Instance groups, by name. Those that aren't named stay as they are in the store."""
    absent: Annotated[tuple[Pointer, ...], Meta(max_length=256)] = ()
    """JSON pointers of fields that must not be in the Cluster, for example /spec/api/loadBalancer; items of lists
    that merge by key are named by it, as in /spec/subnets/name=us-east-1a, members of sets by their value."""
    secrets: Annotated[tuple[Secret, ...], Meta(max_length=256)] = ()
    """Secrets of the store, by name. Those that aren't named stay as they are."""
    keysets: Annotated[tuple[Keyset, ...], Meta(max_length=256)] = ()
    """Keysets of the store, by name. Those that aren't named stay as they are."""
    ssh_public_keys: Annotated[tuple[SshPublicKey, ...], Meta(max_length=64)] = ()
    """SSH public keys of the admin user. Those in the store that were never declared stay."""
    files: Annotated[tuple[File, ...], Meta(max_length=256)] = ()
    """Other files of the state, by path. Those that aren't named stay as they are."""
    mirror: MirrorSpec | None = None
    """What of the store is kept as Secrets in this namespace. Absent: nothing."""
    expiry_warning: Duration = "720h"
    """How long before the end of a certificate CertificatesValid becomes False."""
