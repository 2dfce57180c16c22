"""After every kind of push, kops's own rewriting of the store is neither drift nor a reason to write."""

from collections.abc import Callable

import pytest

from tests.kops.asking import QUIET, documents, hand, look_again, request, rewrite
from tests.kops.samples import CLUSTER, GROUP, GROUP_SPELLINGS, GROUPS, NEW, SPELLINGS
from tests.support.kops import Kops
from tests.support.operating import Body
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

CONFIG = f"{COMPLEX}/config"
FIELDS = {"kubernetesVersion": "v1.32.10", "cloudLabels": {"team": "platform"}, "kubelet": {"maxPods": 60}}


def push(world: World, **spec: object) -> None:
    world.apply(manifest(url=world.url, **spec))
    world.settled()


def create_cluster(world: World) -> None:
    push(world, clusterName=NEW, cluster=CLUSTER, instanceGroups=GROUPS)


def create_group(world: World) -> None:
    push(world, instanceGroups=[GROUP])


def change_fields(world: World) -> None:
    push(world, cluster=FIELDS, instanceGroups=[{"name": "nodes-us-east-1a", "spec": {"maxSize": 9}}])


def change_labels(world: World) -> None:
    push(world, instanceGroups=[{"name": "nodes-us-east-1a", "labels": {"example.com/team": "web"}}])


def remove_fields(world: World) -> None:
    kept = {"kubernetesVersion": "v1.32.10"}  # see test_what_kops_requires_is_not_removed
    push(world, cluster=FIELDS | SPELLINGS, instanceGroups=[GROUP | {"spec": GROUP["spec"] | GROUP_SPELLINGS}])
    push(world, cluster=kept, instanceGroups=[GROUP])


def merge_lists(world: World) -> None:
    etcd = {"name": "main", "manager": {"env": [{"name": "A", "value": "1"}]}}
    subnets = [{"name": "us-east-1b", "egress": "External"}, {"name": "new", "zone": "us-east-1a", "type": "Private"}]
    subnets[1]["cidr"] = "10.0.192.0/18"
    group = {"name": "nodes-us-east-1a", "spec": {"taints": ["a=b:NoSchedule"], "subnets": ["us-east-1a-1"]}}
    push(world, cluster={"etcdClusters": [etcd], "subnets": subnets}, instanceGroups=[group])


def spell_oddly(world: World) -> None:
    role = {"name": "control-plane-us-east-1a", "spec": {"role": "ControlPlane"}}
    odd = GROUP | {"spec": GROUP["spec"] | GROUP_SPELLINGS}
    etcd = {"name": "main", "memoryRequest": "1024Mi", "cpuRequest": "1000m"}
    push(world, cluster=SPELLINGS | {"etcdClusters": [etcd]}, instanceGroups=[odd, role])


def declare_zeros(world: World) -> None:
    cluster = {"kubelet": {"anonymousAuth": False, "maxPods": 0}, "iam": {"legacy": False}, "sshAccess": []}
    push(world, cluster=cluster, instanceGroups=[{"name": "nodes-us-east-1a", "spec": {"minSize": 0}}])


def correct_drift(world: World) -> None:
    push(world, cluster=FIELDS)
    world.edit(CONFIG, lambda config: config["spec"].update(kubernetesVersion="v1.30.0", cloudLabels={}))
    request(world)


PUSHES: list[Callable[[World], None]] = [
    create_cluster,
    create_group,
    change_fields,
    change_labels,
    remove_fields,
    merge_lists,
    spell_oddly,
    declare_zeros,
    correct_drift,
]


@pytest.mark.parametrize("pushed", PUSHES, ids=lambda pushed: pushed.__name__)
def test_kops_finds_nothing_to_rewrite(world: World, kops: Kops, pushed: Callable[[World], None]) -> None:
    if pushed is not create_cluster:
        world.load_store()
    with world.running():
        pushed(world)
        written = world.files()
        rewrite(kops, NEW if pushed is create_cluster else COMPLEX)
        assert world.files() == written
        assert look_again(world) == QUIET


def test_metadata_that_kops_drops_is_no_drift(world: World, kops: Kops) -> None:
    world.load_store()
    with world.running():
        push(world, cluster=FIELDS, instanceGroups=[GROUP])
        shown = documents(kops)
        for body in shown.values():
            kept = {"name", "labels"} & body["metadata"].keys()
            body["metadata"] = {key: body["metadata"][key] for key in kept}
        hand(kops, "replace", shown.values())
        config: Body = documents(kops, "cluster")[COMPLEX]
        assert "generation" not in config["metadata"]
        assert look_again(world) == QUIET


def test_what_kops_requires_is_not_removed(world: World, kops: Kops) -> None:
    world.load_store()
    role = {"name": "nodes-us-east-1a", "spec": {"role": "Node", "maxSize": 9}}
    push_both = {"cluster": FIELDS, "instanceGroups": [role]}
    with world.running():
        push(world, **push_both)
        written = world.files()
        for fewer in ({"cluster": {"cloudLabels": {}}}, {"instanceGroups": [role | {"spec": {"maxSize": 9}}]}):
            world.apply(manifest(url=world.url, **push_both | fewer))
            world.settled(status="False", reason="SpecInvalid")
        push(world, **push_both)
        rewrite(kops)
        assert world.files() == written
        assert look_again(world) == QUIET
