"""What a declaration may say about a store beside its URL. Pure."""

from dataclasses import dataclass

from clusterstate.api.spec import Encryption
from clusterstate.store.credentials import Credentials


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """The fields of `spec.store` that backends need; empty means not given.

    A field wins over the variable of the credentials that says the same (`region` over `S3_REGION`).
    """

    endpoint: str = ""
    """URL; a bare host means https."""
    region: str = ""
    """The bucket's region: believed, so that nobody has to be asked for it."""
    acl: str = ""
    """A canned ACL such as `bucket-owner-full-control`, sent with each write."""
    encryption: Encryption = Encryption.AUTO
    """AUTO is kops's rule: AES256 is asked for where GetBucketEncryption fails, whatever the reason."""
    kms_key_id: str = ""
    """Only with `Encryption.KMS`; empty: the account's default key."""
    expected_bucket_owner: str = ""
    """An AWS account id; requests fail when the bucket belongs to another."""


def endpoint_of(options: StoreOptions, credentials: Credentials) -> str:
    """Give the endpoint that will be used, empty for the service's own; `Location.identity` wants it."""
    return options.endpoint or credentials.get("S3_ENDPOINT")
