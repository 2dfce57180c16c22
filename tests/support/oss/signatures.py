"""Signatures of versions 1 and 4, checked as OSS does: what isn't signed right is told with what should be signed."""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha1, sha256
from urllib.parse import quote
from xml.sax.saxutils import escape

from tests.support.oss.answers import Refused

SKEW = timedelta(minutes=15)
SUBRESOURCES = frozenset(
    {"acl", "append", "bucketInfo", "continuation-token", "delete", "location", "objectMeta", "partNumber", "position"}
    | {"security-token", "symlink", "tagging", "uploadId", "uploads", "versionId", "versioning", "versions"}
)
"""Those parameters of a query that version 1 signs."""

_V1 = re.compile(r"OSS ([^:\s]+):(\S+)")
_V4 = re.compile(r"OSS4-HMAC-SHA256 (.+)")
_ALWAYS_SIGNED = frozenset({"content-type", "content-md5"})


@dataclass(frozen=True)
class Sent:
    """A request, as far as signatures cover it."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""


@dataclass(frozen=True)
class Claim:
    """Who a request says that it is from."""

    access_key: str
    signature: str
    scope: tuple[str, ...] = ()
    """Of version 4: date, region, product, version; of version 1 there is none."""
    additional: tuple[str, ...] = ()
    """Headers that are signed beyond those that always are."""

    @property
    def region(self) -> str:
        return self.scope[1] if self.scope else ""


def read_claim(sent: Sent) -> Claim | None:
    """Give who it is said to be from, None where nobody says so; raise `Refused` for what can't be read."""
    text = sent.headers.get("authorization", "")
    if not text:
        return None
    if first := _V1.fullmatch(text):
        return Claim(first[1], first[2])
    if fourth := _V4.fullmatch(text):
        fields = dict(part.strip().split("=", 1) for part in fourth[1].split(","))
        access_key, *scope = fields["Credential"].split("/")
        additional = tuple(filter(None, fields.get("AdditionalHeaders", "").split(";")))
        if len(scope) == 4 and scope[2:] == ["oss", "aliyun_v4_request"]:
            return Claim(access_key, fields["Signature"], tuple(scope), additional)
    raise Refused(400, "InvalidArgument", "Authorization header is invalid.")


def check(sent: Sent, claim: Claim, secret: str, now: datetime) -> None:
    """Raise `Refused` where the request isn't signed with this secret, or not at this time."""
    if abs(now - _time_of(sent, claim)) > SKEW:
        raise Refused(
            403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
        )
    told = string_v4(sent, claim) if claim.scope else string_v1(sent)
    right = sign_v4(told, claim, secret) if claim.scope else sign_v1(told, secret)
    if not hmac.compare_digest(right.encode(), claim.signature.encode()):
        raise Refused(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and "
            "signing method.",
            {"OSSAccessKeyId": claim.access_key, "StringToSign": escape(told)},
        )


def _time_of(sent: Sent, claim: Claim) -> datetime:
    try:
        if claim.scope:
            return datetime.strptime(sent.headers["x-oss-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return parsedate_to_datetime(sent.headers.get("x-oss-date") or sent.headers["date"])
    except (KeyError, ValueError):
        raise Refused(403, "AccessDenied", "OSS authentication requires a valid Date.") from None


def string_v1(sent: Sent) -> str:
    """Give what version 1 signs ("Include signatures in the Authorization header")."""
    headers = sorted((name, value) for name, value in sent.headers.items() if name.startswith("x-oss-"))
    signed = sorted((name, value) for name, value in sent.query.items() if name in SUBRESOURCES)
    query = "&".join(f"{name}={value}" if value else name for name, value in signed)
    resource = f"/{sent.bucket}/{sent.key}" if sent.bucket else "/"
    date = sent.headers.get("x-oss-date") or sent.headers.get("date", "")
    lines = [sent.method, sent.headers.get("content-md5", ""), sent.headers.get("content-type", ""), date]
    oss = "".join(f"{name}:{value}\n" for name, value in headers)
    return "\n".join([*lines, oss + resource + (f"?{query}" if query else "")])


def sign_v1(told: str, secret: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), told.encode(), sha1)).decode()


def string_v4(sent: Sent, claim: Claim) -> str:
    """Give what version 4 signs ("Include a V4 signature in the Authorization header")."""
    digest = sha256(_canonical(sent, claim).encode()).hexdigest()
    return "\n".join(["OSS4-HMAC-SHA256", sent.headers.get("x-oss-date", ""), "/".join(claim.scope), digest])


def _canonical(sent: Sent, claim: Claim) -> str:
    names = {*_ALWAYS_SIGNED, *claim.additional}
    headers = sorted(
        (name, value.strip()) for name, value in sent.headers.items() if name in names or name.startswith("x-oss-")
    )
    query = sorted((_encode(name), _encode(value)) for name, value in sent.query.items())
    resource = f"/{sent.bucket}/{sent.key}" if sent.bucket else "/"
    return "\n".join(
        [
            sent.method,
            quote(resource, safe="/"),
            "&".join(f"{name}={value}" if value else name for name, value in query),
            "".join(f"{name}:{value}\n" for name, value in headers),
            ";".join(claim.additional),
            sent.headers.get("x-oss-content-sha256", ""),
        ]
    )


def sign_v4(told: str, claim: Claim, secret: str) -> str:
    key = f"aliyun_v4{secret}".encode()
    for part in claim.scope:
        key = hmac.digest(key, part.encode(), sha256)
    return hmac.digest(key, told.encode(), sha256).hex()


def _encode(text: str) -> str:
    return quote(text, safe="")
