"""What is asked of S3: options and credentials become one configuration, by kops's rules. Pure.

kops (util/pkg/vfs/s3context.go): `S3_ENDPOINT` means path style, the static keys `S3_*` and region `S3_REGION` or
us-east-1; without it the AWS chain, region `AWS_REGION`, else the machine's own, else us-east-1, the bucket is asked
where it lives, and dual-stack addresses are used. `KOPS_STATE_S3_ACL` is trimmed. The flavours `do`, `linode`, `hos`
and `scw` need `S3_ENDPOINT` and ask for no encryption (context.go).
"""

from dataclasses import dataclass, field
from typing import Final

from clusterstate.api.store import Encryption
from clusterstate.errors import CredentialsInvalid, EndpointRefused, SpecInvalid
from clusterstate.store.backends.s3.rules import AUDIENCE_ANNOTATION, ROLE_ANNOTATION
from clusterstate.store.credentials import Credentials, ServiceAccount, Source, TokenIssuer
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.opening import Opening
from clusterstate.store.options import Role, StoreOptions
from clusterstate.store.wire import Wire, make_wire

DEFAULT_REGION: Final = "us-east-1"
"""kops's default, for AWS as for custom endpoints."""
STS_AUDIENCE: Final = "sts.amazonaws.com"
"""Audience of tokens that AWS exchanges for a role, unless the service account names another."""
AWS: Final = "s3"
"""The scheme that stands for AWS where no endpoint is given; its flavours always need one."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Static keys."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A role that a service account's token is exchanged for."""

    role: str
    """Its ARN."""
    audience: str
    account: ServiceAccount
    issuer: TokenIssuer = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class ClientInputs:
    """All that a client is made from: equal inputs may share one, others never."""

    who: Keys | WebIdentity | None
    """None: the chain of the SDK in the operator's environment."""
    endpoint: str = ""
    """Normal URL of a custom endpoint; empty: AWS's own."""
    region: str = ""
    """Empty: the machine's own, else `DEFAULT_REGION`."""
    roles: tuple[Role, ...] = ()
    """Assumed one after the other, starting as `who`."""
    wire: Wire = field(default_factory=Wire)
    dual_stack: bool = True
    """Whether AWS is asked at addresses of IPv4 and IPv6."""
    fips: bool = False
    """Whether AWS is asked at addresses whose cryptography is validated."""


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


def endpoint_of(options: StoreOptions, credentials: Credentials) -> str:
    """Give the endpoint that will be used, empty for AWS's own."""
    return options.endpoint or credentials.get("S3_ENDPOINT")


def make_config(opening: Opening) -> Config:
    """Put options and credentials together; raise `SpecInvalid`, `CredentialsInvalid` or `EndpointRefused`."""
    options, credentials, scheme = opening.options, opening.credentials, opening.location.scheme
    if options.kms_key_id and options.encryption is not Encryption.KMS:
        raise SpecInvalid("spec.store.kmsKeyID needs encryption: aws:kms. Set both, or neither.")
    endpoint = _choose_endpoint(options, credentials, scheme)
    inputs = ClientInputs(
        who=_choose_identity(credentials, custom=bool(endpoint)),
        endpoint=endpoint,
        region=_choose_region(options, credentials, custom=bool(endpoint)),
        roles=options.roles,
        wire=make_wire(options, credentials, opening.policy, named=bool(endpoint)),
        dual_stack=_truth(credentials, "AWS_USE_DUALSTACK_ENDPOINT", default=True),
        fips=_truth(credentials, "AWS_USE_FIPS_ENDPOINT", default=False),
    )
    kops_encrypts = scheme == AWS or options.encryption is not Encryption.AUTO
    return Config(
        inputs=inputs,
        ask_region=not endpoint and not options.region,
        acl=options.acl.strip() or credentials.get("KOPS_STATE_S3_ACL"),
        encryption=options.encryption if kops_encrypts else Encryption.NONE,
        kms_key_id=options.kms_key_id,
        owner=options.expected_bucket_owner,
    )


def _choose_endpoint(options: StoreOptions, credentials: Credentials, scheme: str) -> str:
    """Give the endpoint; with the operator's own credentials only the operator may name one."""
    text = endpoint_of(options, credentials)
    if not text and scheme != AWS:
        raise SpecInvalid(
            f"{scheme}:// stores need an endpoint. Set spec.store.endpoint, or S3_ENDPOINT beside the keys."
        )
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


def _choose_identity(credentials: Credentials, *, custom: bool) -> Keys | WebIdentity | None:
    """Give who asks; keys for custom endpoints are never sent to AWS."""
    if credentials.account is not None and credentials.issuer is not None:
        audience = credentials.get(AUDIENCE_ANNOTATION) or STS_AUDIENCE
        return WebIdentity(credentials.get(ROLE_ANNOTATION), audience, credentials.account, credentials.issuer)
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


def _truth(credentials: Credentials, name: str, *, default: bool) -> bool:
    text = credentials.get(name).lower()
    if text not in {"", "true", "false"}:
        raise CredentialsInvalid(f"{name} is neither true nor false. Correct it.")
    return text == "true" if text else default
