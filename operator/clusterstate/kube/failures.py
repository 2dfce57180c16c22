"""What an answer that isn't a success means: HTTP status -> `KubeError`, with a message that can be shown.

The API server quotes values in some of its messages (a rejected Secret's own bytes among them), so nothing that
it says about a confidential kind is passed on but which fields it means and which RBAC rule is missing.
See "Response status kind" in the Kubernetes API conventions.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import msgspec

from clusterstate.errors import (
    KubeError,
    KubeForbidden,
    KubeRefused,
    KubeUnavailable,
    ObjectChanged,
    ObjectExists,
    ObjectNotFound,
)
from clusterstate.kube.calls import Call

TOO_MANY_REQUESTS: Final = 429
UNAUTHORIZED: Final = 401
LONGEST: Final = 400
"""Characters of the API server's own words in a message of ours."""


class Unauthorized(KubeForbidden):
    """The API server doesn't know who asks (401)."""


class Damaged(KubeUnavailable):
    """An answer arrived cut short, or isn't what Kubernetes sends."""


class Expired(KubeUnavailable):
    """The resource version or continue token is older than what the API server remembers (410)."""

    def __init__(self, message: str, continue_token: str = "") -> None:
        """Take the token with which a list may go on, at the price of consistency."""
        super().__init__(message)
        self.continue_token = continue_token


_RBAC: Final = re.compile(r'User "[^"]*" cannot \w+ resource "[^"]*" in API group "[^"]*"( in the namespace "[^"]*")?')
_MEANINGS: Final[Mapping[int, type[KubeError]]] = {
    **dict.fromkeys((301, 302, 303, 307, 308), KubeRefused),
    400: KubeRefused,
    401: Unauthorized,
    403: KubeForbidden,
    404: ObjectNotFound,
    405: KubeRefused,
    406: KubeRefused,
    409: ObjectChanged,
    413: KubeRefused,
    415: KubeRefused,
    422: KubeRefused,
}


def from_answer(call: Call, code: int, headers: Mapping[str, str], body: bytes) -> KubeError:
    """Give the error that an answer with this HTTP status stands for."""
    return from_status(call, code, _parse(body), retry_after(headers))


def from_status(call: Call, code: int, status: Mapping[str, Any], wait: float | None = None) -> KubeError:
    """Give the error that a `Status` object stands for; `wait` is the Retry-After in seconds."""
    words = _words(call, code, status)
    message = f"Could not {call.text}: {words}"
    if code == 410:  # noqa: PLR2004 - HTTP's Gone, as in the table above
        metadata = status.get("metadata")
        return Expired(message, metadata.get("continue", "") if isinstance(metadata, dict) else "")
    return _class_of(code, status)(f"{message}{_advice(call, code)}", retry_after=wait, words=words)


def from_exception(call: Call, error: Exception) -> KubeUnavailable:
    """Give the error for a request that got no answer."""
    if isinstance(error, TimeoutError):
        words = f"the API server did not answer in time ({type(error).__name__})."
        return KubeUnavailable(f"Could not {call.text}: {words}", words=words)
    if isinstance(error, aiohttp.ClientPayloadError):
        return damaged(call, "arrived cut short")
    words = f"no answer from the API server ({_reason(error)})."
    return KubeUnavailable(f"Could not {call.text}: {words}", words=words)


def damaged(call: Call, how: str) -> Damaged:
    """Give the error for an answer that can't be read; `how` is the end of a sentence."""
    words = f"the answer {how}."
    return Damaged(f"Could not {call.text}: {words}", words=words)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds of a Retry-After header; a date counts as absent, since Kubernetes sends none."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _reason(error: Exception) -> str:
    """Say why nobody answered; errors of aiohttp that aren't about the connection hold the request with its token."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"Tunnel connection failed: {error.status}"
    words = str(error) if isinstance(error, aiohttp.ClientConnectionError | OSError) else ""
    return _cut(words) or type(error).__name__


def _class_of(code: int, status: Mapping[str, Any]) -> type[KubeError]:
    if code == 409 and status.get("reason") == "AlreadyExists":  # noqa: PLR2004 - HTTP's Conflict
        return ObjectExists
    causes = _causes(status)
    if any(cause.get("reason") == "FieldManagerConflict" for cause in causes):
        return KubeRefused
    if any(cause.get("field") == "metadata.uid" for cause in causes):
        return ObjectChanged  # how a patch's condition on the uid fails: as a change of an immutable field
    return _MEANINGS.get(code, KubeUnavailable)


def _words(call: Call, code: int, status: Mapping[str, Any]) -> str:
    message = str(status.get("message", ""))
    denied = _RBAC.search(message)
    if denied:
        return f"{_cut(denied[0])}."
    given = str(status.get("reason", ""))
    reason = given if re.fullmatch("[A-Za-z]{1,64}", given) else f"HTTP status {code}"
    if message and not call.kind.confidential:
        return f"{_cut(message)} ({reason})."
    fields = sorted({str(cause["field"]) for cause in _causes(status) if cause.get("field")})
    return f"{reason}, because of {_cut(', '.join(fields))}." if fields else f"{reason}."


def _advice(call: Call, code: int) -> str:
    if code == UNAUTHORIZED:
        return " The API server doesn't know the operator's credentials. Check its service account or kubeconfig."
    if code == 403:  # noqa: PLR2004 - HTTP's Forbidden
        where = f" in namespace {call.namespace}" if call.namespace else " in all namespaces"
        resource = f"{call.kind.plural}/{call.subresource}" if call.subresource else call.kind.plural
        return f" If this account should do that, allow it to {call.verb} {resource}{where} by RBAC."
    if code == 404 and call.verb == "list":  # noqa: PLR2004 - HTTP's Not Found
        return f" The API server knows no {call.kind.plural}. Install their definition."
    return ""


def _causes(status: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return tuple(cause for cause in causes if isinstance(cause, dict)) if isinstance(causes, list) else ()


def _parse(body: bytes) -> Mapping[str, Any]:
    """Read a Status; anything else (a proxy's page, say) is dropped: nobody knows what it quotes."""
    try:
        status = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return status if isinstance(status, dict) and status.get("kind") == "Status" else {}


def _cut(text: str) -> str:
    plain = "".join(sign if sign.isprintable() else " " for sign in text[: LONGEST + 1]).rstrip(". ")
    return plain if len(text) <= LONGEST else f"{plain[:LONGEST]}…"
