"""Access tokens of one identity, renewed in time by whoever needs one first, and what token services refuse."""

import threading
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

import requests
from google.auth.credentials import Credentials, TokenState
from google.auth.exceptions import GoogleAuthError
from google.auth.transport import Request as TokenRequest
from google.auth.transport import Response as TokenResponse

from clusterstate.errors import AuthenticationFailed, IntegrityFailed, KubeUnavailable, StoreUnavailable
from clusterstate.store.backends.gcs.errors import require_object, token_failure, token_refusal
from clusterstate.store.backends.gcs.identity import Identity

RENEWAL_PAUSE: Final = 20.0
"""Seconds until a token service that failed is asked again, while the token lives: one that hangs would hold up all."""

_AUTHORIZATION: Final = "authorization"


class Tokens:
    """Puts an access token on requests; safe to use from many threads. Whoever comes while it is renewed waits."""

    def __init__(self, identity: Identity, session: requests.Session) -> None:
        """Take whose tokens they are, and the session by which token services are asked."""
        self._identity = identity
        self._service = _TokenService(session, identity)
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None
        self._next_try = 0.0

    @property
    def secret(self) -> str:
        """The token at this moment, for those who keep it out of texts."""
        return (self._credentials and self._credentials.token) or ""

    def apply(self, headers: MutableMapping[str, str]) -> bool:
        """Put a token that is good for a while on the headers; tell whether it was given just now."""
        with self._lock:
            self._credentials = self._identity.credentials()
            renewed = not self._credentials.valid and self._renew_all(self._credentials)
            self._credentials.apply(headers)
        return renewed

    def reject(self, headers: Mapping[str, str]) -> None:
        """Note that the service doesn't take the token on these headers any more."""
        with self._lock:
            if self._credentials is not None and headers.get(_AUTHORIZATION) == f"Bearer {self._credentials.token}":
                self._identity.forget()

    def _renew_all(self, credentials: Credentials) -> bool:
        """Get a new token; where that is refused, it may be due to an old one of the source's, so that one too."""
        try:
            return self._renew(credentials)
        except AuthenticationFailed:
            self._identity.forget()
            if credentials.token is None:  # it was all new already
                raise
        self._credentials = self._identity.credentials()
        return self._renew(self._credentials)

    def _renew(self, credentials: Credentials) -> bool:
        """Get a new token; one that still lives a little outlasts an outage of whoever gives them."""
        if time.monotonic() < self._next_try and credentials.token_state is not TokenState.INVALID:
            return False
        try:
            credentials.refresh(self._service)
            credentials.apply({})  # a token that is no text fails here, and not at each request
        except (StoreUnavailable, KubeUnavailable):
            self._next_try = time.monotonic() + RENEWAL_PAUSE
            if credentials.token_state is TokenState.INVALID:
                raise
            return False
        except (GoogleAuthError, ValueError, TypeError, KeyError, RecursionError) as error:
            credentials.token = None  # the SDK may have taken one whose end it couldn't read
            raise IntegrityFailed(
                f"What a token service of Google's answered is no access token ({type(error).__name__})."
            ) from None
        return True


class _TokenService(TokenRequest):
    """Asks token services, for the SDK, and takes no refusal back to it: the SDK would ask again and again."""

    def __init__(self, session: requests.Session, identity: Identity) -> None:
        self._session = session
        self._identity = identity

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: object = None,
        **kwargs: object,
    ) -> TokenResponse:
        del timeout, kwargs  # how long it may take is the wire's business
        try:
            answer = self._session.request(method, url, data=body, headers=headers)
        except (requests.RequestException, OSError) as error:
            raise token_failure(error, url, self._identity.source) from None
        if not answer.ok:
            raise token_refusal(answer, self._identity.source, _secrets(body, headers or {})) from None
        if method == "POST":  # the metadata service, which is asked by GET, also gives words
            require_object(answer)
        return _Answer(answer)


def _secrets(body: bytes | None, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Give what a hostile service might repeat: what is exchanged, and what is asked with."""
    form = parse_qsl((body or b"").decode(errors="replace"))
    return (*(value for _, value in form), headers.get(_AUTHORIZATION, "").removeprefix("Bearer "))


class _Answer(TokenResponse):
    """An answer of `requests`, in the SDK's terms."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> Any:  # noqa: ANN401 (as the SDK has it)
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.content
