"""Which host serves which region of Alibaba Cloud. Pure.

After "Regions and endpoints" of OSS and "Endpoints" of STS. A region is written as V4 signatures want it, such as
`cn-hangzhou`; kops and the console say `oss-cn-hangzhou`, which is read too.
"""

import re
from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from clusterstate.errors import SpecInvalid
from clusterstate.store.endpoints import Endpoint

DEFAULT_REGION: Final = "cn-hangzhou"
"""Where a bucket is asked for its region (oss.aliyuncs.com is there too), and what a custom endpoint is taken for."""
STS: Final = "https://sts.aliyuncs.com"
"""The security token service, for all regions."""

_REGION = re.compile(r"(?=.{3,40}\Z)[a-z0-9]+(-[a-z0-9]+)+")
"""Not longer than what a label of a host has room for, with what stands around it."""
_OWN = re.compile(r"(oss|oss-(?P<region>[a-z0-9-]+?)(?P<internal>-internal)?|(?P<dual>[a-z0-9-]+)\.oss)\.aliyuncs\.com")
_WITHOUT_REGION: Final = frozenset({"accelerate", "accelerate-overseas"})
"""What stands in the place of a region in the names of the accelerated endpoints."""
_SHOWN: Final = 64


def read_region(text: str) -> str:
    """Give a region without OSS's own prefix, empty for empty; raise `SpecInvalid` for what is none."""
    region = text.removeprefix("oss-")
    if region and not _REGION.fullmatch(region):
        raise SpecInvalid(
            f"{text[:_SHOWN]!r} is no region of Alibaba Cloud. Write it as in cn-hangzhou or oss-cn-hangzhou."
        )
    return region


def address_of(region: str, *, internal: bool) -> str:
    """Give the URL of OSS in a region; `internal` is that for Alibaba's own machines there."""
    return f"https://oss-{region}{'-internal' if internal else ''}.aliyuncs.com"


def address_in(endpoint: str, bucket: str) -> str:
    """Give the URL that requests about a bucket go to: its name is a part of the host's, unless the host has none."""
    parsed = Endpoint.parse(endpoint)
    if parsed.host == "localhost" or _is_address(parsed.host):
        return parsed.url
    return replace(parsed, host=f"{bucket}.{parsed.host}").url


def sts_of(region: str, *, internal: bool) -> str:
    """Give the URL of the token service; from inside a region's networks it is reached at an address of its own."""
    return f"https://sts-vpc.{region}.aliyuncs.com" if internal and region else STS


def is_own(host: str) -> bool:
    """Whether it is OSS itself, whose buckets have the world's only such names."""
    return _OWN.fullmatch(host) is not None


def is_internal(host: str) -> bool:
    """Whether it is OSS for Alibaba's own machines."""
    found = _OWN.fullmatch(host)
    return found is not None and found["internal"] is not None


def region_of(host: str) -> str:
    """Give the region that the name of a host of OSS tells, empty where it tells none."""
    found = _OWN.fullmatch(host)
    region = (found["region"] or found["dual"] or "") if found else ""
    return "" if region in _WITHOUT_REGION or not _REGION.fullmatch(region) else region


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
