"""Which addresses and places of stores a tenant may name.

The operator stands inside a network that a tenant doesn't: it could be sent to the cloud's metadata service, or to
what listens on its own loopback. So an endpoint that a declaration or a Secret gives is judged by its text, by
every address that its name resolves to, and (where a backend can) by the address that it connects to in the end.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from clusterstate.errors import EndpointRefused, StoreNotAllowed
from clusterstate.store.endpoints import METADATA_NAMES, Endpoint, as_address, danger_of, innermost
from clusterstate.store.location import Location
from clusterstate.store.resolver import RESOLVER

_SHOWN_PLACES = 5


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """What the operator's configuration says about addresses that tenants name."""

    allowed: tuple[str, ...] = ()
    """Hosts, addresses and CIDRs that are fine though they are loopback, link-local or a metadata service."""
    file_roots: tuple[str, ...] = ()
    """Absolute folders below which `file://` may be opened; empty: nowhere, it is the operator's own disk."""
    memory_allowed: bool = False
    """Whether `memfs://` may be opened: all namespaces share it, and what lies there fills the operator's memory."""
    token_urls: tuple[str, ...] = ()
    """URL prefixes of token services that credentials may name beside their cloud's own."""
    namespaces: tuple[str, ...] = ()
    """Globs of namespaces, or of NAMESPACE/PREFIX, that `k8s://` may be opened in, in the operator's own cluster."""
    places: tuple[Location, ...] | None = None
    """Where stores may be opened, there and below; None: anywhere."""

    @classmethod
    def trusting(cls, folder: str = "/") -> "EndpointPolicy":
        """Give the policy for a person's own command line: everything goes, and files below the folder of a store."""
        everywhere = ("0.0.0.0/0", "::/0")
        return cls(everywhere, (folder,), memory_allowed=True, token_urls=("https://", "http://"), namespaces=("*",))

    def require_place(self, location: Location, said: str = "") -> None:
        """Raise `StoreNotAllowed` where no store may be opened; `said` is a sentence that tells who names the place."""
        if not location.is_within(self.places):
            raise StoreNotAllowed(
                f"{said}{location.url} isn't where the operator's policy lets objects of this namespace keep states by "
                f"such credentials{_told(self.places or ())}. Use another place, or have the policy extended."
            )

    def knows_token_url(self, url: str, own: tuple[str, ...]) -> bool:
        """Whether credentials may name this token service; `own` are the prefixes of their cloud.

        A prefix counts up to the end of a part: `https://sts.example.com` is none of `https://sts.example.com.evil`.
        """
        return any(f"{url}/".startswith(f"{prefix.rstrip('/')}/") for prefix in (*own, *self.token_urls))

    def has(self, host: str) -> bool:
        """Whether the operator's configuration itself allows this very host or address."""
        address = as_address(host)
        return host in _names(self.allowed) or (
            address is not None and any(address in network for network in _networks(self.allowed))
        )

    async def check(self, endpoint: Endpoint) -> None:
        """Raise `EndpointRefused` when a tenant may not name it, `StoreUnavailable` when it doesn't resolve."""
        if self._must_resolve(endpoint):
            self._check_all(endpoint, await RESOLVER.addresses(endpoint.host))

    def check_blocking(self, endpoint: Endpoint) -> None:
        """Do the same in a thread."""
        if self._must_resolve(endpoint):
            self._check_all(endpoint, RESOLVER.addresses_blocking(endpoint.host))

    def _must_resolve(self, endpoint: Endpoint) -> bool:
        """Judge by the name alone, and tell whether that leaves its addresses to be judged."""
        if endpoint.host in _names(self.allowed):
            return False
        if endpoint.host in METADATA_NAMES:
            raise EndpointRefused(
                f"The store's endpoint {endpoint.host} is a metadata service. Name the address of an object store."
            )
        return True

    def _check_all(self, endpoint: Endpoint, addresses: Iterable[str]) -> None:
        for address in addresses:
            self.check_address(endpoint.host, address)

    def check_address(self, host: str, text: str) -> None:
        """Raise `EndpointRefused` when `host`, reached at the address `text`, is off limits."""
        address = innermost(ip_address(text.partition("%")[0]))
        if host in _names(self.allowed) or any(address in network for network in _networks(self.allowed)):
            return
        danger = danger_of(address)
        if danger:
            raise EndpointRefused(
                f"The store's endpoint {host} is {danger} ({address}), where a tenant may not send the operator. "
                "Name another, or have it added to the operator's allowed endpoints."
            )


def _told(places: tuple[Location, ...]) -> str:
    urls = [place.url for place in places[:_SHOWN_PLACES]]
    return f" (that is {', '.join(urls)}{', …' if len(places) > len(urls) else ''})" if urls else ""


@lru_cache(maxsize=64)
def _names(allowed: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word.lower() for word in allowed)


@lru_cache(maxsize=64)
def _networks(allowed: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    """Give those of the allowed words that are addresses or CIDRs; the others are names."""
    networks = []
    for word in allowed:
        with suppress(ValueError):
            networks.append(ip_network(word, strict=False))
    return tuple(networks)
