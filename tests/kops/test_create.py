"""A cluster that the operator creates is the one that kops would have created, file by file and byte by byte.

`kops create -f` first assigns what nobody may change later, then writes as `kops replace -f` does. Assigning needs
the cloud and the internet (a VPC's network, a channel's version), so here it stays the declaration's business.
"""

from copy import deepcopy

import pytest

from tests.kops.asking import QUIET, comparable, differences, documents, hand, look_again, rewrite, rows
from tests.kops.samples import CLUSTER, GROUP, GROUP_SPELLINGS, GROUPS, NEW, SPELLINGS, manifests
from tests.support.kops import Kops
from tests.support.operating import Body
from tests.support.world import World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

PLAIN = (CLUSTER, GROUPS)
ODD = (CLUSTER | SPELLINGS, [*GROUPS, GROUP | {"spec": GROUP["spec"] | GROUP_SPELLINGS}])
DEFAULTED = (
    {key: value for key, value in CLUSTER.items() if key not in {"api", "topology"}}
    | {"networking": {"flannel": {}}, "masterPublicName": f"api.{NEW}"},
    GROUPS,
)
ASSIGNED = """\
--- new.example.com/config
+++ new.example.com/config
@@ -21,0 +22,2 @@
+    manager:
+      backupRetentionDays: 90
@@ -28,0 +31,2 @@
+    manager:
+      backupRetentionDays: 90
@@ -37,0 +42 @@
+  masterPublicName: api.new.example.com"""


@pytest.mark.parametrize(("cluster", "groups"), [PLAIN, ODD, DEFAULTED], ids=["plain", "odd spellings", "defaults"])
def test_it_is_byte_for_byte_what_kops_creates(
    world: World, kops: Kops, elsewhere: World, kops_elsewhere: Kops, cluster: Body, groups: list[Body]
) -> None:
    world.apply(manifest(url=world.url, clusterName=NEW, cluster=cluster, instanceGroups=groups))
    with world.running():
        world.settled()
        hand(kops_elsewhere, "create", manifests(NEW, elsewhere.url, cluster, groups))
        assert differences(comparable(world), comparable(elsewhere)) == ""
        assert [row[0] for row in rows(kops, "clusters")] == [NEW]
        assert sorted(documents(kops, cluster=NEW)) == sorted([NEW, *(group["name"] for group in groups)])

        written = world.files()
        rewrite(kops, NEW)
        assert world.files() == written
        assert look_again(world) == QUIET


def test_what_kops_assigns_to_a_new_cluster_is_left_to_the_declaration(
    world: World, kops: Kops, elsewhere: World, kops_elsewhere: Kops
) -> None:
    cluster = deepcopy(CLUSTER)
    cluster["topology"]["dns"]["type"] = "Public"
    for etcd in cluster["etcdClusters"]:
        del etcd["manager"]
    world.apply(manifest(url=world.url, clusterName=NEW, cluster=cluster, instanceGroups=GROUPS))
    with world.running():
        world.settled()
        hand(kops_elsewhere, "create", manifests(NEW, elsewhere.url, cluster, GROUPS))
        assert differences(comparable(world), comparable(elsewhere)) == ASSIGNED

        written = world.files()
        rewrite(kops, NEW)
        assert world.files() == written
        assert look_again(world) == QUIET
