"""The real kops reads and changes what we keep in Swift, and we what it keeps there."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from clusterstate.sandbox.controlplane import ControlPlane
from tests.kops.asking import documents, edit, hand, rows
from tests.kops.samples import CLUSTER, GROUP, GROUPS, NEW, manifests
from tests.support.backings import load_store
from tests.support.backings.swift import SwiftBacking
from tests.support.kops import Kops
from tests.support.openstack.identity import REGION
from tests.support.operating import Operating
from tests.support.world import COMPLEX, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

NODES = "nodes-us-east-1a"
DECLARED = {"kubernetesVersion": "v1.32.10"}


@pytest.fixture
def theirs(kops: Kops, swift_backing: SwiftBacking) -> Kops:
    """The real kops with its state in Swift."""
    user = swift_backing.user
    variables = {
        "OS_AUTH_URL": swift_backing.server.keystone.url,
        "OS_USERNAME": user.name,
        "OS_PASSWORD": user.password,
        "OS_PROJECT_NAME": user.project_name,
        "OS_DOMAIN_NAME": "Default",
        "OS_REGION_NAME": REGION,
    }
    return replace(kops, scheme="swift", bucket=swift_backing.container, more=variables)


@pytest.fixture
def operating(plane: ControlPlane, namespace: str, tmp_path: Path, swift_backing: SwiftBacking) -> Iterator[Operating]:
    made = Operating(plane, namespace, tmp_path)
    made.apply(swift_backing.secret())
    yield made
    made.stop_operator()


def look_again(operating: Operating, token: str) -> None:
    operating.kubectl("annotate", "--overwrite", "cst/state", f"clusterstate.dev/reconcile-requested-at={token}")
    operating.until(lambda: operating.state()["status"].get("lastHandledReconcileAt") == token)


def test_kops_reads_and_changes_what_we_keep(operating: Operating, theirs: Kops, swift_backing: SwiftBacking) -> None:
    """What it changes is theirs where nobody declares it, and drift where somebody does; its keys are mirrored."""
    load_store(swift_backing, COMPLEX)
    nodes = {"name": NODES, "spec": {"maxSize": 8}}
    mirror = {"keysets": [{"include": ["*"]}]}
    operating.apply(manifest(url=swift_backing.url, cluster=DECLARED, instanceGroups=[nodes, GROUP], mirror=mirror))
    with operating.running():
        operating.settled()
        assert [row[:2] for row in rows(theirs, "clusters")] == [[COMPLEX, "aws"]]
        assert {NODES, "batch"} <= {row[0] for row in rows(theirs, "ig")}
        assert rows(theirs, "secrets") == [["dockerconfig"], ["encryptionconfig"]]
        before = {row[1] for row in rows(theirs, "keypairs") if row[0] == "kubernetes-ca"}
        theirs.run("create", "keypair", "kubernetes-ca", "--name", COMPLEX)
        edit(theirs, {NODES: lambda spec: spec.update(maxSize=9, minSize=2)})
        look_again(operating, "theirs")
        shown = documents(theirs)[NODES]["spec"]
        after = {row[1] for row in rows(theirs, "keypairs") if row[0] == "kubernetes-ca"}
        mirrored = operating.get("secret", "state-keyset-kubernetes-ca")["data"]["ca.crt"]
    assert (shown["maxSize"], shown["minSize"]) == (8, 2)
    assert len(after) == len(before) + 1
    bundle = x509.load_pem_x509_certificates(b64decode(mirrored))
    assert {str(each.serial_number) for each in bundle} == after


def test_kops_reads_a_cluster_that_we_created(operating: Operating, theirs: Kops, swift_backing: SwiftBacking) -> None:
    """kops 1.35 means to make a missing container, and ends in a timeout; we do make it."""
    operating.apply(manifest(url=swift_backing.url, clusterName=NEW, cluster=CLUSTER, instanceGroups=GROUPS))
    with operating.running():
        operating.settled()
    assert [row[0] for row in rows(theirs, "clusters")] == [NEW]
    assert sorted(documents(theirs, cluster=NEW)) == sorted([NEW, *(group["name"] for group in GROUPS)])


def test_we_adopt_a_cluster_that_kops_created(operating: Operating, theirs: Kops, swift_backing: SwiftBacking) -> None:
    swift_backing.account.put(swift_backing.container, b"")
    hand(theirs, "create", manifests(NEW, swift_backing.url, CLUSTER, GROUPS))
    operating.apply(manifest(url=swift_backing.url, clusterName=NEW, cluster=DECLARED))
    with operating.running():
        operating.settled()
    config = yaml.safe_load(swift_backing.read(f"{NEW}/config"))
    assert config["spec"]["kubernetesVersion"] == "v1.32.10"
    assert documents(theirs, cluster=NEW)[NEW]["spec"]["kubernetesVersion"] == "v1.32.10"
