"""The SDK's errors -> ours, by table.

Nothing of the SDK is chained (`from None`): its exceptions hold whole requests, with signatures and tokens. What
the service said in words is quoted, cut and cleaned, since only it names the principal that was denied.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    ClusterStateError,
    IntegrityFailed,
    KeyNotFound,
    LostRace,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
    StoreUnsupported,
)
from clusterstate.store.texts import quote_foreign

PERMISSIONS: Final[Mapping[str, str]] = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "GetBucketLocation": "s3:GetBucketLocation",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
}
"""The permission that each request needs (AWS, Actions for Amazon S3)."""

CONFLICT_SECONDS: Final = 0.2
"""How long to wait when somebody else's conditional request is under way."""

_SERVER_ERROR = 500

_CODES: Final[Mapping[str, type[StoreError]]] = {
    "NoSuchKey": KeyNotFound,
    "NoSuchBucket": StoreNotFound,
    "PreconditionFailed": LostRace,
    "ConditionalRequestConflict": StoreUnavailable,
    "OperationAborted": StoreUnavailable,
    "InvalidAccessKeyId": AuthenticationFailed,
    "SignatureDoesNotMatch": AuthenticationFailed,
    "NotSignedUp": AuthenticationFailed,
    "InvalidToken": AuthenticationFailed,
    "ExpiredToken": AuthenticationFailed,
    "TokenRefreshRequired": AuthenticationFailed,
    "InvalidSecurity": AuthenticationFailed,
    "RequestTimeTooSkewed": AuthenticationFailed,
    "RequestTimeout": StoreUnavailable,
    "SlowDown": StoreUnavailable,
    "BadDigest": IntegrityFailed,
    "InvalidDigest": IntegrityFailed,
    "IncompleteBody": IntegrityFailed,
    "XAmzContentSHA256Mismatch": IntegrityFailed,
    "XAmzContentChecksumMismatch": IntegrityFailed,
    "NotImplemented": StoreUnsupported,
}
"""Codes of S3's error responses; what isn't here is judged by its HTTP status."""

_STATUSES: Final[Mapping[int, type[StoreError]]] = {
    401: AuthenticationFailed,
    403: AccessDenied,
    404: KeyNotFound,
    408: StoreUnavailable,
    412: LostRace,
    425: StoreUnavailable,
    429: StoreUnavailable,
    501: StoreUnsupported,
}
"""HTTP statuses whose answer has no code of the table; 404 means the bucket where no key was asked for."""

_FAILURES: Final[tuple[tuple[type[Exception], type[StoreError]], ...]] = (
    (sdk.NoCredentialsError, AuthenticationFailed),
    (sdk.PartialCredentialsError, AuthenticationFailed),
    (sdk.CredentialRetrievalError, AuthenticationFailed),
    (sdk.ProfileNotFound, AuthenticationFailed),
    (sdk.IncompleteReadError, IntegrityFailed),
    (sdk.ResponseStreamingError, IntegrityFailed),
    (sdk.FlexibleChecksumError, IntegrityFailed),
    (ResponseParserError, IntegrityFailed),
    (sdk.HTTPClientError, StoreUnavailable),
    (sdk.ConnectionError, StoreUnavailable),
    (HTTPError, StoreUnavailable),
    (OSError, StoreUnavailable),
    (sdk.BotoCoreError, StoreRefused),
)
"""What the SDK raises without an answer of the service; the first match counts."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as its errors tell of it."""

    operation: str
    """The SDK's name, such as `GetObject`."""
    bucket: str
    key: str
    """Empty when the request is about the bucket."""
    endpoint: str
    sent: str = ""
    """Headers that a refusal may be due to."""
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def place(self) -> str:
        """The bucket or file, as a URL."""
        return f"s3://{self.bucket}/{self.key}" if self.key else f"s3://{self.bucket}"


@contextmanager
def translating(request: Request) -> Iterator[None]:
    """Let no error of the SDK out: each becomes a `StoreError`."""
    try:
        yield
    except sdk.ClientError as error:
        raise _translate_answer(error.response, request) from None
    except (sdk.BotoCoreError, ResponseParserError, HTTPError, OSError) as error:
        raise _translate_failure(error, request) from None


def status_of(answer: Mapping[str, Any]) -> int:
    """Give the HTTP status of an answer of the SDK, 0 where there is none."""
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def headers_of(answer: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the headers of an answer of the SDK, names in lower case."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders") or {}
    return {name.lower(): value for name, value in headers.items()}


def _translate_answer(answer: Mapping[str, Any], request: Request) -> StoreError:
    code, status = str(answer.get("Error", {}).get("Code", "")), status_of(answer)
    kind = _judge(code, status)
    if kind is KeyNotFound and not request.key:
        kind = StoreNotFound
    words = quote_foreign(str(answer.get("Error", {}).get("Message", "")), request.secrets)
    said = f"{status} {quote_foreign(code)}: {words}" if words else f"{status} {quote_foreign(code)}"
    return kind(_TEXTS[kind](request, said), retry_after=_retry_after(code, answer))


def _judge(code: str, status: int) -> type[StoreError]:
    if code in _CODES:
        return _CODES[code]
    return _STATUSES.get(status, StoreUnavailable if status >= _SERVER_ERROR or not status else StoreRefused)


def _retry_after(code: str, answer: Mapping[str, Any]) -> float | None:
    if code in {"ConditionalRequestConflict", "OperationAborted"}:
        return CONFLICT_SECONDS
    text = headers_of(answer).get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _translate_failure(error: Exception, request: Request) -> ClusterStateError:
    inner = error.kwargs.get("error") if isinstance(error, sdk.BotoCoreError) else None
    if isinstance(inner, ClusterStateError):  # what our own `connections` raised
        return inner
    if isinstance(error, sdk.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return StoreRefused(
            f"The certificate of {request.endpoint} isn't trusted. Have the endpoint's chain corrected."
        )
    kind = next((ours for theirs, ours in _FAILURES if isinstance(error, theirs)), StoreRefused)
    return kind(_TEXTS[kind](request, type(error).__name__))


def _denied_text(request: Request, said: str) -> str:
    permission = PERMISSIONS[request.operation]
    sent = f" The request carried {request.sent}." if request.sent else ""
    return f"{request.operation} on {request.place} is denied ({said}). Grant {permission} to these credentials.{sent}"


def _not_authenticated_text(request: Request, said: str) -> str:
    return (
        f"{request.endpoint} doesn't accept the credentials for s3://{request.bucket} ({said}). "
        "Correct the access key and its secret, or renew them; the clocks of both sides must agree."
    )


def _refused_text(request: Request, said: str) -> str:
    sent = f" The request carried {request.sent}." if request.sent else ""
    return f"{request.endpoint} refused {request.operation} on {request.place} ({said}).{sent} Correct the declaration."


_TEXTS: Final[Mapping[type[StoreError], Callable[[Request, str], str]]] = {
    KeyNotFound: lambda request, _: f"There is no file {request.place}.",
    LostRace: lambda request, _: f"The file {request.place} was changed by somebody else. It is read again.",
    StoreNotFound: lambda request, _: (
        f"There is no bucket {request.bucket} at {request.endpoint}. Create it, or correct the store's URL."
    ),
    AccessDenied: _denied_text,
    AuthenticationFailed: _not_authenticated_text,
    StoreUnavailable: lambda request, said: (
        f"{request.endpoint} didn't answer {request.operation} on {request.place} properly ({said}). It is tried again."
    ),
    IntegrityFailed: lambda request, said: (
        f"The bytes of {request.place} arrived damaged or cut short ({said}). It is tried again."
    ),
    StoreUnsupported: lambda request, said: (
        f"{request.endpoint} doesn't know what {request.operation} on {request.place} asks for ({said}). "
        "Leave the option out that needs it."
    ),
    StoreRefused: _refused_text,
}
"""What each error says: what happened, to which object, what to do."""
