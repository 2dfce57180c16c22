"""Applying a ClusterState changes exactly what it declares, and nothing once that is done."""

import difflib

import pytest

from tests.support.operating import conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

CLUSTER = {
    "kubernetesVersion": "v1.32.10",
    "cloudLabels": {"team": "platform"},
    "kubeControllerManager": {"nodeMonitorGracePeriod": "60s"},
}
GROUP = {
    "name": "batch",
    "spec": {"role": "Node", "machineType": "m6i.large", "minSize": 0, "maxSize": 10, "subnets": ["us-east-1a"]},
}
CREATED_GROUP = """\
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata:
  creationTimestamp: "{created}"
  labels:
    kops.k8s.io/cluster: complex.example.com
  name: batch
spec:
  machineType: m6i.large
  maxSize: 10
  minSize: 0
  role: Node
  subnets:
  - us-east-1a
"""


def changed_lines(before: bytes, after: bytes) -> list[str]:
    lines = list(difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), n=0, lineterm=""))[2:]
    return [line for line in lines if not line.startswith("@@")]


def test_exactly_the_declared_lines_change(world: World) -> None:
    world.load_store()
    before = world.files()
    world.apply(manifest(url=world.url, cluster=CLUSTER, instanceGroups=[GROUP]))
    with world.running():
        body = world.settled()
    after = world.files()
    config, group = f"{COMPLEX}/config", f"{COMPLEX}/instancegroup/batch"
    assert {key for key in after if after[key] != before.get(key)} == {config, group}
    assert before.keys() - after.keys() == set()
    assert changed_lines(before[config], after[config]) == [
        "-  generation: 1",
        "+  generation: 2",
        "+  cloudLabels:",
        "+    team: platform",
        "+  kubeControllerManager:",
        "+    nodeMonitorGracePeriod: 1m0s",
        "-  kubernetesVersion: v1.32.9",
        "+  kubernetesVersion: v1.32.10",
    ]
    text = after[group].decode()
    created = text.split('creationTimestamp: "')[1].split('"')[0]
    assert text == CREATED_GROUP.format(created=created)
    assert body["status"]["history"][0]["changes"] == 2
    assert conditions(body)["InSync"]["status"] == "True"
    assert "plan" not in body["status"]


@pytest.mark.parametrize(
    ("more", "lists"),
    [([], 1), (["backups/etcd/main/1/etcd.backup.gz"], 2), ([f"addons/{number}" for number in range(1000)], 2)],
    ids=["plain", "backups", "more than 1,000 files"],
)
def test_a_second_run_lists_and_does_nothing_else(world: World, more: list[str], lists: int) -> None:
    world.load_store()
    for name in more:
        world.put(f"{COMPLEX}/{name}", b"x")
    world.apply(
        manifest(
            url=world.url,
            cluster=CLUSTER,
            instanceGroups=[GROUP],
            sync={"interval": "10s"},
            mirror={"keysets": [{"include": ["*"]}], "secrets": {"include": ["*"]}},
        )
    )
    with world.running():
        world.settled()
        mark, seen = world.plane.audit_mark(), world.server.mark()
        wait_for_requests(world, 2 * lists)
        requests = [each.operation for each in world.server.requests(seen, bucket=world.bucket)]
        writes = world.writes(mark)
    assert requests == ["ListObjectsV2"] * (2 * lists)
    assert writes == []


def wait_for_requests(world: World, count: int) -> None:
    """Wait for that many requests to the bucket from now on."""
    seen = world.server.mark()
    world.until(lambda: len(world.server.requests(seen, bucket=world.bucket)) >= count, patience=60)


def test_removing_a_field_removes_it_unless_somebody_changed_it(world: World) -> None:
    world.load_store()
    before = world.files()[f"{COMPLEX}/config"]
    world.apply(manifest(url=world.url, cluster=CLUSTER))
    with world.running():
        world.settled()
        world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.32.10"}))
        world.settled()
        assert changed_lines(before, world.read(f"{COMPLEX}/config")) == [
            "-  generation: 1",
            "+  generation: 3",
            "-  kubernetesVersion: v1.32.9",
            "+  kubernetesVersion: v1.32.10",
        ]
    world.edit(f"{COMPLEX}/config", lambda config: config["spec"].update(kubernetesVersion="v1.33.0"))
    theirs = world.read(f"{COMPLEX}/config")
    world.apply(manifest(url=world.url, cluster={"channel": "stable"}))
    with world.running():
        body = world.settled(status="False", reason="Conflict")
    assert conditions(body)["Stalled"]["reason"] == "Conflict"
    assert "/spec/kubernetesVersion" in conditions(body)["Ready"]["message"]
    assert world.read(f"{COMPLEX}/config") == theirs


def test_another_spelling_is_no_drift(world: World) -> None:
    world.load_store()
    world.edit(
        f"{COMPLEX}/config",
        lambda config: config["spec"].update(kubeControllerManager={"nodeMonitorGracePeriod": "1m0s"}),
    )
    before = world.files()
    spec = {
        "kubeControllerManager": {"nodeMonitorGracePeriod": "60s"},
        "etcdClusters": [{"name": "main", "memoryRequest": "102400Ki"}],
    }
    world.apply(manifest(url=world.url, cluster=spec))
    with world.running():
        body = world.settled()
    assert world.files() == before
    assert "drift" not in body["status"]


def test_a_cluster_is_created_where_none_was(world: World) -> None:
    cluster = {"authorization": {"rbac": {}}, "cloudProvider": "aws", "kubernetesVersion": "v1.33.1"}
    world.apply(manifest(url=f"{world.url}/team", clusterName="new.example.com", cluster=cluster))
    with world.running():
        world.settled()
    text = world.read("team/new.example.com/config").decode()
    assert f"configBase: {world.url}/team/new.example.com\n" in text
    assert "generation" not in text
