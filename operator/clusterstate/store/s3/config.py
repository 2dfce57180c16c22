"""What is asked of S3: options and credentials become one configuration, by kops's rules. Pure.

kops (util/pkg/vfs/s3context.go): `S3_ENDPOINT` means path style, the static keys `S3_*` and region `S3_REGION` or
us-east-1; without it the AWS chain, region `AWS_REGION`, else the machine's own, else us-east-1, and the bucket
is asked where it lives. `KOPS_STATE_S3_ACL` is trimmed.
"""

from dataclasses import dataclass, field

from clusterstate.api.spec import Encryption
from clusterstate.errors import CredentialsInvalid, EndpointRefused, SpecInvalid
from clusterstate.store.credentials import Credentials, Source
from clusterstate.store.endpoints import Endpoint, EndpointPolicy
from clusterstate.store.options import StoreOptions, endpoint_of
from clusterstate.store.threads import CALL_SECONDS

DEFAULT_REGION = "us-east-1"
"""kops's default, for AWS as for custom endpoints."""
READ_SECONDS = 20.0
"""Seconds without a byte after which a request has failed."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Static keys."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ClientInputs:
    """All that a client is made from: equal inputs may share one, others never."""

    keys: Keys | None
    """None: the chain of the SDK in the operator's environment."""
    endpoint: str = ""
    """Normal URL of a custom endpoint; empty: AWS's own."""
    region: str = ""
    """Empty: the machine's own, else `DEFAULT_REGION`."""
    guard: EndpointPolicy | None = None
    """Judges each connection to an endpoint that a tenant named; None: it is the operator's or AWS's."""
    read_seconds: float = READ_SECONDS
    call_seconds: float = CALL_SECONDS


@dataclass(frozen=True, slots=True)
class Config:
    """Everything about one bucket's use."""

    inputs: ClientInputs
    ask_region: bool
    """Whether the bucket must be asked for its region."""
    acl: str
    encryption: Encryption
    kms_key_id: str
    owner: str
    """AWS account that must own the bucket; empty: anyone."""


def make_config(options: StoreOptions, credentials: Credentials, policy: EndpointPolicy) -> Config:
    """Put options and credentials together; raise `SpecInvalid`, `CredentialsInvalid` or `EndpointRefused`."""
    if options.kms_key_id and options.encryption is not Encryption.KMS:
        raise SpecInvalid("spec.store.kmsKeyID needs encryption: aws:kms. Set both, or neither.")
    endpoint = _choose_endpoint(options, credentials)
    inputs = ClientInputs(
        keys=_choose_keys(credentials, custom=bool(endpoint)),
        endpoint=endpoint,
        region=_choose_region(options, credentials, custom=bool(endpoint)),
        guard=policy if endpoint and credentials.source is not Source.AMBIENT else None,
    )
    return Config(
        inputs=inputs,
        ask_region=not endpoint and not options.region,
        acl=options.acl.strip() or credentials.get("KOPS_STATE_S3_ACL"),
        encryption=options.encryption,
        kms_key_id=options.kms_key_id,
        owner=options.expected_bucket_owner,
    )


def _choose_endpoint(options: StoreOptions, credentials: Credentials) -> str:
    """Give the endpoint; with the operator's own credentials only the operator may name one."""
    text = endpoint_of(options, credentials)
    if not text:
        return ""
    endpoint = Endpoint.parse(text)
    if credentials.source is Source.AMBIENT:
        own = credentials.get("S3_ENDPOINT")
        if not own or Endpoint.parse(own) != endpoint:
            raise EndpointRefused(
                "spec.store.endpoint can't be used with the operator's own credentials, which would be sent there. "
                "Set credentialsSecretRef too, or have S3_ENDPOINT set for the operator."
            )
    return endpoint.url


def _choose_region(options: StoreOptions, credentials: Credentials, *, custom: bool) -> str:
    if custom:
        return options.region or credentials.get("S3_REGION") or DEFAULT_REGION
    machine = "" if credentials.source is Source.AMBIENT else DEFAULT_REGION
    return options.region or credentials.get("AWS_REGION") or machine


def _choose_keys(credentials: Credentials, *, custom: bool) -> Keys | None:
    """Give the keys: those for custom endpoints are never sent to AWS."""
    static = Keys(credentials.get("S3_ACCESS_KEY_ID"), credentials.get("S3_SECRET_ACCESS_KEY"))
    if custom and static.access_key:
        return static
    if credentials.source is Source.AMBIENT:
        return None
    keys = Keys(
        credentials.get("AWS_ACCESS_KEY_ID"),
        credentials.get("AWS_SECRET_ACCESS_KEY"),
        credentials.get("AWS_SESSION_TOKEN"),
    )
    if not keys.access_key:
        raise CredentialsInvalid(
            "The credentials hold S3_ACCESS_KEY_ID, which is for a custom endpoint, but none is given. "
            "Set S3_ENDPOINT or spec.store.endpoint, or give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return keys
