"""Requests to one account, with a token that is fetched when it is first needed and renewed when it ends.

A token that Swift refuses (401: revoked, expired, forgotten) is renewed once, by one of all threads that were
refused; with wrong credentials that ends at Keystone's answer. The account's address is judged like one that a tenant
named, since a tenant's Keystone names it. No redirect is followed.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from keystoneauth1.session import Session

from clusterstate.store.backends.swift.catalog import Place, find_place
from clusterstate.store.backends.swift.config import ClientInputs
from clusterstate.store.backends.swift.errors import translating_login
from clusterstate.store.backends.swift.identity import make_login
from clusterstate.store.backends.swift.who import secrets_of
from clusterstate.store.failures import Request
from clusterstate.store.sessions import wired
from clusterstate.store.texts import quote_foreign
from clusterstate.store.threads import LANE, Lane, host_lane

_NOT_KNOWN: Final = 401


@dataclass(frozen=True, slots=True)
class Account:
    """What a token opens."""

    token: str = field(repr=False)
    place: Place
    principal: str
    """The name of who asks, as an administrator would look for it."""
    access: Any = field(repr=False, compare=False)
    """What the SDK keeps of the token."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an account."""

    method: str
    path: str
    """Below the account, percent-encoded."""
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    data: bytes | None = field(default=None, repr=False)
    stream: bool = False
    """Whether the caller reads the answer's body."""


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
        self.auth_url = inputs.auth_url or login.plugin.auth_url or ""
        host = urlsplit(self.auth_url).hostname or ""
        self.lane = Lane(LANE, host_lane(host, named=inputs.wire.guard is not None), inputs.wire.call_seconds)
        self._lock = threading.Lock()
        self._account: Account | None = None

    @property
    def place(self) -> Place | None:
        """Where the account is; None until a token told."""
        account = self._account
        return account.place if account else None

    def account(self, store: str) -> Account:
        """Give the account, after a request to Keystone where there is no good token; `store` is for messages."""
        with translating_login(self._login_request(store)):
            access = self._plugin.get_access(self._session)
            with self._lock:
                if self._account is None or self._account.access is not access:
                    self._account = self._locate(access)
                return self._account

    def send(self, account: Account, call: Call, store: str) -> requests.Response:
        """Give the answer, whatever it says; a token that isn't known any more is renewed once."""
        answer = self._ask(account, call)
        if answer.status_code == _NOT_KNOWN:
            answer.close()
            answer = self._ask(self._renewed(account, store), call)
        return answer

    def _renewed(self, account: Account, store: str) -> Account:
        """Give the account by another token than that one."""
        with self._lock:
            if self._account is account:  # else somebody was quicker
                self._plugin.invalidate()
                self._account = None
        return self.account(store)

    def _ask(self, account: Account, call: Call) -> requests.Response:
        return self._session.request(
            f"{account.place.url}/{call.path}",
            call.method,
            headers={**call.headers, "X-Auth-Token": account.token, "Accept-Encoding": "identity"},
            params=call.params,
            data=call.data,
            stream=call.stream,
            authenticated=False,
            raise_exc=False,
            log=False,
        )

    def _locate(self, access: Any) -> Account:  # noqa: ANN401 (of several kinds)
        try:
            return self._read(access)
        except Exception:
            self._plugin.invalidate()  # the next token may say something better
            raise

    def _read(self, access: Any) -> Account:  # noqa: ANN401 (as above)
        """Read what the SDK keeps unread until it is asked for."""
        _ = access.expires
        project = getattr(access, "project_name", None) or getattr(access, "project_id", None)
        user = access.username or access.user_id
        principal = quote_foreign(f"user {user} of project {project}" if project else f"user {user}")
        catalog = access.service_catalog.catalog or ()  # without a project there is none
        place = find_place(catalog, self.inputs.service, principal)
        self.inputs.wire.admit_blocking(place.url)
        return Account(access.auth_token, place, principal, access)

    def _login_request(self, store: str) -> Request:
        return Request("the request for a token", store, "", self.auth_url, secrets=secrets_of(self.inputs.who))
