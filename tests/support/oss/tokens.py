"""AssumeRoleWithOIDC: a token that Kubernetes signed is exchanged for a role that trusts its subject.

Identity providers and roles are known by their ARNs. A provider has an issuer, its public keys (a JSON Web Key Set,
as an API server shows it) and the audiences that it accepts; a role has the subjects that it trusts.
"""

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.oss.accounts import ACCOUNT, Statement
from tests.support.oss.answers import Refused

_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
SHORTEST, LONGEST = 900, 3600
"""Seconds that a role may be asked for."""


@dataclass(frozen=True)
class Provider:
    issuer: str
    audiences: tuple[str, ...]
    keys: tuple[Mapping[str, str], ...]
    """JSON Web Keys of RSA."""


@dataclass(frozen=True)
class Role:
    provider: str
    """ARN of the provider whose tokens it takes."""
    subjects: tuple[str, ...]
    statements: tuple[Statement, ...] = ()


@dataclass
class Trust:
    """Everything that says which token opens which role."""

    providers: dict[str, Provider] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    clock: Callable[[], float] = time.time

    def judge(self, form: Mapping[str, str]) -> tuple[Role, str, int]:
        """Give the role, the name of the session and its length in seconds; raise `Refused`."""
        if (form.get("Action"), form.get("Version")) != ("AssumeRoleWithOIDC", "2015-04-01"):
            raise Refused(404, "InvalidAction.NotFound", "Specified api is not found.")
        seconds, session = int(form.get("DurationSeconds", "3600")), form.get("RoleSessionName", "")
        if not SHORTEST <= seconds <= LONGEST:
            raise Refused(400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.")
        if not _SESSION_NAME.fullmatch(session):
            raise Refused(400, "InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
        provider = self.providers.get(form.get("OIDCProviderArn", ""))
        role = self.roles.get(form.get("RoleArn", ""))
        if provider is None:
            raise Refused(404, "EntityNotExist.OIDCProvider", "The OIDCProvider not exists.")
        if role is None:
            raise Refused(404, "EntityNotExist.Role", "The role not exists.")
        claims = read_token(form.get("OIDCToken", ""), provider, self.clock())
        if role.provider != form["OIDCProviderArn"] or claims["sub"] not in role.subjects:
            raise Refused(403, "AuthenticationFail.NoPermission", "This operation is forbidden by permission system.")
        return role, session, seconds


def read_token(token: str, provider: Provider, now: float) -> Mapping[str, Any]:
    """Give the claims of a token that this provider stands for; raise `Refused`."""
    try:
        head, body, signature = token.split(".")
        header, claims = json.loads(_decode(head)), json.loads(_decode(body))
        key = next(key for key in provider.keys if key["kid"] == header["kid"])
        public = RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
        public.verify(_decode(signature), f"{head}.{body}".encode(), PKCS1v15(), SHA256())
    except (ValueError, KeyError, StopIteration, binascii.Error, InvalidSignature):
        raise Refused(400, "AuthenticationFail.OIDCToken.Invalid", "This JsonWebToken is invalid.") from None
    if claims["exp"] <= now:
        raise Refused(400, "AuthenticationFail.OIDCToken.Expired", "This JsonWebToken is expired.")
    if claims["iss"] != provider.issuer:
        raise Refused(400, "AuthenticationFail.OIDCToken.IssuerMismatch", "The issuer of the token is another.")
    if not set(claims["aud"]) & set(provider.audiences):
        raise Refused(400, "AuthenticationFail.OIDCToken.AudienceMismatch", "The audience of the token is another.")
    return dict(claims)


def arn_of(kind: str, name: str) -> str:
    """Give the ARN of a role or oidc-provider."""
    return f"acs:ram::{ACCOUNT}:{kind}/{name}"


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_decode(text), "big")
