"""A cluster that the operator creates is the one that kops would have created, file by file and byte by byte."""

import pytest
from tests.kops.asking import assert_untouched, comparable, differences, documents, hand, rewrite, rows
from tests.kops.samples import CLUSTER, GROUP, GROUP_SPELLINGS, GROUPS, NEW, SPELLINGS, manifests
from tests.support.kops import Kops
from tests.support.world import Body, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

PLAIN = (CLUSTER, GROUPS)
ODD = (CLUSTER | SPELLINGS, [*GROUPS, GROUP | {"spec": GROUP["spec"] | GROUP_SPELLINGS}])
DEFAULTED = ({key: value for key, value in CLUSTER.items() if key != "api"} | {"networking": {"flannel": {}}}, GROUPS)


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
        names = [NEW, *(group["name"] for group in groups)]
        assert sorted(documents(kops, cluster=NEW)) == sorted(names)

        written = world.files()
        rewrite(kops, NEW)
        assert world.files() == written
        assert_untouched(world)
