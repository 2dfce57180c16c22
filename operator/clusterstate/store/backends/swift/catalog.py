"""Where an account of the object store is, by the catalog that comes with a token. Pure.

As gophercloud (endpoint_search.go): by type, name, region (its name or id) and interface. Where it takes the first of
several regions, a person must choose: another region is another store.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from clusterstate.errors import SpecInvalid, StoreRefused
from clusterstate.store.backends.swift.config import PUBLIC, Service
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.texts import quote_foreign

_CHOOSE = "by spec.store.region or OS_REGION_NAME"


@dataclass(frozen=True, slots=True)
class Place:
    """One account."""

    url: str
    """Where it is asked, in normal form."""
    identity: str
    """The same for every way there: its public URL, where the catalog has one."""


class _Endpoint(msgspec.Struct):
    url: str
    interface: str = ""
    region: str | None = None
    region_id: str | None = None


class _Service(msgspec.Struct):
    type: str = ""
    name: str | None = None
    endpoints: tuple[_Endpoint, ...] = ()


def find_place(catalog: object, service: Service, holder: str) -> Place:
    """Give the account of whoever got the catalog, here called `holder`.

    Raise `StoreRefused` where there is none or more than one, `msgspec.ValidationError` for what is no catalog.
    """
    offered = [
        endpoint
        for each in msgspec.convert(catalog, tuple[_Service, ...])
        if each.type == service.type and service.name in {"", each.name}
        for endpoint in each.endpoints
    ]
    here = [each for each in offered if service.region in {"", each.region, each.region_id}]
    urls = {_normal(each.url) for each in here if each.interface == service.interface}
    if len(urls) != 1:
        raise _unclear(offered, urls, service, holder)
    url = urls.pop()
    public = [_normal(each.url) for each in here if each.interface == PUBLIC]
    return Place(url, identity=min(public, default=url))


def _normal(url: str) -> str:
    try:
        return Endpoint.parse(url).url
    except SpecInvalid:
        raise StoreRefused(
            "The catalog of Keystone has an address of the object store that is none. Have its endpoint corrected."
        ) from None


def _unclear(offered: Iterable[_Endpoint], urls: set[str], service: Service, holder: str) -> StoreRefused:
    regions = sorted({each.region or each.region_id or "" for each in offered} - {""})
    names = quote_foreign(", ".join(regions)) or "none"
    if urls:
        return StoreRefused(f"Keystone knows several object stores for {holder}, in {names}. Choose one {_CHOOSE}.")
    if service.region and regions:
        return StoreRefused(
            f"Keystone knows no {service.interface} object store in region {service.region} for {holder}; its regions "
            f"are {names}. Choose one {_CHOOSE}."
        )
    return StoreRefused(
        f"Keystone knows no {service.interface} object store for {holder}. Name the project that has it, or have the "
        "service added to the catalog."
    )
