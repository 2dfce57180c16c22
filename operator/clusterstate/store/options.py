"""What a declaration may say about a store beside its URL. Pure."""

from dataclasses import dataclass, field

from clusterstate.api.store import Encryption
from clusterstate.store.location import Location


@dataclass(frozen=True, slots=True)
class Role:
    """A role to assume (AWS, AssumeRole)."""

    arn: str
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """The fields of `spec.store` that backends need; empty means not given.

    A field wins over the variable of the credentials that says the same (`region` over `S3_REGION`).
    """

    endpoint: str = ""
    """URL of the service; a bare host means https."""
    region: str = ""
    """The bucket's region: believed, so that nobody has to be asked for it."""
    acl: str = ""
    """A canned ACL such as `bucket-owner-full-control`, sent with each write to S3."""
    encryption: Encryption = Encryption.AUTO
    """AUTO is kops's rule: on `s3://` AES256 is asked for where the bucket doesn't say that it encrypts by itself,
    on its flavours nothing is."""
    kms_key_id: str = ""
    """Only with `Encryption.KMS`; empty: the account's default key."""
    expected_bucket_owner: str = ""
    """An AWS account id; requests fail when the bucket belongs to another."""
    roles: tuple[Role, ...] = ()
    """Roles to assume one after the other, starting as who the credentials say."""
    ca_bundle: str = field(default="", repr=False)
    """Certificates in PEM: those that the service's chain may end in, in place of the usual ones."""
    proxy: str = ""
    """URL of a proxy, without credentials."""
    acl_from: Location | None = None
    """The file, in whatever bucket, whose ACL a new file gets where each file has one of its own."""
