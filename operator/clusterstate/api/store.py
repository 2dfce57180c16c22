"""`spec.store`: where the files are, and what is needed to reach them. See `spec` for how to read it."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from clusterstate.api.basics import Declared, Name

DATA_KEY = r"^[-._a-zA-Z0-9]+\Z"
ROLE_ARN = r"^arn:[a-z0-9-]+:iam::[0-9A-Za-z]*:role/[A-Za-z0-9_+=,.@/-]+\Z"
"""MinIO's and Ceph's roles name no account."""
EXTERNAL_ID = r"^[A-Za-z0-9_+=,.@:/-]+\Z"


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


class BundleKind(StrEnum):
    """What holds a bundle of certificates."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - a kind of object


class Layout(StrEnum):
    """What a file becomes in a Kubernetes store."""

    SECRETS = "Secrets"
    KOPS_RESOURCES = "KopsResources"


class SecretReference(Declared, frozen=True, kw_only=True):
    """A Secret in the ClusterState's own namespace."""

    name: Name
    """Name of the Secret."""


class ServiceAccountReference(Declared, frozen=True, kw_only=True):
    """A ServiceAccount in the ClusterState's own namespace."""

    name: Name
    """Name of the ServiceAccount."""


class CaBundleReference(Declared, frozen=True, kw_only=True):
    """A bundle of certificates in a ConfigMap or Secret of the ClusterState's own namespace."""

    kind: BundleKind = BundleKind.CONFIG_MAP
    """ConfigMap or Secret."""
    name: Name
    """Name of that object."""
    key: Annotated[str, Meta(pattern=DATA_KEY, min_length=1, max_length=253)] = "ca.crt"
    """Key in its data that holds the certificates in PEM."""


class Role(Declared, frozen=True, kw_only=True):
    """A role of AWS."""

    arn: Annotated[str, Meta(pattern=ROLE_ARN, min_length=20, max_length=2048)]
    """ARN of the role."""
    external_id: Annotated[str, Meta(pattern=EXTERNAL_ID, min_length=2, max_length=1224)] = field(
        default="", name="externalID"
    )
    """What the role's trust policy asks for as sts:ExternalId."""


class KubernetesSpec(Declared, frozen=True, kw_only=True):
    """How a store in Kubernetes is kept."""

    layout: Layout = Layout.SECRETS
    """Secrets keeps each file as a Secret; KopsResources keeps configuration, instance groups, keysets, secrets
    and SSH keys as the kops.k8s.io objects that kops --state k8s://CONTEXT reads and writes, in the namespace
    that kops derives from the cluster's name, and other files as Secrets there."""
    kubeconfig_secret_ref: SecretReference | None = None
    """A Secret whose key kubeconfig (or value) leads to another cluster. Programs and files that it names are
    refused. Absent: this cluster."""


class StoreSpec(Declared, frozen=True, kw_only=True):
    """The state store: where the files are, and what is needed to reach them."""

    url: Annotated[str, Meta(min_length=1, max_length=1024)]
    """URL of the store, as in KOPS_STATE_STORE, for example s3://acme-state-store; the state lies below it
    in a folder named as the cluster."""
    credentials_secret_ref: SecretReference | None = None
    """A Secret with the store's credentials, under the names of the environment variables that kops reads.
    Without it the operator's own credentials are used where the operator's configuration allows it."""
    service_account_ref: ServiceAccountReference | None = None
    """A ServiceAccount in this namespace whose workload identity is used instead of a Secret: a role of AWS, a
    service account of Google Cloud, or a role of Alibaba Cloud, as the annotations of the ServiceAccount say."""
    endpoint: Annotated[str, Meta(pattern=r"^(https?://)?[^/@\s]+/?\Z", min_length=1, max_length=512)] = ""
    """URL of the service, as in S3_ENDPOINT; a bare host means https. Needs credentialsSecretRef or
    serviceAccountRef; do://, linode://, hos:// and scw:// need it, here or in the Secret."""
    region: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]+\Z", min_length=1, max_length=64)] = ""
    """Region of the bucket, as in S3_REGION, OS_REGION_NAME and OSS_REGION; found out where it is not given."""
    acl: CannedAcl | None = None
    """Canned ACL put on every object that is written, as in KOPS_STATE_S3_ACL."""
    encryption: Encryption = Encryption.AUTO
    """Server-side encryption of what is written to S3. Auto does what kops does: AES256, or the default of
    the bucket where it has one."""
    kms_key_id: Annotated[str, Meta(min_length=1, max_length=2048)] = field(default="", name="kmsKeyID")
    """Id or ARN of the KMS key for encryption aws:kms; without it the account's own key for S3 is used."""
    expected_bucket_owner: Annotated[str, Meta(pattern=r"^[0-9]{12}\Z", max_length=12)] = ""
    """AWS account that must own the bucket: 12 digits; S3 refuses every request when another one does."""
    assume_role: Annotated[tuple[Role, ...], Meta(max_length=8)] = ()
    """Roles of AWS to assume one after the other, starting as who the credentials say."""
    ca_bundle_ref: CaBundleReference | None = None
    """Certificates of the authorities that the service's certificate may come from, in place of the usual ones.
    Not with the operator's own credentials."""
    proxy: Annotated[str, Meta(pattern=r"^https?://[^/@\s]+/?\Z", min_length=1, max_length=512)] = ""
    """URL of a proxy through which the service is reached; one that wants a password stands in the credentials
    Secret as HTTPS_PROXY. Not with the operator's own credentials."""
    k8s: KubernetesSpec | None = None
    """How a store in Kubernetes (k8s://) is kept."""
