"""Google's credential documents: what is taken over from one that a tenant gave. Pure.

Three types are read (google-auth, google/auth/_default.py): `service_account` holds a private key, `external_account`
says how a token of somebody else's is exchanged (workload identity federation), `impersonated_service_account` says as
whom either of them acts. The SDK never sees the document: it would follow files, programs, metadata services and token
services that a tenant names (Google, "Validate credential configurations from external sources"). Fields that aren't
named here have no effect. No message repeats what a document says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import msgspec

from clusterstate.errors import CredentialsInvalid, SpecInvalid
from clusterstate.store.backends.gcs.rules import AWS_KEYS, DOCUMENT, EMAIL, PROVIDER, SUBJECT_TOKEN
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.endpoints import Endpoint

UNIVERSE: Final = "googleapis.com"
"""The domain of Google's own services; sovereign clouds have others."""
STS_URL: Final = f"https://sts.{UNIVERSE}/v1/token"
"""Google's security token service, which exchanges tokens."""
WEB_TOKEN: Final = "urn:ietf:params:oauth:token-type:jwt"  # noqa: S105 (a type)
AWS_TOKEN_TYPE: Final = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105 (a type)
LARGEST_DOCUMENT: Final = 1 << 16
"""Bytes; a key has some 2,400."""
LONGEST_LIFETIME: Final = 43_200
"""Seconds of an impersonated account's token (IAM Service Account Credentials API, generateAccessToken)."""

_KINDS: Final = ("service_account", "external_account", "impersonated_service_account")
_TOKEN_TYPES: Final = (WEB_TOKEN, "urn:ietf:params:oauth:token-type:id_token")
_OUTSIDE: Final = ("file", "url", "executable", "certificate", "region_url", "imdsv2_session_token_url")
"""Fields of a `credential_source` that lead to files, programs and services beside the operator."""
_AWS_CALL: Final = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
_HOST = re.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,8}")
_AUDIENCE = re.compile(rf"//iam\.[a-z0-9.-]+/({PROVIDER.pattern})", re.ASCII)
_ACCOUNT_PATH = re.compile(rf"(.*/v1/projects/-/serviceAccounts/)({EMAIL.pattern}):generateAccessToken", re.ASCII)
_DELEGATE = re.compile(rf"(?:projects/-/serviceAccounts/)?({EMAIL.pattern})", re.ASCII)

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Key:
    """A service account's own key."""

    email: str
    private_key: str = field(repr=False)
    """In PEM."""
    key_id: str = field(repr=False)
    token_url: str


@dataclass(frozen=True, slots=True)
class Federation:
    """How tokens of somebody else's are exchanged."""

    audience: str
    """Of the exchange: the provider, as the security token service names it."""
    token_type: str
    token_url: str

    @property
    def pool(self) -> str:
        """The pool of identities that the provider belongs to."""
        return self.audience.partition("/providers/")[0].removeprefix("//")


@dataclass(frozen=True, slots=True)
class Document:
    """What a document says, as far as it counts."""

    source: Key | Federation
    universe: str = UNIVERSE
    accounts: tuple[str, ...] = ()
    """E-mail addresses of service accounts that are impersonated one after the other, starting as the source."""
    accounts_url: str = ""
    """What their names are appended to; empty: Google's own."""
    lifetime: int = 0
    """Seconds of an impersonated account's token; 0: Google's default."""

    @property
    def urls(self) -> tuple[str, ...]:
        """The services that it names."""
        return tuple(filter(None, (self.source.token_url, self.accounts_url)))


class _Kind(msgspec.Struct, frozen=True):
    type: str = ""


class _KeyFields(msgspec.Struct, frozen=True):
    client_email: str
    private_key: str
    private_key_id: str = ""
    token_uri: str = f"https://oauth2.{UNIVERSE}/token"
    universe_domain: str = UNIVERSE


class _Lifetime(msgspec.Struct, frozen=True):
    token_lifetime_seconds: int = 0


class _FederationFields(msgspec.Struct, frozen=True):
    audience: str
    subject_token_type: str
    token_url: str = STS_URL
    credential_source: Mapping[str, Any] = {}
    service_account_impersonation_url: str = ""
    service_account_impersonation: _Lifetime = _Lifetime()
    universe_domain: str = UNIVERSE


class _ImpersonationFields(msgspec.Struct, frozen=True):
    service_account_impersonation_url: str
    source_credentials: msgspec.Raw
    delegates: tuple[str, ...] = ()


def is_google(endpoint: Endpoint) -> bool:
    """Whether it is a service of Google's own."""
    own = endpoint.host == UNIVERSE or endpoint.host.endswith(f".{UNIVERSE}") or endpoint.host == "accounts.google.com"
    return own and endpoint.scheme == "https"


def read_document(text: str, policy: EndpointPolicy) -> Document:
    """Take over what counts; raise `CredentialsInvalid` for what can't be used or may not be."""
    if not text.lstrip().startswith("{"):
        raise _refusal("isn't JSON. Put the document itself there, not the path of a file")
    if len(text.encode()) > LARGEST_DOCUMENT:
        raise _refusal(f"has more than {LARGEST_DOCUMENT} bytes. Put a document of Google's there")
    raw = text.encode()
    match _kind(raw):
        case "service_account":
            return _read_key(raw, policy)
        case "external_account":
            return _read_federation(raw, policy)
        case "impersonated_service_account":
            return _read_impersonation(raw, policy)
        case _:
            raise _refusal(f"has another type than {', '.join(_KINDS)}. Give a document of one of these")


def _read_key(raw: bytes, policy: EndpointPolicy) -> Document:
    found = _decode(raw, _KeyFields)
    if not EMAIL.fullmatch(found.client_email):
        raise _refusal("has a client_email that is no e-mail address. Download the key again")
    url = _known_url(found.token_uri, "token_uri", policy)
    key = Key(found.client_email, found.private_key, found.private_key_id, url)
    return Document(key, _universe(found.universe_domain, (url,)))


def _read_federation(raw: bytes, policy: EndpointPolicy) -> Document:
    found = _decode(raw, _FederationFields)
    if not _AUDIENCE.fullmatch(found.audience):
        raise _refusal("has an audience that is no provider of a workload identity pool. Have the document made anew")
    if found.subject_token_type not in (*_TOKEN_TYPES, AWS_TOKEN_TYPE):
        raise _refusal("has a subject_token_type that is neither a web token nor AWS's. Use one of these")
    _check_source(found.credential_source)
    url = _known_url(found.token_url, "token_url", policy)
    document = Document(Federation(found.audience, found.subject_token_type, url))
    if found.service_account_impersonation_url:
        document = _impersonating(document, found.service_account_impersonation_url, (), policy)
        document = replace(document, lifetime=_lifetime(found.service_account_impersonation))
    return replace(document, universe=_universe(found.universe_domain, document.urls))


def _read_impersonation(raw: bytes, policy: EndpointPolicy) -> Document:
    found = _decode(raw, _ImpersonationFields)
    source = bytes(found.source_credentials)
    match _kind(source):
        case "service_account":
            document = _read_key(source, policy)
        case "external_account":
            document = _read_federation(source, policy)
        case _:
            raise _refusal(f"has source_credentials of another type than {' and '.join(_KINDS[:2])}. Use one of these")
    delegates = tuple(map(_DELEGATE.fullmatch, found.delegates))
    if None in delegates:
        raise _refusal("has delegates that are no service accounts. Have the document made anew")
    names = tuple(delegate[1] for delegate in delegates if delegate)
    return _impersonating(document, found.service_account_impersonation_url, names, policy)


def _impersonating(document: Document, url: str, delegates: tuple[str, ...], policy: EndpointPolicy) -> Document:
    name = "service_account_impersonation_url"
    found = _ACCOUNT_PATH.fullmatch(_known_url(url, name, policy))
    if found is None:
        raise _refusal(f"has a {name} that ends in no account's :generateAccessToken. Have the document made anew")
    accounts = (*document.accounts, *delegates, found[2])
    return replace(document, accounts=accounts, accounts_url=found[1])


def _check_source(source: Mapping[str, Any]) -> None:
    """Refuse whatever would be looked up elsewhere: the Secret itself holds what is exchanged."""
    for name in _OUTSIDE:
        if name in source:
            raise _refusal(
                f"has a credential_source by {name}, where a tenant may not send the operator. Leave credential_source "
                f"out, and put what is exchanged into the Secret: {SUBJECT_TOKEN}, or {', '.join(AWS_KEYS)}"
            )
    if source.get("regional_cred_verification_url", _AWS_CALL) != _AWS_CALL:
        raise _refusal("has a regional_cred_verification_url that isn't AWS's usual one. Leave it out")


def _known_url(url: str, name: str, policy: EndpointPolicy) -> str:
    """Give the URL in its normal form; refuse one that is neither Google's nor on the operator's list."""
    try:
        endpoint = Endpoint.parse(url if "://" in url else "")
    except SpecInvalid:
        raise _refusal(f"has a {name} that is no URL. Have the document made anew") from None
    if not is_google(endpoint) and not policy.knows_token_url(endpoint.url, ()):
        raise _refusal(
            f"has a {name} that isn't Google's own. Correct it, or have the service added to the operator's "
            "CLUSTERSTATE_TOKEN_URLS"
        )
    return endpoint.url


def _universe(domain: str, urls: tuple[str, ...]) -> str:
    """Give the domain of another universe's services, which the operator knows by their token URLs."""
    if domain == UNIVERSE:
        return domain
    hosts = [Endpoint.parse(url).host for url in urls]
    if not _HOST.fullmatch(domain) or not all(host.endswith(f".{domain}") for host in hosts):
        raise _refusal("has a universe_domain to which its token services don't belong. Have the document made anew")
    return domain


def _lifetime(found: _Lifetime) -> int:
    if not 0 <= found.token_lifetime_seconds <= LONGEST_LIFETIME:
        raise _refusal(f"has token_lifetime_seconds above {LONGEST_LIFETIME}. Shorten them")
    return found.token_lifetime_seconds


def _kind(raw: bytes) -> str:
    return _decode(raw, _Kind).type


def _decode(raw: bytes, kind: type[S]) -> S:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:  # its text names fields of ours and types, never values
        raise _refusal(f"can't be read ({error}). Have the document made anew") from None
    except (ValueError, RecursionError):
        raise _refusal("isn't whole JSON. Copy the document again") from None


def _refusal(flaw: str) -> CredentialsInvalid:
    return CredentialsInvalid(f"{DOCUMENT} of the credentials Secret {flaw}.")
