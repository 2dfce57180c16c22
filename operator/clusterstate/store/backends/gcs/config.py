"""What is asked of Google Cloud Storage: options and credentials become one configuration. Pure.

Without an endpoint requests go to `storage.googleapis.com` (or that of the document's universe). Identities of service
accounts are exchanged as Google documents it: "Authenticate to Google Cloud APIs from GKE workloads" for GKE's own
pool, "Configure Workload Identity Federation with Kubernetes" for a provider elsewhere.
"""

import re
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from clusterstate.errors import CredentialsInvalid, EndpointRefused
from clusterstate.store.backends.gcs.keyfile import (
    AWS_TOKEN_TYPE,
    STS_URL,
    UNIVERSE,
    WEB_TOKEN,
    Document,
    Federation,
    Key,
    is_google,
    read_document,
)
from clusterstate.store.backends.gcs.rules import (
    AWS_KEYS,
    AWS_TOKEN,
    CLUSTER,
    DOCUMENT,
    EMULATOR,
    METADATA_HOST,
    PROVIDER_ANNOTATION,
    SUBJECT_TOKEN,
    chain_of,
)
from clusterstate.store.credentials import HOLDERS, Credentials, ServiceAccount, Source, TokenIssuer
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.wire import Wire, make_wire

_METADATA_HOST: Final = "metadata.google.internal"
_STORAGE: Final = re.compile(rf"(www|storage(\.mtls|\.[a-z0-9-]+\.rep|-[a-z0-9-]+\.p)?)\.{re.escape(UNIVERSE)}")
"""Hosts of the service itself: that for all regions, those of regions, and those for networks of customers' own."""


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token that stands in the Secret."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Keys that sign the request by which AWS names their owner."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AccountToken:
    """Tokens of a Kubernetes service account, a fresh one for each exchange."""

    account: ServiceAccount
    audience: str
    """Whom the tokens are for."""
    issuer: TokenIssuer = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One of somebody else's tokens is exchanged for one of Google's."""

    federation: Federation
    subject: GivenToken | AwsKeys | AccountToken


class Own(Enum):
    """Whom the operator's environment gives."""

    CHAIN = auto()
    """Google's application default credentials."""
    NOBODY = auto()
    """An emulator is asked without any credentials, as Google's own SDKs do."""


@dataclass(frozen=True, slots=True)
class ClientInputs:
    """All that a client is made from: equal inputs may share one, others never."""

    who: Key | Exchange | Own
    endpoint: str
    """Normal URL."""
    accounts: tuple[str, ...] = ()
    """E-mail addresses of Google service accounts that are impersonated one after the other, starting as `who`."""
    accounts_url: str = ""
    """What their names are appended to; empty: Google's own."""
    lifetime: int = 0
    """Seconds of an impersonated account's token; 0: Google's default."""
    universe: str = UNIVERSE
    wire: Wire = field(default_factory=Wire)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything about one bucket's use."""

    inputs: ClientInputs
    urls: tuple[str, ...]
    """Of services, the store's and those for tokens, that a tenant named."""
    grants_from: Location | None = None
    """The file whose access control list a new file gets."""
    metadata_host: str = ""
    """Set where a service account's pool has to be asked for: where GKE's metadata service is."""


def make_config(opening: Opening) -> Config:
    """Put options and credentials together; raise `SpecInvalid`, `CredentialsInvalid` or `EndpointRefused`."""
    options, credentials = opening.options, opening.credentials
    document = read_document(credentials.get(DOCUMENT), opening.policy) if credentials.get(DOCUMENT) else None
    universe = document.universe if document else UNIVERSE
    endpoint = _choose_endpoint(options, credentials) or f"https://storage.{universe}"
    urls = tuple(url for url in (endpoint, *(document.urls if document else ())) if not _is_google(url))
    inputs = ClientInputs(
        who=_choose_identity(credentials, document),
        endpoint=endpoint,
        accounts=(*(document.accounts if document else ()), *chain_of(credentials)),
        universe=universe,
        wire=make_wire(options, credentials, opening.policy, named=bool(urls)),
    )
    if document is not None:
        inputs = replace(inputs, accounts_url=document.accounts_url, lifetime=document.lifetime)
    pool_unknown = credentials.account is not None and not credentials.get(PROVIDER_ANNOTATION)
    ask = pool_unknown and not credentials.get(CLUSTER)
    host = (credentials.get(METADATA_HOST) or _METADATA_HOST) if ask else ""
    return Config(inputs, urls, options.acl_from, host)


def _is_google(url: str) -> bool:
    return is_google(Endpoint.parse(url))


def own_endpoint(endpoint: str) -> str:
    """Give the endpoint as claims name it: empty for Google's own, where names of buckets are unique.

    A bucket's own address is none: below it every path is a file that its owner has put there.
    """
    parsed = Endpoint.parse(endpoint)
    own = is_google(parsed) and not parsed.path and _STORAGE.fullmatch(parsed.host) is not None
    return "" if own else endpoint


def _choose_endpoint(options: StoreOptions, credentials: Credentials) -> str:
    """Give the endpoint, empty for the usual one; with the operator's own credentials only the operator names one."""
    emulator = credentials.get(EMULATOR)
    own = Endpoint.parse(emulator if "://" in emulator else f"http://{emulator}").url if emulator else ""
    if not options.endpoint:
        return own
    endpoint = Endpoint.parse(options.endpoint).url
    if credentials.source is Source.AMBIENT and endpoint != own:
        raise EndpointRefused(
            "spec.store.endpoint can't be used with the operator's own credentials, which would be sent there. "
            f"Set credentialsSecretRef or serviceAccountRef too, or have {EMULATOR} set for the operator."
        )
    return endpoint


def _choose_identity(credentials: Credentials, document: Document | None) -> Key | Exchange | Own:
    if credentials.account is not None and credentials.issuer is not None:
        return _exchange_account(credentials, credentials.account, credentials.issuer)
    if document is None and credentials.source is Source.AMBIENT:
        return Own.NOBODY if credentials.get(EMULATOR) else Own.CHAIN
    if document is None:
        raise CredentialsInvalid(
            f"{HOLDERS[credentials.source]} gives nobody to ask Google as. Name a Secret by "
            f"spec.store.credentialsSecretRef that holds {DOCUMENT}."
        )
    if isinstance(document.source, Key):
        _refuse_leftovers(credentials, SUBJECT_TOKEN, AWS_KEYS[0])
        return document.source
    return Exchange(document.source, _choose_subject(credentials, document.source))


def _choose_subject(credentials: Credentials, federation: Federation) -> GivenToken | AwsKeys:
    """Give what stands in the Secret to be exchanged."""
    if federation.token_type == AWS_TOKEN_TYPE:
        _refuse_leftovers(credentials, SUBJECT_TOKEN)
        access_key, secret_key, region = map(credentials.get, AWS_KEYS)
        _demand(access_key, AWS_KEYS)
        return AwsKeys(access_key, secret_key, region, credentials.get(AWS_TOKEN))
    _refuse_leftovers(credentials, AWS_KEYS[0])
    _demand(credentials.get(SUBJECT_TOKEN), (SUBJECT_TOKEN,))
    return GivenToken(credentials.get(SUBJECT_TOKEN))


def _refuse_leftovers(credentials: Credentials, *names: str) -> None:
    for name in names:
        if credentials.get(name):
            raise CredentialsInvalid(
                f"The credentials Secret holds {name}, which its {DOCUMENT} has no use for. Remove one of them."
            )


def _demand(value: str, names: tuple[str, ...]) -> None:
    if not value:
        raise CredentialsInvalid(
            f"The {DOCUMENT} of the credentials Secret exchanges what isn't there. Add {', '.join(names)} to it."
        )


def _exchange_account(credentials: Credentials, account: ServiceAccount, issuer: TokenIssuer) -> Exchange:
    provider = credentials.get(PROVIDER_ANNOTATION)
    if not provider:
        return exchange_in_pool(account, issuer, credentials.get(CLUSTER))
    audience = f"//iam.{UNIVERSE}/{provider}"
    return Exchange(Federation(audience, WEB_TOKEN, STS_URL), AccountToken(account, audience, issuer))


def exchange_in_pool(account: ServiceAccount, issuer: TokenIssuer, cluster: str) -> Exchange:
    """Give the exchange in GKE's own pool, which every project with such clusters has.

    `cluster` is projects/PROJECT/locations/LOCATION/clusters/CLUSTER; empty: the pool isn't known yet.
    """
    pool = f"{cluster.split('/')[1]}.svc.id.goog" if cluster else ""
    audience = f"identitynamespace:{pool}:https://container.{UNIVERSE}/v1/{cluster}"
    return Exchange(Federation(audience, WEB_TOKEN, STS_URL), AccountToken(account, pool, issuer))


def in_cluster(inputs: ClientInputs, cluster: str) -> ClientInputs:
    """Fill in the cluster whose pool a service account belongs to."""
    assert isinstance(inputs.who, Exchange), "asked for service accounts alone"
    subject = inputs.who.subject
    assert isinstance(subject, AccountToken), "asked for service accounts alone"
    return replace(inputs, who=exchange_in_pool(subject.account, subject.issuer, cluster))
