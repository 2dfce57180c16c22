"""Sessions of `requests` for the SDKs that call through it, with our connections, times and trust under them."""

from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, TypeVar

import requests
from requests.adapters import HTTPAdapter

from clusterstate.store.connections import pool_classes
from clusterstate.store.threads import LANE
from clusterstate.store.wire import CONNECT_SECONDS, Wire

S = TypeVar("S", bound=requests.Session)

_NO_COOKIES: Final = DefaultCookiePolicy(allowed_domains=())


def wired(session: S, wire: Wire) -> S:
    """Give the session back with all its traffic going over the wire, whatever the SDK says.

    Nothing is tried again and no redirect is followed: it would carry tokens to hosts that nobody chose. Where the
    wire is sealed, the environment's proxies, bundles and `.netrc` have no say. Cookies aren't kept: they would fill
    memory for as long as somebody gives new ones.
    """
    session.cookies.set_policy(_NO_COOKIES)
    session.trust_env = not wire.sealed
    session.max_redirects = 0
    if wire.proxy:
        session.proxies = {"http": wire.proxy, "https": wire.proxy}
    adapter = _Adapter(wire)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


class _Adapter(HTTPAdapter):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._classes = pool_classes(wire)
        super().__init__(max_retries=0, pool_maxsize=LANE)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 (passed on)
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._classes

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (passed on)
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._classes
        return manager

    def send(self, request: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override] # noqa: ANN401 (passed on)
        kwargs["timeout"] = (CONNECT_SECONDS, self._wire.read_seconds)
        return super().send(request, **kwargs)
