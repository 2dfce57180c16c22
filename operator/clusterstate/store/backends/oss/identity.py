"""Who asks OSS: keys, or a role whose credentials are renewed by whoever needs them.

A role's credentials are renewed some minutes before their end, and outlast an outage of the token service until
shortly before it. Those that OSS rejects are dropped: a role that was made anew has others.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from copy import copy
from typing import Final, TypeAlias

import requests

from clusterstate.errors import ClusterStateError, KubeUnavailable, StoreUnavailable
from clusterstate.store.backends.oss.config import ClientInputs, FederatedRole, Keys
from clusterstate.store.backends.oss.sts import Lent, assume_role
from clusterstate.store.sessions import wired

logging.getLogger("oss2").setLevel(logging.CRITICAL)  # below that it shows headers, and what it signs

MARGIN: Final = 300.0
"""Seconds before their end at which a role's credentials are renewed."""
LAST: Final = 30.0
"""Seconds before their end at which they aren't used any more: clocks differ, requests take time."""
RENEWAL_PAUSE: Final = 20.0
"""Seconds until a token service that failed is asked again, while the credentials live."""

_REMEMBERED: Final = 4
"""How many of the credentials given last no text may show: a request may be under way with older ones."""

Used: TypeAlias = Keys | Lent
"""What one request is signed with."""


class Fixed:
    """Keys that nobody renews."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may show."""
        return (self._keys.secret_key, self._keys.token)

    def take(self) -> Keys:
        """Give the keys."""
        return self._keys

    def reject(self, _: Used) -> bool:
        """Tell that there are no others."""
        return False


def make_source(inputs: ClientInputs) -> "Fixed | Renewed":
    """Give what credentials are taken from; nothing is asked yet."""
    who = inputs.who
    if isinstance(who, Keys):
        return Fixed(who)
    session = wired(requests.Session(), inputs.wire)
    return Renewed(lambda: assume_role(session, who))


def name_principal(who: Keys | FederatedRole) -> str:
    """Give the name of who asks, as far as we know it without asking."""
    return f"access key {who.access_key}" if isinstance(who, Keys) else who.arn


class Renewed:
    """Credentials that end, and are renewed by whoever needs them first; safe to use from many threads."""

    def __init__(self, renew: Callable[[], Lent], clock: Callable[[], float] = time.time) -> None:
        """Take what gives credentials, which blocks, and what tells the time as `Lent.until` has it."""
        self._renew = renew
        self._clock = clock
        self._lock = threading.Lock()
        """Held while somebody renews."""
        self._lent: Lent | None = None
        self._given: deque[Lent] = deque(maxlen=_REMEMBERED)
        self._failure: ClusterStateError | None = None
        """Of the last try that left nothing to use."""
        self._next_try = 0.0

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may show of the credentials given last."""
        return tuple(secret for lent in tuple(self._given) for secret in (lent.secret_key, lent.token))

    def take(self) -> Lent:
        """Give what is good for a while; raise what `renew` raises, or raised while we waited for it."""
        old, failure = self._lasting(LAST), self._failure
        if old is not None and self._lock.locked():  # whoever renews them holds up nobody
            return old
        with self._lock:
            lent = self._lasting(MARGIN)
            if lent is not None:
                return lent
            if self._failure is not None and self._failure is not failure:
                raise copy(self._failure)
            return self._renewed()

    def reject(self, used: Used) -> bool:
        """Drop what OSS doesn't take any more, and tell that there may be others."""
        with self._lock:
            if self._lent is used:  # else somebody was quicker
                self._lent = None
        return True

    def _lasting(self, seconds: float) -> Lent | None:
        """Give what is there, if its end is more than so many seconds away."""
        lent = self._lent
        return lent if lent is not None and lent.until - seconds > self._clock() else None

    def _renewed(self) -> Lent:
        """Give new ones; while the token service is out, the old ones until shortly before their end."""
        old = self._lasting(LAST)
        if old is not None and self._clock() < self._next_try:
            return old
        try:
            lent = self._renew()
        except ClusterStateError as error:
            if old is not None and isinstance(error, (StoreUnavailable, KubeUnavailable)):
                self._next_try = self._clock() + RENEWAL_PAUSE
                return old
            self._failure = copy(error)  # without the frames, which hold the token
            raise
        self._lent, self._failure = lent, None
        self._given.append(lent)
        return lent
