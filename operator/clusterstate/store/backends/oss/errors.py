"""The SDK's errors -> ours, by table.

Nothing of the SDK is chained (`from None`): its exceptions hold what was signed, with tokens. What the service said
in words is quoted, cut and cleaned.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import requests
from oss2 import exceptions as sdk
from urllib3.exceptions import HTTPError, ProtocolError

from clusterstate.errors import (
    AuthenticationFailed,
    IntegrityFailed,
    KeyNotFound,
    LostRace,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
    StoreUnsupported,
)
from clusterstate.store.failures import Request, judge_connection, judge_status, make_error, read_retry_after
from clusterstate.store.texts import quote_foreign

PERMISSIONS: Final[Mapping[str, str]] = {
    "GetObject": "oss:GetObject",
    "HeadObject": "oss:GetObject",
    "PutObject": "oss:PutObject",
    "DeleteObject": "oss:DeleteObject",
    "ListObjectsV2": "oss:ListObjects",
    "GetBucketLocation": "oss:GetBucketLocation",
}
"""The permission that each request needs (user guide, "RAM policy", action elements)."""

CONFLICT_SECONDS: Final = 0.2
"""How long to wait when somebody else's request is under way."""

_CONFLICTS: Final = frozenset({"StaleFile"})
_REJECTIONS: Final = frozenset({"InvalidAccessKeyId", "SecurityTokenExpired", "InvalidSecurityToken"})
"""Codes that temporary credentials are answered with when they end, are revoked, or their role is made anew."""
_CODES: Final[Mapping[str, type[StoreError]]] = {
    "NoSuchKey": KeyNotFound,
    "NoSuchBucket": StoreNotFound,
    "FileAlreadyExists": LostRace,
    "PreconditionFailed": LostRace,
    **dict.fromkeys(_CONFLICTS, StoreUnavailable),
    **dict.fromkeys(_REJECTIONS, AuthenticationFailed),
    "SignatureDoesNotMatch": AuthenticationFailed,
    "AccessKeyIdAndSecurityTokenNotMatch": AuthenticationFailed,
    "RequestTimeTooSkewed": AuthenticationFailed,
    "RequestTimeout": StoreUnavailable,
    "InvalidDigest": IntegrityFailed,
    "IncompleteBody": IntegrityFailed,
    "NotImplemented": StoreUnsupported,
    **dict.fromkeys(("InvalidObjectState", "InDebt", "InDebtOverdue", "UserDisable", "BucketDisable"), StoreRefused),
}
"""Codes of OSS's error responses (user guide, "HTTP status codes"); what isn't here is judged by its HTTP status."""

_SAY_WHERE: Final = (
    "Set spec.store.region accordingly, and spec.store.endpoint too if its host isn't called oss-REGION."
)
"""What to do about a bucket that is elsewhere, whether its region was declared or found out."""

_FAILURES: Final[tuple[tuple[type[BaseException], type[StoreError]], ...]] = (
    (requests.TooManyRedirects, StoreRefused),
    (requests.exceptions.ChunkedEncodingError, IntegrityFailed),
    (requests.exceptions.ContentDecodingError, IntegrityFailed),
    (requests.RequestException, StoreUnavailable),
    (ProtocolError, IntegrityFailed),
    (HTTPError, StoreUnavailable),
    (OSError, StoreUnavailable),
    (ParseError, IntegrityFailed),
    (RuntimeError, IntegrityFailed),
    (UnicodeEncodeError, AuthenticationFailed),
    (ValueError, IntegrityFailed),
    (OverflowError, IntegrityFailed),
)
"""What the SDK raises without an answer that it can read; the first match counts.

From `ParseError` on it is its parser's, but for keys that have letters which no header can hold.
"""

_CAUGHT: Final = (sdk.OssError, *(theirs for theirs, _ in _FAILURES))
_RAM_USER: Final = re.compile(
    rb"<AuthPrincipalType>SubUser</AuthPrincipalType>\s{0,99}"
    rb"<AuthPrincipalDisplayName>(\d{1,32})</AuthPrincipalDisplayName>"
)
"""Whom an `AccessDenied` was for, in its body: a number of 18 digits, give or take some."""


@contextmanager
def translating(request: Callable[[], Request]) -> Iterator[None]:
    """Let no error of the SDK out: each becomes a `StoreError` that tells of this request."""
    try:
        yield
    except _CAUGHT as error:
        raise _translate(error, request()) from None


def rejects_credentials(error: sdk.ServerError) -> bool:
    """Whether the service doesn't know the credentials any more, which others may mend."""
    return str(error.code or "") in _REJECTIONS


def endpoint_in(error: BaseException) -> str:
    """Give the host at which the service says that the bucket is, empty where it says nothing of that."""
    return str(error.details.get("Endpoint") or "") if isinstance(error, sdk.ServerError) else ""


def _translate(error: BaseException, request: Request) -> StoreError:
    if isinstance(error, sdk.ServerError):
        return _translate_answer(error, request)
    cause = error.exception if isinstance(error, sdk.RequestError) else error
    told = judge_connection(cause, request.endpoint)
    kind = next((ours for theirs, ours in _FAILURES if isinstance(cause, theirs)), StoreRefused)
    return told or make_error(kind, request, type(cause).__name__)


def _translate_answer(error: Any, request: Request) -> StoreError:  # noqa: ANN401 (the SDK has no types)
    code, words, status = str(error.code or ""), str(error.message or ""), int(error.status)
    kind = _CODES.get(code) or judge_status(status)
    elsewhere = endpoint_in(error)
    if elsewhere:
        place = quote_foreign(elsewhere, request.secrets)
        kind = StoreRefused
        request = replace(request, hint=lambda: f"The bucket is at {place}.", remedy=_SAY_WHERE)
    retry_after = CONFLICT_SECONDS if code in _CONFLICTS else read_retry_after(error.headers.get("Retry-After", ""))
    return make_error(kind, _naming(request, error.body), f"{status} {code}".strip(), words, retry_after=retry_after)


def _naming(request: Request, body: bytes) -> Request:
    """Take the principal from the service's own words where they name it: people don't know keys by heart."""
    named = _RAM_USER.search(body)
    return replace(request, principal=lambda: f"RAM user {named[1].decode()}") if named else request
