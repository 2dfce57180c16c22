"""Addresses of stores, and which of them a tenant may name.

The operator stands inside a network that a tenant doesn't: it could be sent to the cloud's metadata service, or to
what listens on its own loopback. So an endpoint that a declaration or a Secret gives is judged by its text, by
every address that its name resolves to, and (where a backend can) by the address that it connects to in the end.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from clusterstate.errors import EndpointRefused, SpecInvalid, StoreNotAllowed
from clusterstate.store.resolver import RESOLVER

if TYPE_CHECKING:
    from clusterstate.store.location import Location

Address: TypeAlias = IPv4Address | IPv6Address

METADATA_NAMES: Final = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
"""Names by which clouds offer their metadata service (Google, EC2)."""
METADATA_ADDRESSES: Final = frozenset(
    ip_address(text)
    for text in (
        *("fd00:ec2::254", "fd00:ec2::23"),  # AWS, and its agent that gives Pods their roles
        "fd20:ce::254",  # Google
        *("100.100.100.200", "fd00:100::100:200"),  # Alibaba
        *("192.0.0.192", "fd00:c1::a9fe:a9fe"),  # Oracle
        "168.63.129.16",  # Azure
        "fd00:42::42",  # Scaleway
        "fd00:a9fe:a9fe::1",  # Akamai
    )
)
"""Metadata services outside the link-local ranges."""

_AWS_REGION = r"([a-z]{2}|eusc)(-[a-z]+)+-[0-9]+"
_AWS_HOST = re.compile(
    rf"(bucket\.vpce-[a-z0-9-]+\.)?s3(-fips)?(\.dualstack)?([.-]({_AWS_REGION}|external-1))?(\.vpce)?"
    r"\.amazonaws\.(com(\.cn)?|eu)"
)
"""Endpoints of the service itself ("Amazon S3 endpoints and quotas", AWS General Reference)."""
_NAT64 = IPv6Network("64:ff9b::/96")
_USUAL_PORTS = {"http": 80, "https": 443}
_SHOWN = 120
_SHOWN_PLACES = 5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a service."""

    scheme: str
    """http or https."""
    host: str
    """In lower case, without brackets and final dot."""
    port: int
    path: str = ""
    """Without a slash at its end."""

    @classmethod
    def parse(cls, text: str) -> "Endpoint":
        """Read a URL, or a bare host, which means https; raise `SpecInvalid` without repeating credentials."""
        url = text.strip() if "://" in text else f"https://{text.strip()}"
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            raise SpecInvalid("The store's endpoint is no URL. Write https://HOST:PORT.") from None
        if "@" in parts.netloc:
            raise SpecInvalid("The store's endpoint holds credentials. Put them into the credentials Secret.")
        if parts.scheme not in _USUAL_PORTS or not host or parts.query or parts.fragment or not url.isprintable():
            raise SpecInvalid(f"The store's endpoint {text[:_SHOWN]!r} isn't https://HOST:PORT. Correct it.")
        return cls(parts.scheme, host, port or _USUAL_PORTS[parts.scheme], parts.path.rstrip("/"))

    @property
    def url(self) -> str:
        """The URL in its one normal form."""
        port = "" if self.port == _USUAL_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self._bracketed}{port}{self.path}"

    @property
    def identity(self) -> str:
        """A text that is the same for every spelling of one server; http and https at usual ports count as one."""
        port = "" if self.port in _USUAL_PORTS.values() else f":{self.port}"
        return f"{self._bracketed}{port}{self.path}"

    @property
    def is_aws(self) -> bool:
        """Whether it is S3 itself, in any partition, where each bucket is called by its own name.

        Not a bucket, an access point or a website of somebody's there: below it every path is a file that its owner
        has put there.
        """
        return not self.path and _AWS_HOST.fullmatch(self.host) is not None

    @property
    def _bracketed(self) -> str:
        address = _as_address(self.host)
        if address is None:
            return self.host
        return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


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
    places: "tuple[Location, ...] | None" = None
    """Where stores may be opened, there and below; None: anywhere."""

    @classmethod
    def trusting(cls, folder: str = "/") -> "EndpointPolicy":
        """Give the policy for a person's own command line: everything goes, and files below the folder of a store."""
        everywhere = ("0.0.0.0/0", "::/0")
        return cls(everywhere, (folder,), memory_allowed=True, token_urls=("https://", "http://"), namespaces=("*",))

    def require_place(self, location: "Location", said: str = "") -> None:
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
        address = _as_address(host)
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
        address = _innermost(ip_address(text.partition("%")[0]))
        if host in _names(self.allowed) or any(address in network for network in _networks(self.allowed)):
            return
        danger = _danger(address)
        if danger:
            raise EndpointRefused(
                f"The store's endpoint {host} is {danger} ({address}), where a tenant may not send the operator. "
                "Name another, or have it added to the operator's allowed endpoints."
            )


def _told(places: "tuple[Location, ...]") -> str:
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


def _innermost(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 address stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _danger(address: Address) -> str | None:
    """Say what is wrong with an address; None when a tenant may name it."""
    if address in METADATA_ADDRESSES:
        return "a metadata service"
    dangers = {
        "loopback": address.is_loopback,
        "link-local": address.is_link_local,
        "unspecified": address.is_unspecified,
        "a multicast address": address.is_multicast,
    }
    return next((danger for danger, there in dangers.items() if there), None)


def _as_address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
