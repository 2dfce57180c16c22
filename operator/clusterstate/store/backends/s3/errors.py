"""The SDK's errors -> ours, by table.

Nothing of the SDK is chained (`from None`): its exceptions hold whole requests, with signatures and tokens. What
the service said in words is quoted, cut and cleaned, since only it names the principal that was denied.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
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
from clusterstate.store.failures import Request, judge_connection, judge_status, make_error, read_retry_after

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

_CONFLICTS: Final = frozenset({"ConditionalRequestConflict", "OperationAborted"})
_CODES: Final[Mapping[str, type[StoreError]]] = {
    "NoSuchKey": KeyNotFound,
    "NoSuchBucket": StoreNotFound,
    "PreconditionFailed": LostRace,
    **dict.fromkeys(_CONFLICTS, StoreUnavailable),
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

_STS_CODES: Final[Mapping[str, type[StoreError]]] = {
    "AccessDenied": AccessDenied,
    "IDPCommunicationError": StoreUnavailable,
    "Throttling": StoreUnavailable,
}
"""Codes of STS; whatever else it refuses, nobody was let in."""

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

_ARN: Final = re.compile(r"arn:[\w-]+:(?:iam|sts)::\d*:[\w/+=,.@-]*\w")


@contextmanager
def translating(request: Request) -> Iterator[None]:
    """Let no error of the SDK out: each becomes a `StoreError`."""
    try:
        yield
    except sdk.ClientError as error:
        if error.operation_name.startswith("AssumeRole"):
            raise _translate_role(error, request) from None
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
    code, status, words = _read(answer)
    kind = _CODES.get(code) or judge_status(status)
    return make_error(
        kind, _naming(request, words), f"{status} {code}".strip(), words, retry_after=_retry_after(code, answer)
    )


def _translate_role(error: sdk.ClientError, request: Request) -> StoreError:
    """Tell of a role that wasn't given; the file that was asked for doesn't matter then."""
    code, status, words = _read(error.response)
    outage = judge_status(status)
    kind = _STS_CODES.get(code) or (outage if outage is StoreUnavailable else AuthenticationFailed)
    role = replace(request, operation=error.operation_name, key="", permission=f"sts:{error.operation_name}", sent="")
    return make_error(kind, _naming(role, words), f"{error.operation_name}: {status} {code}", words)


def _read(answer: Mapping[str, Any]) -> tuple[str, int, str]:
    """Give code, status and words of an answer."""
    error = answer.get("Error", {})
    return str(error.get("Code", "")), status_of(answer), str(error.get("Message", ""))


def _naming(request: Request, words: str) -> Request:
    """Take the principal from the service's own words where they name it: nobody has to be asked then."""
    named = _ARN.search(words)
    return replace(request, principal=lambda: named[0]) if named else request


def _retry_after(code: str, answer: Mapping[str, Any]) -> float | None:
    return CONFLICT_SECONDS if code in _CONFLICTS else read_retry_after(headers_of(answer).get("retry-after", ""))


def _translate_failure(error: Exception, request: Request) -> ClusterStateError:
    inner = error.kwargs.get("error") if isinstance(error, sdk.BotoCoreError) else None
    if isinstance(inner, ClusterStateError):  # what our own `connections` raised
        return inner
    told = judge_connection(inner if isinstance(inner, Exception) else error, request.endpoint)
    kind = next((ours for theirs, ours in _FAILURES if isinstance(error, theirs)), StoreRefused)
    return told or make_error(kind, request, type(error).__name__)
