"""Where an account is: the catalog is searched as gophercloud does, and a region is never guessed."""

from typing import Any

import msgspec
import pytest

from clusterstate.errors import StoreRefused
from clusterstate.store.backends.swift.catalog import Place, find_place
from clusterstate.store.backends.swift.config import Service


def endpoint(url: str, region: str = "one", interface: str = "public") -> dict[str, str]:
    return {"id": "1", "url": url, "region": region, "region_id": f"id-{region}", "interface": interface}


def catalog(*endpoints: dict[str, str], name: str = "swift", kind: str = "object-store") -> list[Any]:
    other = {"type": "identity", "name": "keystone", "endpoints": [endpoint("https://keystone", "two")]}
    return [other, {"type": kind, "name": name, "endpoints": [*endpoints]}]


def find(there: list[Any], **wanted: str) -> Place:
    return find_place(there, Service(**wanted), "user me of project team")


PUBLIC = endpoint("https://Swift.example.com:443/v1/AUTH_1/")
INTERNAL = endpoint("http://swift.internal/v1/AUTH_1", interface="internal")
FAR = endpoint("https://far.example.com/v1/AUTH_1", "two")
NEAR = "https://swift.example.com/v1/AUTH_1"


def test_the_public_address_of_the_only_region_is_found_in_normal_form() -> None:
    assert find(catalog(PUBLIC, INTERNAL)) == Place(NEAR, NEAR)


@pytest.mark.parametrize("region", ["one", "id-one"])
def test_a_region_has_a_name_and_an_id(region: str) -> None:
    assert find(catalog(PUBLIC, FAR), region=region).url == NEAR


def test_the_identity_is_the_same_by_each_interface() -> None:
    assert find(catalog(PUBLIC, INTERNAL), interface="internal") == Place("http://swift.internal/v1/AUTH_1", NEAR)
    alone = find(catalog(INTERNAL), interface="internal")
    assert alone.identity == alone.url


def test_type_and_name_count_where_they_are_given() -> None:
    both = catalog(PUBLIC) + catalog(FAR, name="ceph")
    assert find(both, name="ceph").url == "https://far.example.com/v1/AUTH_1"
    assert find(catalog(PUBLIC, kind="rgw"), type="rgw").url == NEAR


def test_among_several_regions_a_person_chooses() -> None:
    with pytest.raises(
        StoreRefused, match=r"for user me of project team, in one, two\. Choose one by spec.store.region"
    ):
        find(catalog(PUBLIC, FAR))


def test_a_region_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(
        StoreRefused, match=r"no public object store in region three for .*; its regions are one, two\."
    ):
        find(catalog(PUBLIC, FAR), region="three")
    with pytest.raises(StoreRefused, match="no admin object store in region one"):
        find(catalog(PUBLIC), region="one", interface="admin")


@pytest.mark.parametrize("there", [[], catalog()])
def test_a_token_without_project_has_no_object_store(there: list[Any]) -> None:
    with pytest.raises(StoreRefused, match=r"no public object store for user me.*Name the project"):
        find(there)


@pytest.mark.parametrize("url", ["ftp://x", "https://me:canary@x/v1", "", "https://x/v1?canary", "//x"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(StoreRefused, match="an address of the object store that is none") as caught:
        find(catalog(endpoint(url)))
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("there", [None, {}, "x", [1], [{"endpoints": 1}], [{"endpoints": [{}]}], catalog({"url": 1})])  # type: ignore[dict-item]
def test_what_is_no_catalog_is_told_apart(there: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        find(there)
