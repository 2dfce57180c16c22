"""Swift as the operator uses it: containers that a push makes, accounts that tell stores apart, rotated credentials."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from tests.kops.samples import CLUSTER, GROUPS, NEW
from tests.support.backings.swift import SwiftBacking
from tests.support.openstack.identity import REGION, ApplicationCredential
from tests.support.operating import Body, Operating, conditions
from tests.support.world import manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
CONFIG = f"{NEW}/config"


@pytest.fixture
def operating(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Operating]:
    made = Operating(plane, namespace, tmp_path)
    yield made
    made.stop_operator()


def declaration(backing: SwiftBacking, name: str = "state", secret: str = "store", **spec: object) -> Body:
    store = {"credentialsSecretRef": {"name": secret}}
    groups = {"instanceGroups": GROUPS, "clusterName": NEW, "cluster": CLUSTER}
    return manifest(name, url=backing.url, store=store, **{**groups, **spec})


@pytest.mark.parametrize("sync", [{"dryRun": True}, {"direction": "Pull"}])
def test_a_run_that_only_looks_makes_no_container(
    operating: Operating, swift_backing: SwiftBacking, sync: dict[str, object]
) -> None:
    operating.apply(swift_backing.secret())
    operating.apply(declaration(swift_backing, sync=sync))
    with operating.running():
        operating.settled(condition="StoreReachable", status="False", reason="StoreNotFound")
    assert not swift_backing.account.has(swift_backing.container)


def test_a_push_makes_the_container_with_its_first_file(operating: Operating, swift_backing: SwiftBacking) -> None:
    operating.apply(swift_backing.secret())
    operating.apply(declaration(swift_backing))
    with operating.running():
        store = operating.settled()["status"]["store"]
    assert CONFIG in swift_backing.files()
    assert store["endpoint"] == swift_backing.account.url
    assert store["unproven"] == ["create", "update", "delete"]


def test_without_a_declared_cluster_a_missing_container_is_told(
    operating: Operating, swift_backing: SwiftBacking
) -> None:
    operating.apply(swift_backing.secret())
    operating.apply(declaration(swift_backing, cluster={}, instanceGroups=[]))
    with operating.running():
        operating.settled("state", "Stalled", status="True", reason="StoreNotFound")
    assert not swift_backing.account.has(swift_backing.container)


def test_one_account_has_one_writer_however_it_is_named(operating: Operating, swift_backing: SwiftBacking) -> None:
    """A container of the same name in another project is another store."""
    user = swift_backing.user
    operating.apply(swift_backing.secret())
    by_password = {
        "OS_AUTH_URL": swift_backing.server.keystone.url,
        "OS_REGION_NAME": REGION,
        "OS_USERID": user.id,
        "OS_PASSWORD": user.password,
        "OS_PROJECT_ID": user.project_id,
    }
    operating.apply({**swift_backing.secret("same"), "stringData": by_password})
    other = swift_backing.server.keystone.create_user()
    credential = swift_backing.server.keystone.create_application_credential(other)
    elsewhere = replace(swift_backing, user=other, credential=credential)
    operating.apply(elsewhere.secret("elsewhere"))
    with operating.running():
        for name, secret in (("first", "store"), ("second", "same"), ("third", "elsewhere")):
            operating.apply(declaration(swift_backing, name, secret))
            if name != "second":
                operating.settled(name)
        operating.settled("second", "Stalled", status="True", reason="StateClaimed")
    assert CONFIG in elsewhere.files()


def test_changed_credentials_change_the_next_run(operating: Operating, swift_backing: SwiftBacking) -> None:
    wrong = ApplicationCredential(swift_backing.credential.id, "", "canary-of-a-secret")
    operating.apply(replace(swift_backing, credential=wrong).secret())
    operating.apply(declaration(swift_backing))
    with operating.running():
        body = operating.settled("state", "Stalled", status="True", reason="AuthenticationFailed")
        assert "canary" not in str(conditions(body))
        operating.apply(swift_backing.secret())
        operating.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=now")
        operating.settled()
    assert "canary" not in operating.log.read_text()
