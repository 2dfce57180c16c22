"""Requests to one account, with a token that is fetched when it is first needed and renewed when it ends.

A token is good until it has two minutes left, or half of the life it came with where that is later: short ones too
serve many requests. One that Swift refuses (401: revoked, expired, forgotten) is renewed once, by one of all threads
that were refused; with wrong credentials that ends at Keystone's answer. The account's address is judged like one that
a tenant named, since a tenant's Keystone names it; where that has TLS, no token goes out in clear text. No redirect is
followed.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

import requests
from keystoneauth1.session import Session

from clusterstate.errors import EndpointRefused
from clusterstate.store.backends.swift.catalog import Place, find_place
from clusterstate.store.backends.swift.config import ClientInputs
from clusterstate.store.backends.swift.errors import permission_for, translating, translating_login
from clusterstate.store.backends.swift.identity import make_login
from clusterstate.store.backends.swift.who import secrets_of
from clusterstate.store.body import Content, opened
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.failures import Request
from clusterstate.store.sessions import wired
from clusterstate.store.texts import quote_foreign

_NOT_KNOWN: Final = 401
_MARGIN: Final = timedelta(seconds=120)
"""How long before its end the SDK itself wants another token (`MIN_TOKEN_LIFE_SECONDS`)."""


@dataclass(frozen=True, slots=True)
class Account:
    """What a token opens."""

    token: str = field(repr=False)
    place: Place
    principal: str
    """The name of who asks, as an administrator would look for it."""
    access: Any = field(repr=False, compare=False)
    """What the SDK keeps of the token."""
    good_until: datetime | None = None
    """None: until it is refused."""

    @property
    def is_good(self) -> bool:
        """Whether its token needn't be renewed yet."""
        return self.good_until is None or datetime.now(UTC) < self.good_until


@dataclass(frozen=True, slots=True)
class Call:
    """One request about a container or an object in it."""

    method: str
    container: str
    key: str = ""
    """Empty: about the container."""
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    data: Content = field(default=b"", repr=False)
    stream: bool = False
    """Whether the caller reads the answer's body."""

    @property
    def path(self) -> str:
        """Where that is below the account, percent-encoded."""
        container = quote(self.container, safe="")
        return f"{container}/{quote(self.key)}" if self.key else container


class Client:
    """One client of the SDK with its share of the threads; safe to use from many threads and stores."""

    def __init__(self, inputs: ClientInputs) -> None:
        self.inputs = inputs
        login = make_login(inputs)
        self._plugin = login.plugin
        self._session = Session(
            session=wired(requests.Session(), inputs.wire),
            verify=login.verify,
            cert=login.certificate,
            redirect=False,
            app_name="clusterstate",
        )
        self._auth_url = inputs.auth_url or login.plugin.auth_url or ""
        self.lane = inputs.wire.lane(self._auth_url)
        """That of Keystone's host until a token told of the account, then that of the account's, where nearly all calls
        go; the few that need a token first ask for it from there, since a call is one visit to the threads."""
        self.place: Place | None = None
        """Where the account is; None until a token told."""
        self._lock = threading.Lock()
        """Held while somebody gets a token, so that nobody gets another."""
        self._account: Account | None = None

    def send(self, call: Call) -> tuple[requests.Response, Request]:
        """Give the answer, whatever it says, and what was asked; a token that isn't known any more is renewed once."""
        with self._lock:
            account = self._current(call)
        answer = self._ask(account, call)
        if answer.status_code == _NOT_KNOWN:
            answer.close()
            account = self._renewed(account, call)
            answer = self._ask(account, call)
        return answer, self._request(account, call)

    def _renewed(self, refused: Account, call: Call) -> Account:
        """Give the account by another token than the one that was refused."""
        with self._lock:
            if self._account is refused:  # else somebody was quicker
                self._account = None
                self._plugin.invalidate()
            return self._current(call)

    def _current(self, call: Call) -> Account:
        """Give the account by a good token, after a request to Keystone where there is none."""
        if self._account is not None and self._account.is_good:
            return self._account
        login = Request("the request for a token", _url(call), "", self._auth_url, secrets=secrets_of(self.inputs.who))
        with translating_login(login):
            access = self._plugin.get_access(self._session)
            if self._account is None or self._account.access is not access:
                self._account = self._locate(access)
            return self._account

    def _locate(self, access: Any) -> Account:  # noqa: ANN401 (of several kinds)
        try:
            account = self._read(access)
            self._admit(account.place.url)
        except Exception:
            self._plugin.invalidate()  # the next token may say something better
            raise
        if urlsplit(account.place.url).hostname != urlsplit(self.place.url if self.place else self._auth_url).hostname:
            self.lane = self.inputs.wire.lane(account.place.url)
        self.place = account.place
        return account

    def _admit(self, url: str) -> None:
        """Raise `EndpointRefused` for an account where a tenant may not send the operator, or a token in clear text."""
        guard, account = self.inputs.wire.guard, Endpoint.parse(url)
        if guard and self._auth_url.startswith("https:") and account.scheme == "http" and not guard.has(account.host):
            raise EndpointRefused(
                f"Keystone has TLS, and leads to an object store without: {account.url}. Anybody on the way could read "
                "the token. Have its endpoint in the catalog corrected to https, or the host added to the operator's "
                "allowed endpoints."
            )
        self.inputs.wire.admit_blocking(url)

    def _read(self, access: Any) -> Account:  # noqa: ANN401 (as above)
        """Read what the SDK keeps unread until it is asked for."""
        good_until = _good_until(access.expires)
        project = getattr(access, "project_name", None) or getattr(access, "project_id", None)
        user = access.username or access.user_id
        principal = quote_foreign(f"user {user} of project {project}" if project else f"user {user}")
        catalog = access.service_catalog.catalog or ()  # without a project there is none
        place = find_place(catalog, self.inputs.service, principal)
        return Account(access.auth_token, place, principal, access, good_until)

    def _ask(self, account: Account, call: Call) -> requests.Response:
        with translating(self._request(account, call)), opened(call.data) as data:
            return self._session.request(
                f"{account.place.url}/{call.path}",
                call.method,
                headers={**call.headers, "X-Auth-Token": account.token, "Accept-Encoding": "identity"},
                params=call.params,
                data=data or None,
                stream=call.stream,
                authenticated=False,
                raise_exc=False,
                log=False,
            )

    def _request(self, account: Account, call: Call) -> Request:
        return Request(
            f"{call.method} {'object' if call.key else 'container'}",
            _url(call),
            call.key,
            account.place.url,
            permission=permission_for(call.method, about_container=not call.key),
            principal=lambda: account.principal,
            secrets=(account.token, *secrets_of(self.inputs.who)),
        )


def _good_until(expires: datetime | None) -> datetime | None:
    """Give when a token that has just come had better be renewed."""
    if expires is None:
        return None
    now = datetime.now(UTC)
    left = (expires if expires.tzinfo else expires.replace(tzinfo=UTC)) - now
    return now + max(left - _MARGIN, left / 2)


def _url(call: Call) -> str:
    return f"swift://{call.container}"
