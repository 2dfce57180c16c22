"""`ClusterState.spec`: what people declare. The docstrings become the descriptions of the CRD.

Every struct refuses fields that it doesn't know, as the API server does: a misspelt field must not be silence.
An optional text that isn't given is empty, an optional struct None. Whatever one value alone can violate
stands in its `Meta`; what depends on more is a rule in `rules`.
"""

from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct, field

from clusterstate.api.durations import DURATION_PATTERN, MAX_LENGTH

KopsObject: TypeAlias = dict[str, Any]
"""A part of a kops object; its fields are checked against kops's own schema, not here."""

# Patterns end in Python's \Z, since its $ passes a last newline over; the CRD has $, which means that in Go.
DNS_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z"
LABEL_VALUE = r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z"
FILE_NAME = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z"

Duration: TypeAlias = Annotated[str, Meta(pattern=DURATION_PATTERN, min_length=2, max_length=MAX_LENGTH)]
Name: TypeAlias = Annotated[str, Meta(pattern=DNS_NAME, min_length=1, max_length=253)]
Glob: TypeAlias = Annotated[str, Meta(min_length=1, max_length=253)]
Globs: TypeAlias = Annotated[tuple[Glob, ...], Meta(max_length=128)]
Labels: TypeAlias = Annotated[
    dict[str, Annotated[str, Meta(pattern=LABEL_VALUE, max_length=63)]],
    Meta(max_length=64),
]
Annotations: TypeAlias = Annotated[dict[str, Annotated[str, Meta(max_length=4096)]], Meta(max_length=64)]


class Declared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """The base of everything that people write."""


class Encryption(StrEnum):
    """How objects of an S3 store are encrypted."""

    AUTO = "Auto"
    NONE = "None"
    AES256 = "AES256"
    KMS = "aws:kms"


class CannedAcl(StrEnum):
    """The canned ACLs of S3, see `PutObject` in the S3 API reference."""

    PRIVATE = "private"
    PUBLIC_READ = "public-read"
    PUBLIC_READ_WRITE = "public-read-write"
    AUTHENTICATED_READ = "authenticated-read"
    AWS_EXEC_READ = "aws-exec-read"
    BUCKET_OWNER_READ = "bucket-owner-read"
    BUCKET_OWNER_FULL_CONTROL = "bucket-owner-full-control"


class Direction(StrEnum):
    """Which side the other one follows."""

    PUSH = "Push"
    PULL = "Pull"


class DriftPolicy(StrEnum):
    """What becomes of a declared field that somebody changed in the store."""

    CORRECT = "Correct"
    REPORT = "Report"


class ConflictPolicy(StrEnum):
    """Who is right about a field that changed on both sides."""

    FAIL = "Fail"
    PREFER_SPEC = "PreferSpec"
    PREFER_STORE = "PreferStore"


class AdoptionPolicy(StrEnum):
    """What happens to a state that others made."""

    MERGE = "Merge"
    FAIL = "Fail"


class KeysetParts(StrEnum):
    """What of a keyset is mirrored."""

    TRUST = "Trust"
    KEY_PAIR = "KeyPair"


class SecretReference(Declared, frozen=True, kw_only=True):
    """A Secret in the ClusterState's own namespace."""

    name: Name
    """Name of the Secret."""


class StoreSpec(Declared, frozen=True, kw_only=True):
    """The state store: where the files are, and what is needed to reach them."""

    url: Annotated[str, Meta(min_length=1, max_length=1024)]
    """URL of the store, as in KOPS_STATE_STORE, for example s3://acme-state-store; the state lies below it
    in a folder named as the cluster."""
    credentials_secret_ref: SecretReference | None = None
    """A Secret with the store's credentials, under the names of the environment variables that kops reads.
    Without it the operator's own credentials are used where the operator's configuration allows it."""
    endpoint: Annotated[str, Meta(pattern=r"^https?://[^/@\s]+/?\Z", min_length=1, max_length=512)] = ""
    """URL of an S3-compatible service, as in S3_ENDPOINT. Needs credentialsSecretRef."""
    region: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+\Z", min_length=1, max_length=64)] = ""
    """Region of the bucket, as in S3_REGION; found out where it is not given."""
    acl: CannedAcl | None = None
    """Canned ACL put on every object that is written, as in KOPS_STATE_S3_ACL."""
    encryption: Encryption = Encryption.AUTO
    """Server-side encryption of what is written to S3. Auto does what kops does: AES256, or the default of
    the bucket where it has one."""
    kms_key_id: Annotated[str, Meta(min_length=1, max_length=2048)] = field(default="", name="kmsKeyID")
    """Id or ARN of the KMS key for encryption aws:kms; without it the account's own key for S3 is used."""
    expected_bucket_owner: Annotated[str, Meta(pattern=r"^[0-9]{12}\Z", max_length=12)] = ""
    """AWS account that must own the bucket: 12 digits; S3 refuses every request when another one does."""


class SyncSpec(Declared, frozen=True, kw_only=True):
    """How and how often the store and the declaration are brought together."""

    direction: Direction = Direction.PUSH
    """Push writes the declaration into the store; Pull only reports and mirrors what the store holds."""
    interval: Duration = "10m"
    """Time between two checks of the store, at least 10s; it varies a little, so that stores aren't hit by
    all at once."""
    timeout: Duration = "2m"
    """Time that one run may take, from 1s to 30m."""
    drift: DriftPolicy = DriftPolicy.CORRECT
    """What happens when a declared field has been changed in the store: Correct puts it back, Report only
    shows it in status."""
    conflict: ConflictPolicy = ConflictPolicy.FAIL
    """What happens when a field was changed in the declaration and, to another value, in the store: Fail
    stalls until a person decides."""
    adoption: AdoptionPolicy = AdoptionPolicy.MERGE
    """What happens when others made the state: Merge changes the declared fields in it, Fail stalls until a
    person decides."""
    dry_run: bool = False
    """Plan and report only; nothing is written to the store."""
    revision_history_limit: Annotated[int, Meta(ge=1, le=100)] = 10
    """Number of applied declarations that are kept."""


class InstanceGroup(Declared, frozen=True, kw_only=True):
    """An instance group: merged into the one of that name in the store, or created."""

    name: Annotated[str, Meta(pattern=FILE_NAME, min_length=1, max_length=253)]
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
    cluster: KopsObject = {}
    """Any part of the spec of a kops Cluster; merged into the one in the store, never replacing it. Values
    may not be null."""
    instance_groups: Annotated[tuple[InstanceGroup, ...], Meta(max_length=1000)] = ()
    """Instance groups, by name. Those that aren't named stay as they are in the store."""
    mirror: MirrorSpec | None = None
    """What of the store is kept as Secrets in this namespace. Absent: nothing."""
    expiry_warning: Duration = "720h"
    """How long before the end of a certificate CertificatesValid becomes False."""
