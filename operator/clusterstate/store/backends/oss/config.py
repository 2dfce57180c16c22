"""What is asked of OSS: options and credentials become one configuration. Pure.

kops (util/pkg/vfs/osscontext.go, up to 1.23): `OSS_REGION` must be there, any value of `ALIYUN_OSS_INTERNAL` means the
internal endpoint, connections have TLS. Unlike there, `false` and `0` mean the public endpoint, and a missing region
is found out.
"""

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from clusterstate.errors import CredentialsInvalid, EndpointRefused, SpecInvalid
from clusterstate.store.backends.oss import rules
from clusterstate.store.backends.oss.addresses import (
    DEFAULT_REGION,
    address_of,
    is_internal,
    is_own,
    read_region,
    region_of,
    sts_of,
)
from clusterstate.store.credentials import Credentials, ServiceAccount, Source, TokenIssuer
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.wire import Wire, make_wire

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
"""API reference, "PutBucket"."""
_PUBLIC: Final = frozenset({"", "false", "0"})


@dataclass(frozen=True, slots=True)
class Keys:
    """Static keys."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountToken:
    """Tokens of a service account, fresh from the Kubernetes API."""

    account: ServiceAccount
    issuer: TokenIssuer = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file of the operator's own, which the kubelet keeps fresh."""

    path: str


@dataclass(frozen=True, slots=True)
class FederatedRole:
    """A role that a token is exchanged for."""

    arn: str
    provider: str
    """ARN of the identity provider that knows the token's issuer."""
    source: AccountToken | TokenFile
    sts: str
    """URL of the token service."""


Identity: TypeAlias = Keys | FederatedRole


@dataclass(frozen=True, slots=True)
class ClientInputs:
    """All that a client is made from: equal inputs may share one, others never."""

    who: Identity
    endpoint: str
    """Normal URL."""
    region: str
    """That of the signatures."""
    wire: Wire = field(default_factory=Wire)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything about one bucket's use."""

    inputs: ClientInputs
    own: bool
    """Whether it is OSS itself and no other service."""
    internal: bool = False
    """Whether OSS is asked at its addresses for Alibaba's own machines."""
    ask_region: bool = False
    """Whether the bucket must be asked for its region."""


def make_config(opening: Opening) -> Config:
    """Put options and credentials together; raise `SpecInvalid`, `CredentialsInvalid` or `EndpointRefused`."""
    options, credentials = opening.options, opening.credentials
    _check_bucket(opening.location.bucket)
    named = _choose_endpoint(options, credentials)
    region = read_region(options.region or credentials.get(rules.REGION))
    wire = make_wire(options, credentials, opening.policy, named=named is not None)
    if named is not None:
        return _at(named, region, credentials, wire)
    internal = credentials.get(rules.INTERNAL).lower() not in _PUBLIC
    who = _choose_identity(credentials, sts_of(region, internal=internal))
    # Who isn't in the default region doesn't reach its internal address.
    endpoint = address_of(region or DEFAULT_REGION, internal=internal and bool(region))
    inputs = ClientInputs(who, endpoint, region or DEFAULT_REGION, wire)
    return Config(inputs, own=True, internal=internal, ask_region=not region)


def _at(endpoint: Endpoint, region: str, credentials: Credentials, wire: Wire) -> Config:
    """Give the use of an endpoint that somebody named."""
    own, internal = is_own(endpoint.host), is_internal(endpoint.host)
    region = region or region_of(endpoint.host)
    if own and not region:
        raise SpecInvalid(
            f"The endpoint {endpoint.host} doesn't tell the bucket's region. Set spec.store.region or OSS_REGION."
        )
    who = _choose_identity(credentials, sts_of(region, internal=internal))
    return Config(ClientInputs(who, endpoint.url, region or DEFAULT_REGION, wire), own=own, internal=internal)


def _check_bucket(name: str) -> None:
    if not _BUCKET.fullmatch(name):
        raise SpecInvalid(
            f"{name!r} is no name of a bucket in OSS. It has 3 to 63 lower-case letters, digits and '-', which is "
            "neither first nor last."
        )


def _choose_endpoint(options: StoreOptions, credentials: Credentials) -> Endpoint | None:
    """Give the endpoint that is named, if any; with the operator's own credentials only the operator may name one."""
    own = credentials.get(rules.ENDPOINT)
    text = options.endpoint or own
    if not text:
        return None
    endpoint = Endpoint.parse(text)
    if endpoint.path:
        raise SpecInvalid("The store's endpoint has a path, but OSS is at the root of its host. Write https://HOST.")
    if ":" in endpoint.host:
        raise SpecInvalid("The store's endpoint is an IPv6 address, which the SDK can't call. Give it a name.")
    if not credentials.explicit and (not own or Endpoint.parse(own) != endpoint):
        raise EndpointRefused(
            "spec.store.endpoint can't be used with the operator's own credentials, which would be sent there. "
            f"Set credentialsSecretRef too, or have {rules.ENDPOINT} set for the operator."
        )
    return endpoint


def _choose_identity(credentials: Credentials, sts: str) -> Identity:
    """Give who asks: a service account's role, keys, or the role of the operator's own pod."""
    if credentials.account is not None and credentials.issuer is not None:
        source = AccountToken(credentials.account, credentials.issuer)
        return FederatedRole(rules.role_of(credentials), rules.provider_of(credentials), source, sts)
    if credentials.get(rules.PAIR[0]):
        return Keys(*map(credentials.get, (*rules.PAIR, rules.TOKEN)))
    if credentials.source is Source.AMBIENT and credentials.get(rules.TOKEN_FILE):
        return _own_role(credentials, sts)
    raise CredentialsInvalid(
        f"The environment holds no credentials for OSS. Have {' and '.join(rules.PAIR)} set for it, or name "
        "a Secret by spec.store.credentialsSecretRef."
    )


def _own_role(credentials: Credentials, sts: str) -> FederatedRole:
    role, provider, path = map(credentials.get, (rules.ROLE, rules.PROVIDER, rules.TOKEN_FILE))
    if not role or not provider:
        raise CredentialsInvalid(
            f"The environment holds {rules.TOKEN_FILE} without {rules.ROLE} or {rules.PROVIDER}. Have all "
            "of them set, as ACK's webhook does."
        )
    return FederatedRole(role, provider, TokenFile(path), sts)
