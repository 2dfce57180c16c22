"""Which URLs of a Cluster's spec follow a state that moves, and which keep it from moving."""

from typing import Any

import pytest

from clusterstate.errors import MigrationRefused
from clusterstate.plan.rewriting import Move, require_movable, urls_of
from clusterstate.state.layout import Places
from clusterstate.store.location import Location

OLD = "s3://acme/kops"
NEW = "gs://bucket"
NAME = "prod.example.com"
EVERYWHERE = {
    "configBase": f"{OLD}/{NAME}",
    "keyStore": f"{OLD}/{NAME}/pki",
    "secretStore": f"{OLD}/{NAME}/secrets/",
    "etcdClusters": [
        {"name": "main", "backups": {"backupStore": f"{OLD}/{NAME}/backups/etcd/main"}},
        {"name": "events"},
    ],
    "addons": [{"manifest": f"{OLD}/{NAME}/addons/own.yaml"}, {"manifest": "monitoring"}],
    "serviceAccountIssuerDiscovery": {"discoveryStore": f"{OLD}/{NAME}/discovery"},
    "sshAccess": [f"{OLD}/{NAME}"],
}


def move(spec: dict[str, Any], new: str = NEW, **more: Any) -> Move:
    stores = Location.parse(OLD), Location.parse(new)
    old, target = (store.child(NAME) for store in stores)
    return Move(old, target, *stores, **more).of(spec)


def test_every_url_of_the_state_follows() -> None:
    after = move(EVERYWHERE).rewrite(EVERYWHERE)
    assert dict(urls_of(after)) == {
        "configBase": f"{NEW}/{NAME}",
        "keyStore": f"{NEW}/{NAME}/pki",
        "secretStore": f"{NEW}/{NAME}/secrets",
        "etcdClusters[main].backups.backupStore": f"{NEW}/{NAME}/backups/etcd/main",
        "addons[0].manifest": f"{NEW}/{NAME}/addons/own.yaml",
        "addons[1].manifest": "monitoring",
        "serviceAccountIssuerDiscovery.discoveryStore": f"{OLD}/{NAME}/discovery",
    }
    assert after["sshAccess"] == EVERYWHERE["sshAccess"]
    assert EVERYWHERE["configBase"] == f"{OLD}/{NAME}", "what was given stays as it is"


def test_the_discovery_store_follows_only_on_request() -> None:
    spec: Any = move(EVERYWHERE, discovery=True).rewrite(EVERYWHERE)
    assert spec["serviceAccountIssuerDiscovery"] == {"discoveryStore": f"{NEW}/{NAME}/discovery"}


@pytest.mark.parametrize("url", [f"{OLD}/{NAME}-2/pki", "s3://other/prod.example.com", f"s3://acme/{NAME}"])
def test_what_only_looks_alike_stays(url: str) -> None:
    assert move({}).follow(url) is None


def test_a_place_that_holds_all_parts_itself_gets_those_of_elsewhere_too() -> None:
    spec = {"keyStore": "s3://other/keys"}
    assert move(spec).stays("s3://other/keys")
    assert not move(spec, "k8s:///prod-example-com", names_place=False).stays("s3://other/keys")


def test_what_a_place_held_itself_is_looked_for_where_it_went() -> None:
    spec: Any = {"configBase": "s3://other/base", "keyStore": f"{NEW}/elsewhere"}
    moving = move(spec, holds_all=True)
    require_movable(moving, spec, {})
    assert moving.rewrite(spec) == {"configBase": f"{NEW}/{NAME}", "keyStore": f"{NEW}/{NAME}/pki"}
    assert moving.places_after(spec) == Places(None, None, None)
    require_movable(moving, spec, moving.rewrite(spec))
    for declared in ({"configBase": "s3://other/base"}, {"keyStore": f"{NEW}/keys"}):
        with pytest.raises(MigrationRefused, match=f"Declare {NEW}/{NAME}"):
            require_movable(moving, spec, declared)


def test_parts_elsewhere_in_the_old_store_come_along() -> None:
    spec: Any = {
        "configBase": f"{OLD}/{NAME}",
        "keyStore": f"{OLD}/keys/prod",
        "etcdClusters": [{"name": "main", "backups": {"backupStore": f"{OLD}/keys/prod/backups"}}],
    }
    moving = move(spec)
    require_movable(moving, spec, {})
    assert dict(urls_of(moving.rewrite(spec))) == {
        "configBase": f"{NEW}/{NAME}",
        "keyStore": f"{NEW}/keys/prod",
        "etcdClusters[main].backups.backupStore": f"{NEW}/keys/prod/backups",
    }
    assert moving.places_after(spec) == Places(None, f"{NEW}/keys/prod", None)
    assert not moving.stays(f"{OLD}/keys/prod")


def test_a_store_elsewhere_stays_where_its_scheme_can_be_used() -> None:
    spec: Any = {"configBase": f"{OLD}/{NAME}", "secretStore": "s3://vault/prod"}
    moving = move(spec, "s3://next")
    require_movable(moving, spec, {})
    assert moving.rewrite(spec) == {"configBase": f"s3://next/{NAME}", "secretStore": "s3://vault/prod"}
    assert moving.stays("s3://vault/prod")
    assert moving.places_after(spec).secret_store is None
    with pytest.raises(MigrationRefused, match="secretStore of config is s3://vault/prod"):
        require_movable(move(spec), spec, {})


def test_what_else_lies_in_the_old_store_is_named() -> None:
    spec: Any = {"etcdClusters": [{"name": "main", "backups": {"backupStore": f"{OLD}/backups"}}]}
    with pytest.raises(MigrationRefused, match=r"etcdClusters\[main\]\.backups\.backupStore"):
        require_movable(move(spec), spec, {})


@pytest.mark.parametrize(
    "new",
    [
        "s3://acme/kops/prod.example.com",
        "s3://acme/kops/prod.example.com/x",
        "do://acme/kops/prod.example.com/x",
    ],
)
def test_a_place_within_the_other_is_refused(new: str) -> None:
    with pytest.raises(MigrationRefused, match="one in the other"):
        require_movable(move({}, new), {}, {})


def test_a_declared_old_place_is_refused_and_a_new_one_is_not() -> None:
    declared: Any = {"keyStore": f"{OLD}/{NAME}/pki"}
    with pytest.raises(MigrationRefused, match=f"Declare {NEW}/{NAME}/pki"):
        require_movable(move(EVERYWHERE), EVERYWHERE, declared)
    require_movable(move(EVERYWHERE), EVERYWHERE, {"keyStore": f"{NEW}/{NAME}/pki"})


def test_where_kops_can_use_no_url_they_stay() -> None:
    moving = move(EVERYWHERE, "k8s:///prod-example-com", names_place=False)
    require_movable(moving, EVERYWHERE, EVERYWHERE)
    assert moving.rewrite(EVERYWHERE) == EVERYWHERE
    assert moving.places_after(EVERYWHERE) == Places(None, None, None)
