"""The SDK's errors -> ours, by table; and what token services answer.

Nothing of the SDK is chained (`from None`): its exceptions hold whole requests, with tokens. What the service said in
words is quoted, cut and cleaned, since only it names the principal and the permission that was missing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import msgspec
import requests
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.storage.exceptions import DataCorruption
from requests import exceptions as http
from urllib3.exceptions import HTTPError

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    IntegrityFailed,
    KeyNotFound,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.store.backends.gcs.rules import EMAIL
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.failures import Request, judge_connection, judge_status, make_error, read_retry_after
from clusterstate.store.texts import quote_foreign

INSERT: Final = "objects.insert"
PERMISSIONS: Final[Mapping[str, str]] = {
    "objects.get": "storage.objects.get",
    INSERT: "storage.objects.create",
    "objects.delete": "storage.objects.delete",
    "objects.list": "storage.objects.list",
    "objectAccessControls.list": "storage.objects.getIamPolicy",
    "buckets.get": "storage.buckets.get",
}
"""The permission that each method of the JSON API needs (Google, "IAM permissions for JSON methods")."""

_REASONS: Final[Mapping[str, type[StoreError]]] = {
    **dict.fromkeys(("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"), StoreUnavailable),
    "authError": AuthenticationFailed,
}
"""Reasons of the JSON API's errors (Google, "HTTP status and error codes for JSON"); others are judged by status."""

CONFLICT_SECONDS: Final = 0.2
"""When to try again after such a conflict: the service itself names no time for it."""
_CONFLICT: Final = (409, "conflict")
"""The file was edited during the operation, or another request was at work on it: try again, Google says there."""

_FAILURES: Final[tuple[tuple[type[Exception], type[StoreError]], ...]] = (
    (DataCorruption, IntegrityFailed),
    (http.ChunkedEncodingError, IntegrityFailed),
    (http.ContentDecodingError, IntegrityFailed),
    (http.InvalidJSONError, IntegrityFailed),
    (http.TooManyRedirects, StoreRefused),
    (http.InvalidURL, StoreRefused),
    (requests.RequestException, StoreUnavailable),
    (HTTPError, StoreUnavailable),
    (ConnectionError, IntegrityFailed),  # so the SDK calls a file that is shorter than its headers say
    (OSError, StoreUnavailable),
    (ValueError, IntegrityFailed),
    (TypeError, IntegrityFailed),
    (KeyError, IntegrityFailed),
    (RecursionError, IntegrityFailed),
)
"""What comes without an answer of the service, or from an answer that makes no sense; the first match counts."""
_FOREIGN: Final = tuple(theirs for theirs, _ in _FAILURES)

_NO_BUCKET: Final = "bucket does not exist"
_UNIFORM: Final = "uniform bucket-level access"
_DAMAGED: Final = re.compile(r"Provided (MD5|CRC32C)\b.*doesn't match", re.DOTALL)
_DENIED: Final = re.compile(
    rf"(?:(?P<who>{EMAIL.pattern})|.{{0,300}}?) does not have (?P<permission>storage\.[\w.]{{1,64}}) access", re.ASCII
)
"""Whoever is named otherwise than by an e-mail address, we know better."""
_IMPERSONATION: Final = re.compile(r"/([^/]+):generateAccessToken$")
_OK: Final = 200
_REDIRECTED: Final = 300
_BAD_REQUEST: Final = 400
_PROXY_AUTHENTICATION: Final = 407
_FORBIDDEN: Final = 403


class Refused(Exception):
    """Ends a request whose answer is no success, before the SDK reads it: many a body would make the SDK fail."""

    def __init__(self, answer: requests.Response) -> None:
        """Take the answer."""
        super().__init__()
        self.answer = answer


@contextmanager
def translating(request: Request, secret: Callable[[], str]) -> Iterator[None]:
    """Let no error of the SDK out: each becomes a `StoreError`; `secret` gives what no text may show."""
    try:
        yield
    except Refused as refused:
        raise _translate_answer(refused.answer, replace(request, secrets=(secret(),))) from None
    except GoogleAPICallError as error:  # a success of another kind than the SDK asked for
        raise _translate_answer(error.response, replace(request, secrets=(secret(),))) from None
    except _FOREIGN as error:
        kind = next(ours for theirs, ours in _FAILURES if isinstance(error, theirs))
        told = judge_connection(error, request.endpoint)
        raise told or make_error(kind, request, type(error).__name__) from None


def require_success(answer: requests.Response) -> None:
    """Raise `Refused` for an answer that is no success: its status decides, whatever the body is."""
    if not _OK <= answer.status_code < _REDIRECTED:
        raise Refused(answer)


def require_object(answer: requests.Response) -> None:
    """Raise ValueError for what isn't a JSON object: the SDK takes nothing at all for an empty listing."""
    if not isinstance(answer.json(), dict):
        raise ValueError("not an object")  # noqa: TRY004 (as for what can't be read)


def says_uniform(refused: Refused) -> bool:
    """Whether this refusal says that no file of the bucket has an access control list of its own."""
    return refused.answer.status_code == _BAD_REQUEST and _UNIFORM in _read(refused.answer)[1]


def token_refusal(answer: requests.Response, source: str, secrets: Iterable[str]) -> StoreError:
    """Give the error for an answer of a token service; `source` names who asked, by what no text may show."""
    code, words = _read(answer)
    said = ": ".join(filter(None, (f"{answer.status_code} {code}".strip(), words)))
    impersonated = _IMPERSONATION.search(answer.url)
    target = impersonated[1] if impersonated else source
    start = f"{_service(answer.url)} gave no access token for {target} ({quote_foreign(said, secrets)})."
    if judge_status(answer.status_code) is StoreUnavailable:
        again = read_retry_after(answer.headers.get("retry-after", ""))
        return StoreUnavailable(start, retry_after=again)
    if answer.status_code == _PROXY_AUTHENTICATION:
        return StoreRefused(f"{start} Put the proxy's URL with user and password into the Secret as HTTPS_PROXY.")
    if impersonated and answer.status_code == _FORBIDDEN:
        return AccessDenied(
            f"{start} Grant iam.serviceAccounts.getAccessToken on it to {source}: the role "
            "roles/iam.serviceAccountTokenCreator, or roles/iam.workloadIdentityUser for a workload's identity."
        )
    return AuthenticationFailed(f"{start} Correct the credentials, or renew them; the clocks of both sides must agree.")


def token_failure(error: Exception, url: str, source: str) -> StoreError:
    """Give the error for a token service that can't be reached."""
    service = _service(url)
    return judge_connection(error, service) or StoreUnavailable(
        f"{service} gave no access token for {source} ({type(error).__name__})."
    )


def _service(url: str) -> str:
    endpoint = Endpoint.parse(url.partition("?")[0])
    return replace(endpoint, path="").url


def _translate_answer(answer: requests.Response, request: Request) -> StoreError:
    status = answer.status_code
    reason, words = _read(answer)
    kind = _REASONS.get(reason) or _judge(status, words, request)
    again = read_retry_after(answer.headers.get("retry-after", ""))
    if (status, reason) == _CONFLICT:
        kind, again = StoreUnavailable, CONFLICT_SECONDS
    return make_error(kind, _naming(request, words), f"{status} {reason}".strip(), words, retry_after=again)


def _judge(status: int, words: str, request: Request) -> type[StoreError]:
    kind = judge_status(status)
    if kind is KeyNotFound and (request.operation == INSERT or _NO_BUCKET in words):
        return StoreNotFound
    return IntegrityFailed if kind is StoreRefused and _DAMAGED.search(words) else kind


def _read(answer: requests.Response) -> tuple[str, str]:
    """Give the reason of an answer and its words, as far as there are any: Google's services say them in three ways."""
    try:
        content: bytes = answer.content
    except requests.RequestException:  # it broke off; the status is known
        return "", ""
    try:
        body: Any = msgspec.json.decode(content)
    except (ValueError, RecursionError):
        return "", content.decode(errors="replace")
    inner = body.get("error") if isinstance(body, dict) else None
    if isinstance(inner, str):  # RFC 6749, as token services have it
        return inner, _text(body, "error_description")
    errors = inner.get("errors") if isinstance(inner, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return _text(first, "reason") or _text(inner, "status"), _text(inner, "message")


def _text(found: object, name: str) -> str:
    """Give the text of this name in a JSON object, empty where there is none."""
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _naming(request: Request, words: str) -> Request:
    """Take the permission from the service's own words, and who lacks it where they say; no secret in its place."""
    found = _DENIED.match(words)
    if found is None or any(secret in found[0] for secret in filter(None, request.secrets)):
        return request
    who = found["who"]
    return replace(request, permission=found["permission"], principal=(lambda: who) if who else request.principal)
