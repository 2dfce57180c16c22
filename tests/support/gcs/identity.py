"""Who is who in the double: keys of accounts, tokens of others that are exchanged, impersonation, access tokens."""

import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from tests.support.gcs.answers import api_error, iam_error, oauth_error
from tests.support.tokens import Issuer

GRANT_JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GRANT_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
WEB_TOKENS = ("urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token")
AWS_TOKEN = "urn:ietf:params:aws:token-type:aws4_request"
AWS_URL = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
AWS_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/\d+/(?P<region>[\w-]+)/sts/aws4_request, "
    r"SignedHeaders=host;x-amz-date(;x-amz-security-token)?, Signature=(?P<signature>\w+)"
)
KEY_AUDIENCE = "https://oauth2.googleapis.com/token"
"""Whom an account's own assertions are for, whatever URL they are sent to."""
ANYBODY = "anonymous"
IAM_SCOPES = {"https://www.googleapis.com/auth/iam", "https://www.googleapis.com/auth/cloud-platform"}
STORAGE_SCOPE = "https://www.googleapis.com/auth/devstorage.full_control"


@dataclass
class Account:
    """A service account of Google's."""

    email: str
    key: RSAKey | None = None
    lifetime: int = 3600
    """Seconds of its access tokens."""
    impersonators: set[str] = field(default_factory=set)


@dataclass
class Provider:
    """Whose tokens are exchanged; `subject` is how Google names who had one."""

    audience: str
    """Of the exchange."""
    subject: str
    """With {} for what the token says."""
    issuer: Issuer | None = None
    token_audience: str = ""
    aws: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """AWS's keys whose owners are known: the secret and the owner's ARN by the key's id."""
    lifetime: int = 3600


@dataclass
class Token:
    principal: str
    scopes: set[str]
    ends: float


class Identities:
    """Accounts, providers, and who may do what."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.providers: dict[str, Provider] = {}
        self.permissions: dict[str, set[str]] = {}
        self._tokens: dict[str, Token] = {}

    def add_account(self, email: str, key: Mapping[str, Any] | None, lifetime: int) -> None:
        self.accounts[email] = Account(email, RSAKey.import_key(dict(key)) if key else None, lifetime)

    def add_provider(self, *, key: Mapping[str, Any] | None, **fields: Any) -> None:
        issuer = Issuer(RSAKey.import_key(dict(key))) if key else None
        self.providers[fields["audience"]] = Provider(issuer=issuer, **fields)

    def let_impersonate(self, who: str, email: str) -> None:
        self.accounts[email].impersonators.add(who)

    def permit(self, principal: str, permissions: list[str]) -> None:
        """Let somebody do this and no more; `*` is everything."""
        self.permissions[principal] = set(permissions)

    def give_token(self, email: str) -> dict[str, Any]:
        """Give a token as a metadata service has it for its machine's account."""
        return self._give(email, STORAGE_SCOPE, self.accounts[email].lifetime)

    def end_tokens(self, principal: str) -> None:
        """Revoke all access tokens of somebody, before their time."""
        self._tokens = {token: found for token, found in self._tokens.items() if found.principal != principal}

    def who(self, authorization: str) -> str:
        """Give who asks for files; raise Refusal unless it is somebody."""
        if not authorization:
            return ANYBODY
        found = self._find(authorization)
        if found is None:
            raise api_error(401, "authError", "Invalid Credentials")
        if STORAGE_SCOPE not in found.scopes:
            raise api_error(403, "insufficientPermissions", "Provided scope(s) are not authorized")
        return found.principal

    def may(self, principal: str, permission: str) -> bool:
        return not {"*", permission}.isdisjoint(self.permissions.get(principal, set()))

    def exchange_key(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Give a token for an assertion that an account's key has signed (RFC 7523)."""
        if form.get("grant_type") != GRANT_JWT:
            raise oauth_error("unsupported_grant_type", "Invalid grant_type")
        try:
            claims = _claims(form["assertion"])
            account = self.accounts[claims["iss"]]
            assert account.key is not None
            claims = jwt.decode(form["assertion"], account.key, algorithms=["RS256"]).claims
        except KeyError:
            raise oauth_error("invalid_grant", "Invalid grant: account not found") from None
        except (JoseError, ValueError, AssertionError):
            raise oauth_error("invalid_grant", "Invalid JWT Signature.") from None
        now = time.time()
        if claims["aud"] != KEY_AUDIENCE or not claims["iat"] - 60 <= now < claims["exp"] <= claims["iat"] + 3600:
            raise oauth_error("invalid_grant", "Invalid JWT: Token must be a short-lived token for this service.")
        return self._give(account.email, claims["scope"], account.lifetime)

    def exchange_subject(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Give a token for one of somebody else's (RFC 8693)."""
        provider = self.providers.get(form.get("audience", ""))
        if form.get("grant_type") != GRANT_EXCHANGE or provider is None:
            raise oauth_error("invalid_request", "Invalid value for audience.")
        kind = form["subject_token_type"]
        if provider.issuer is not None and kind in WEB_TOKENS:
            try:
                said = provider.issuer.read(form["subject_token"], provider.token_audience)["sub"]
            except ValueError as flaw:
                raise oauth_error("invalid_grant", f"Error code invalid_grant: {flaw}") from None
        elif provider.aws and kind == AWS_TOKEN:
            said = _read_aws(provider, form["subject_token"])
        else:
            raise oauth_error("invalid_grant", "The subject token has another type than the provider takes.")
        answer = self._give(provider.subject.format(said), form["scope"], provider.lifetime)
        return {**answer, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}

    def impersonate(self, email: str, authorization: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Give a token of an account, through others if need be (generateAccessToken)."""
        found = self._find(authorization)
        if found is None or not found.scopes & IAM_SCOPES:
            raise iam_error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
        chain = [name.removeprefix("projects/-/serviceAccounts/") for name in body.get("delegates") or []]
        who = found.principal
        for name in (*chain, email):
            account = self.accounts.get(name)
            if account is None:
                raise iam_error(404, "NOT_FOUND", f"Not found; Gaia id not found for email {name}")
            if who not in account.impersonators:
                denied = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
                raise iam_error(403, "PERMISSION_DENIED", denied)
            who = name
        lifetime = min(int(body["lifetime"].removesuffix("s")), self.accounts[email].lifetime)
        token = self._give(email, " ".join(body["scope"]), lifetime)["access_token"]
        ends = datetime.now(UTC) + timedelta(seconds=lifetime)
        return {"accessToken": token, "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def _find(self, authorization: str) -> Token | None:
        found = self._tokens.get(authorization.removeprefix("Bearer "))
        return found if found and found.ends > time.time() else None

    def _give(self, principal: str, scopes: str, lifetime: int) -> dict[str, Any]:
        token = f"ya29.{secrets.token_urlsafe(24)}"
        self._tokens[token] = Token(principal, set(scopes.split()), time.time() + lifetime)
        return {"access_token": token, "expires_in": lifetime, "token_type": "Bearer"}


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def _read_aws(provider: Provider, token: str) -> str:
    """Give the ARN of whose keys signed a request to AWS, GetCallerIdentity, as AWS would tell it (Signature V4)."""
    signed = json.loads(unquote(token))
    headers = {header["key"].lower(): header["value"] for header in signed["headers"]}
    found = AWS_SIGNATURE.fullmatch(headers.pop("authorization"))
    if found is None or headers.pop("x-goog-cloud-target-resource") != provider.audience:
        raise oauth_error("invalid_grant", "The request isn't for this provider.")
    secret, arn = provider.aws.get(found["key"], ("", ""))
    request = AWSRequest(signed["method"], signed["url"], headers)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(found["key"], secret), "sts", found["region"])
    signature = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    age = datetime.now(UTC) - datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    fresh = abs(age) < timedelta(minutes=15)
    if not fresh or signature != found["signature"] or signed["url"] != AWS_URL.format(region=found["region"]):
        raise oauth_error("invalid_grant", "Received invalid credentials of AWS.")
    return arn
