"""Addresses of stores: text <-> `Endpoint`, and what is dangerous about an address. Pure."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from clusterstate.errors import SpecInvalid

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
    rf"(bucket\.vpce-[a-z0-9-]+\.)?s3(-fips)?(\.dualstack)?([.-]({_AWS_REGION}|external-1|aws-global))?(?(1)\.vpce)"
    r"\.amazonaws\.(com(\.cn)?|eu)"
)
"""Endpoints of the service itself ("Amazon S3 endpoints and quotas", AWS General Reference).

In a VPC both ends of the name count: a bucket may be called bucket.vpce-1a2b. The SDK says aws-global where it asks
us-east-1 at addresses of FIPS.
"""
_NAT64 = IPv6Network("64:ff9b::/96")
_USUAL_PORTS = {"http": 80, "https": 443}
_SHOWN = 120


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
        address = as_address(self.host)
        if address is None:
            return self.host
        return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def innermost(address: Address) -> Address:
    """Give the IPv4 address that an IPv6 address stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def danger_of(address: Address) -> str | None:
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


def as_address(text: str) -> Address | None:
    """Give the address that a host is written as; None for a name."""
    try:
        return ip_address(text)
    except ValueError:
        return None
