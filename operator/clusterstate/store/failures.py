"""What a store's refusal is called and how it is told: one way for all backends. Pure.

Each backend has its own table of codes; what all have in common stands here: the meaning of an HTTP status, and the
words for a person, which say what happened, to which object, and what to do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from clusterstate.errors import (
    AccessDenied,
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
from clusterstate.store.base import LARGEST_FILE
from clusterstate.store.texts import quote_foreign
from clusterstate.store.threads import CALL_SECONDS

SERVER_ERROR: Final = 500
"""HTTP statuses from here on are outages."""


def nobody() -> str:
    """Name nobody in particular."""
    return "these credentials"


def nothing() -> str:
    """Add nothing."""
    return ""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as its errors tell of it."""

    operation: str
    """As the service's documents call it, such as `GetObject`."""
    store: str
    """URL of the bucket or container."""
    key: str
    """Empty when the request is about the bucket."""
    endpoint: str
    permission: str = ""
    """What whoever asks must be allowed to do, in the service's own words."""
    principal: Callable[[], str] = nobody
    """Names whom the permission has to be granted to; asked only when it is missing, and may then ask the service."""
    sent: str = ""
    """Headers that a refusal may be due to."""
    hint: Callable[[], str] = nothing
    """A sentence on why those were sent; asked only for a refusal."""
    remedy: str = "Correct the declaration."
    """What to do about a refusal."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values that no text may show."""

    @property
    def place(self) -> str:
        """The bucket or file, as a URL."""
        return f"{self.store}/{self.key}" if self.key else self.store

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.store.rpartition("/")[2]


_STATUSES: Final[Mapping[int, type[StoreError]]] = {
    401: AuthenticationFailed,
    403: AccessDenied,
    404: KeyNotFound,
    407: StoreRefused,
    408: StoreUnavailable,
    409: StoreRefused,
    412: LostRace,
    425: StoreUnavailable,
    429: StoreUnavailable,
    501: StoreUnsupported,
}


def judge_status(status: int) -> type[StoreError]:
    """Give what an HTTP status means where the answer has no code that says more; 0 stands for no answer."""
    return _STATUSES.get(status, StoreUnavailable if status >= SERVER_ERROR or not status else StoreRefused)


def make_error(
    kind: type[StoreError], request: Request, code: str, words: str = "", *, retry_after: float | None = None
) -> StoreError:
    """Give the error with its words; `code` and `words` are the service's, and are cleaned here.

    A missing file is a missing bucket where no file was asked for.
    """
    if kind is KeyNotFound and not request.key:
        kind = StoreNotFound
    said = ": ".join(filter(None, (quote_foreign(code, request.secrets), quote_foreign(words, request.secrets))))
    return kind(_TEXTS[kind](request, said), retry_after=retry_after)


def read_retry_after(text: str) -> float | None:
    """Give the seconds of a Retry-After header; dates count as absent."""
    return float(text) if text.isascii() and text.isdigit() else None


def too_large(place: str) -> StoreRefused:
    """Give the error for a file that has more bytes than anybody reads."""
    return StoreRefused(
        f"The file {place} has more than {LARGEST_FILE} bytes, the most that is read. "
        "Have it deleted or replaced; kops writes none of that size."
    )


def listed_too_slowly(place: str, seconds: float) -> StoreUnavailable:
    """Give the error for a list that took longer than an object has for it.

    Who has less time than a call may take knows nothing of the store: a short timeout is nobody else's outage.
    """
    error = StoreUnavailable(
        f"{place} couldn't be listed within {seconds:g} seconds, nearly all of spec.sync.timeout. Is the store slow? "
        "Allow more time if it always is."
    )
    error.alone = seconds < CALL_SECONDS
    return error


def judge_connection(
    error: BaseException, endpoint: str, proxy_in: str = "the credentials Secret as HTTPS_PROXY"
) -> StoreRefused | None:
    """Give the error for a connection that a person must mend, by what urllib3 and `ssl` say; None for any other."""
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return StoreRefused(
            f"The certificate of {endpoint} isn't trusted. Have the endpoint's chain corrected, or name its authority "
            "by spec.store.caBundleRef."
        )
    if "Tunnel connection failed: 407" in text:
        return StoreRefused(
            f"The proxy wants a password before it lets anybody through to {endpoint}. Put the proxy's URL with user "
            f"and password into {proxy_in}."
        )
    return None


def lost_race(key: str) -> LostRace:
    """Give the error for a file that has another version than expected."""
    return LostRace(f"The file {key} was changed by somebody else.")


def _sent(request: Request) -> str:
    sent = f" The request carried {request.sent}." if request.sent else ""
    hint = request.hint()
    return f"{sent} {hint}" if hint else sent


def _denied(request: Request, said: str) -> str:
    permission, principal = (quote_foreign(each, request.secrets) for each in (request.permission, request.principal()))
    grant = f"Grant {permission} to {principal}." if permission else "Grant access."
    return f"{request.operation} on {request.place} is denied ({said}). {grant}{_sent(request)}"


def _not_authenticated(request: Request, said: str) -> str:
    return (
        f"{request.endpoint} doesn't accept the credentials for {request.store} ({said}). "
        "Correct them, or renew them; the clocks of both sides must agree."
    )


def _refused(request: Request, said: str) -> str:
    return (
        f"{request.endpoint} refused {request.operation} on {request.place} ({said}).{_sent(request)} {request.remedy}"
    )


_TEXTS: Final[Mapping[type[StoreError], Callable[[Request, str], str]]] = {
    KeyNotFound: lambda request, _: f"There is no file {request.place}.",
    LostRace: lambda request, _: f"The file {request.place} was changed by somebody else.",
    StoreNotFound: lambda request, _: (
        f"There is no bucket {request.bucket} at {request.endpoint}. Create it, or correct the store's URL."
    ),
    AccessDenied: _denied,
    AuthenticationFailed: _not_authenticated,
    StoreUnavailable: lambda request, said: (
        f"{request.endpoint} didn't answer {request.operation} on {request.place} properly ({said})."
    ),
    IntegrityFailed: lambda request, said: f"The bytes of {request.place} arrived damaged or cut short ({said}).",
    StoreUnsupported: lambda request, said: (
        f"{request.endpoint} doesn't know what {request.operation} on {request.place} asks for ({said}). "
        "Leave the option out that needs it."
    ),
    StoreRefused: _refused,
}
"""What each error says: what happened, to which object, what to do."""
