"""The SDK's errors and Swift's answers -> ours, by table.

Nothing of the SDK is chained (`from None`): its exceptions hold whole requests, with tokens. What the service said in
words is quoted, cut and cleaned.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import requests
from keystoneauth1 import exceptions as sdk
from urllib3.exceptions import HTTPError, ReadTimeoutError

from clusterstate.errors import (
    AuthenticationFailed,
    ClusterStateError,
    IntegrityFailed,
    LostRace,
    StoreError,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.store.failures import Request, judge_connection, judge_status, make_error, read_retry_after

_OWNER: Final = "a role of operator_roles"
"""Roles that may do everything in their project's account (Swift, keystoneauth middleware)."""
_READER: Final = f"{_OWNER}, or the container's read ACL (X-Container-Read),"
_WRITER: Final = f"{_OWNER}, or the container's write ACL (X-Container-Write),"

_DONE: Final = range(200, 300)
_CONFLICTS: Final = frozenset({202, 409})
"""How Swift says that a newer write of the same object was first: 202 to a PUT, 409 to a DELETE."""
_CONFLICT_SECONDS: Final = 0.2
"""How long to wait then."""
_STATUSES: Final[Mapping[int, type[StoreError]]] = {
    **dict.fromkeys(_CONFLICTS, StoreUnavailable),
    412: StoreRefused,  # it doesn't take what was asked, such as a page of that size
    422: IntegrityFailed,  # the bytes don't fit the ETag that was sent with them
    498: StoreUnavailable,  # the rate limit of Swift's own middleware
    499: StoreUnavailable,  # the body didn't arrive whole
}
"""Statuses of Swift that mean something else than usual; the others are judged as such."""
_STATUSES_OF_PUT: Final[Mapping[int, type[StoreError]]] = {
    404: StoreNotFound,  # there is no container to write to
    412: LostRace,  # If-None-Match
}
_TOO_MUCH: Final = 413
"""A rate limit where it comes with a Retry-After, else a quota."""

_FAILURES: Final[tuple[tuple[type[Exception], type[StoreError]], ...]] = (
    (sdk.ConnectionError, StoreUnavailable),
    (requests.RequestException, StoreUnavailable),
    (ReadTimeoutError, StoreUnavailable),
    (HTTPError, IntegrityFailed),
    (OSError, StoreUnavailable),
)
"""What is raised without an answer, or in the middle of one; the first match counts."""
_READ = 2048
"""Bytes of an error's words."""
_TAGS = re.compile(r"<[^>]*>")


@contextmanager
def translating(request: Request) -> Iterator[None]:
    """Let no error of the connections out: each becomes a `StoreError`."""
    try:
        yield
    except (sdk.ConnectionError, requests.RequestException, HTTPError, OSError) as error:
        raise _translate(error, request) from None


@contextmanager
def translating_login(request: Request) -> Iterator[None]:
    """Let no error out of what gets a token: what answers there may be anything, and the SDK believes it."""
    try:
        yield
    except ClusterStateError:
        raise
    except sdk.ConnectionError as error:
        raise _translate(error, request) from None
    except sdk.HttpError as error:
        raise _refuse_login(error, request) from None
    except sdk.MissingAuthMethods:
        raise AuthenticationFailed(
            f"{request.endpoint} wants more than one proof of who asks for {request.store}. Give what is missing, or "
            "an application credential."
        ) from None
    except Exception:  # noqa: BLE001 (the SDK takes garbage apart in many ways)
        raise IntegrityFailed(
            f"What {request.endpoint} answered isn't a token. Correct OS_AUTH_URL where that isn't Keystone."
        ) from None


def permission_for(method: str, *, about_container: bool) -> str:
    """Name what whoever asks must have: Swift knows no finer permissions than a role and a container's ACLs."""
    if method in {"GET", "HEAD"}:
        return _READER
    return _OWNER if about_container else _WRITER


def is_good(answer: requests.Response, *, about_container: bool) -> bool:
    """Whether what was asked is done."""
    return answer.status_code in _DONE and (about_container or answer.status_code not in _CONFLICTS)


def refuse(answer: requests.Response, request: Request, method: str) -> StoreError:
    """Give the error that an answer of Swift is."""
    status, again = answer.status_code, read_retry_after(answer.headers.get("Retry-After", ""))
    statuses = {**_STATUSES, **_STATUSES_OF_PUT} if method == "PUT" else _STATUSES
    kind = statuses.get(status) or judge_status(status)
    if status == _TOO_MUCH and again is not None:
        kind = StoreUnavailable
    if status in _CONFLICTS:
        again = _CONFLICT_SECONDS
    with translating(request):
        words = _TAGS.sub(" ", answer.content[:_READ].decode(errors="replace"))
    return make_error(kind, request, f"{status} {answer.reason or ''}".strip(), words, retry_after=again)


def _refuse_login(error: sdk.HttpError, request: Request) -> StoreError:
    """Tell of a token that wasn't given; whatever Keystone refuses, nobody was let in."""
    status = error.http_status
    judged = judge_status(status)
    kind = judged if judged is StoreUnavailable else AuthenticationFailed
    if status in {404, 405}:
        return StoreRefused(
            f"There is no Keystone at {request.endpoint} ({status}). Correct OS_AUTH_URL: https://HOST:PORT/v3."
        )
    again = read_retry_after(error.response.headers.get("Retry-After", "")) if error.response is not None else None
    return make_error(kind, request, str(status), error.message or "", retry_after=again)


def _translate(error: Exception, request: Request) -> StoreError:
    if isinstance(error, sdk.UnknownConnectionError) and isinstance(error.original, requests.TooManyRedirects):
        return StoreRefused(
            f"{request.endpoint} leads elsewhere by a redirect, which nobody follows, since it would take the token "
            "along. Correct OS_AUTH_URL, or have the catalog of Keystone corrected."
        )
    told = judge_connection(error, request.endpoint)
    kind = next((ours for theirs, ours in _FAILURES if isinstance(error, theirs)), StoreRefused)
    return told or make_error(kind, request, type(error).__name__)
