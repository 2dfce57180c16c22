"""Who asks OSS, for the SDK: keys, or a role whose credentials are renewed by whoever needs them."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import requests
from oss2.credentials import Credentials, StaticCredentialsProvider

from clusterstate.store.backends.oss.config import ClientInputs, FederatedRole, Keys
from clusterstate.store.backends.oss.sts import Lent, assume_role
from clusterstate.store.sessions import wired

logging.getLogger("oss2").setLevel(logging.CRITICAL)  # below that it shows headers, and what it signs

MARGIN: Final = 300.0
"""Seconds before their end at which a role's credentials aren't used any more: clocks differ, requests take time."""


def make_provider(inputs: ClientInputs) -> Any:  # noqa: ANN401 (the SDK has no types)
    """Give what the SDK asks for credentials before each request; nothing is asked yet."""
    who = inputs.who
    if isinstance(who, Keys):
        return StaticCredentialsProvider(who.access_key, who.secret_key, who.token)
    session = wired(requests.Session(), inputs.wire)
    return Renewed(lambda: assume_role(session, who))


def name_principal(who: Keys | FederatedRole) -> str:
    """Give the name of who asks, as far as we know it without asking."""
    return f"access key {who.access_key}" if isinstance(who, Keys) else who.arn


class Renewed:
    """A credentials provider, in the SDK's terms, of credentials that end; safe to use from many threads."""

    def __init__(self, renew: Callable[[], Lent], clock: Callable[[], float] = time.time) -> None:
        """Take what gives credentials, which blocks, and what tells the time as `Lent.until` has it."""
        self._renew = renew
        self._clock = clock
        self._lock = threading.Lock()
        self._lent: Lent | None = None

    def get_credentials(self) -> Any:  # noqa: ANN401 (as above)
        """Give what is good for a while; raise what `renew` raises."""
        with self._lock:
            if self._lent is None or self._lent.until - MARGIN <= self._clock():
                self._lent = None
                self._lent = self._renew()
            lent = self._lent
        return Credentials(lent.access_key, lent.secret_key, lent.token)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may show of the credentials in use."""
        lent = self._lent
        return (lent.secret_key, lent.token) if lent else ()
