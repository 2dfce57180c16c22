"""A role for a service account's token: AssumeRoleWithOIDC of Alibaba's security token service, one request.

After Alibaba Cloud's STS API reference, version 2015-04-01: the call is not signed, the token itself says who asks.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import requests

from clusterstate.errors import AccessDenied, AuthenticationFailed, StoreError, StoreUnavailable
from clusterstate.store.backends.oss.config import AccountToken, FederatedRole, TokenFile
from clusterstate.store.failures import Request, judge_connection, judge_status, make_error, read_retry_after

AUDIENCE: Final = "sts.aliyuncs.com"
"""Whom a token that is exchanged for a role has to be for."""
ROLE_SECONDS: Final = 3600
"""How long a role is asked for: what every role allows."""

_OPERATION: Final = "AssumeRoleWithOIDC"
_SESSION_NAME: Final = "clusterstate"
_LONGEST_NAME: Final = 64
"""Characters of a RoleSessionName."""
_OK: Final = 200
_DENIED: Final = frozenset({"NoPermission", "AuthenticationFail.NoPermission"})
"""Codes of a trust policy that doesn't have this service account."""


@dataclass(frozen=True, slots=True)
class Lent:
    """A role's credentials for a while."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str = field(repr=False)
    until: float
    """When they end, in seconds since the epoch, by our clock."""


class _Credentials(msgspec.Struct, rename="pascal"):
    access_key_id: str
    access_key_secret: str
    security_token: str
    expiration: datetime


class _Answer(msgspec.Struct, rename="pascal"):
    credentials: _Credentials


class _Refusal(msgspec.Struct, rename="pascal"):
    code: str = ""
    message: str = ""


def assume_role(session: requests.Session, role: FederatedRole) -> Lent:
    """Exchange a fresh token for the role; raise a `StoreError`, or what the token's issuer raises."""
    token = _take_token(role)
    request = _request(role, token)
    asked = time.time()
    try:
        answer = session.post(role.sts, params=_query(), data=_form(role, token))
        body = answer.content
    except (requests.RequestException, OSError) as error:
        inner = judge_connection(error, role.sts)
        raise inner or make_error(StoreUnavailable, request, type(error).__name__) from None
    if answer.status_code != _OK:
        raise _refused(answer.status_code, body, request, answer.headers)
    try:
        lent = msgspec.json.decode(body, type=_Answer).credentials
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise make_error(StoreUnavailable, request, "an answer that is none") from None
    until = min(lent.expiration.timestamp(), asked + ROLE_SECONDS)
    return Lent(lent.access_key_id, lent.access_key_secret, lent.security_token, until)


def _take_token(role: FederatedRole) -> str:
    match role.source:
        case AccountToken(issuer=issuer):
            return issuer.issue(AUDIENCE)
        case TokenFile(path):
            return _read_file(path)


def _read_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AuthenticationFailed(
            f"The token file {path} can't be read ({type(error).__name__}). Mount the token of its service "
            "account there."
        ) from None


def _query() -> Mapping[str, str]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"Action": _OPERATION, "Version": "2015-04-01", "Format": "JSON", "Timestamp": now}


def _form(role: FederatedRole, token: str) -> Mapping[str, str]:
    return {
        "OIDCProviderArn": role.provider,
        "RoleArn": role.arn,
        "OIDCToken": token,
        "RoleSessionName": _name_session(role),
        "DurationSeconds": str(ROLE_SECONDS),
    }


def _name_session(role: FederatedRole) -> str:
    """Give a name by which the cloud's audit log tells who it was."""
    if isinstance(role.source, TokenFile):
        return _SESSION_NAME
    return f"{_SESSION_NAME}-{role.source.account.namespace}-{role.source.account.name}"[:_LONGEST_NAME]


def _request(role: FederatedRole, token: str) -> Request:
    def principal() -> str:
        if isinstance(role.source, TokenFile):
            return "the operator's service account"
        return f"service account {role.source.account.namespace}/{role.source.account.name}"

    permission = f"sts:AssumeRole in the trust policy of {role.arn}"
    return Request(
        _OPERATION, role.arn, "", urlsplit(role.sts).netloc, permission, principal=principal, secrets=(token,)
    )


def _refused(status: int, body: bytes, request: Request, headers: Mapping[str, str]) -> StoreError:
    try:
        told = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        told = _Refusal()
    outage = judge_status(status) is StoreUnavailable or told.code.startswith("Throttling")
    kind = AccessDenied if told.code in _DENIED else StoreUnavailable if outage else AuthenticationFailed
    said = f"{_OPERATION}: {status} {told.code}".rstrip()
    return make_error(kind, request, said, told.message, retry_after=read_retry_after(headers.get("Retry-After", "")))
