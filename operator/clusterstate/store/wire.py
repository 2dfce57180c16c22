"""How a service is reached: past whose judgement, through which proxy, trusting whom, for how long.

Made from what a declaration and its credentials say, and a part of what SDK clients are cached by.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from clusterstate.errors import EndpointRefused, SpecInvalid, StoreUnavailable
from clusterstate.store.credentials import PROXY, Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.options import StoreOptions
from clusterstate.store.threads import CALL_SECONDS, LANE, Lane, host_lane

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
"""Seconds without a byte after which a request has failed."""


@dataclass(frozen=True, slots=True)
class Wire:
    """Everything about the connections of one client; equal ones may be shared."""

    guard: EndpointPolicy | None = None
    """Judges each address before anything goes there; None: they are the operator's or the provider's own."""
    ca_bundle: str = field(default="", repr=False)
    """In PEM; empty: the usual authorities."""
    proxy: str = field(default="", repr=False)
    """URL, maybe with user and password; empty: none, or what the operator's environment says where it has a say."""
    sealed: bool = True
    """Whether the operator's environment has no say: a tenant gave the credentials."""
    read_seconds: float = READ_SECONDS
    call_seconds: float = CALL_SECONDS

    async def admit(self, *endpoints: str) -> None:
        """Raise `EndpointRefused` where a tenant may not send the operator to one of these URLs, or to the proxy.

        Raises `StoreUnavailable` for a name without address; behind a proxy only the proxy has to know names.
        """
        if self.guard is None:
            return
        if self.proxy:
            await self.guard.check(parse_proxy(self.proxy))
        for endpoint in filter(None, endpoints):
            with suppress(*self._forgiven):
                await self.guard.check(Endpoint.parse(endpoint))

    def admit_blocking(self, endpoint: str) -> None:
        """Do the same in a thread, for a URL that a service has named."""
        if self.guard is not None:
            with suppress(*self._forgiven):
                self.guard.check_blocking(Endpoint.parse(endpoint))

    @property
    def way(self) -> str:
        """URL of the proxy on the way, without who we are to it; empty: straight on."""
        return parse_proxy(self.proxy).url if self.proxy else ""

    def lane(self, url: str) -> Lane:
        """Give a client's own share of the threads, within that of the service's host."""
        host = urlsplit(url).hostname or ""
        return Lane(LANE, host_lane(host, named=self.guard is not None), self.call_seconds)

    @property
    def _forgiven(self) -> tuple[type[StoreUnavailable], ...]:
        return (StoreUnavailable,) if self.proxy else ()


def make_wire(options: StoreOptions, credentials: Credentials, policy: EndpointPolicy, *, named: bool) -> Wire:
    """Give how to reach a service; `named` tells whether a tenant chose its address.

    Raise `EndpointRefused` where a tenant wants a say in how the operator's own credentials travel, `SpecInvalid`
    for a proxy that is none.
    """
    proxy = options.proxy or credentials.get(PROXY)
    if not credentials.explicit:
        if proxy or options.ca_bundle:
            raise EndpointRefused(
                "spec.store.proxy and caBundleRef can't be used with the operator's own credentials, which would be "
                "shown to them. Set credentialsSecretRef too, or have the operator's environment changed."
            )
        return Wire(sealed=False)
    if proxy:
        parse_proxy(proxy)
    return Wire(guard=policy if named or proxy else None, ca_bundle=options.ca_bundle, proxy=proxy)


def parse_proxy(url: str) -> Endpoint:
    """Give the address of a proxy, without who we are to it; raise `SpecInvalid`, never repeating the latter."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        host = port = ""
    if not host or parts.scheme not in {"http", "https"} or parts.path.strip("/") or parts.query or parts.fragment:
        raise SpecInvalid("The store's proxy is no URL. Write http://HOST:PORT.")
    return Endpoint.parse(f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}")
