"""kops refuses what we refuse, drops what we tell, and reads and keeps what we leave of a state."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from clusterstate.plan.desired import DesiredGroup
from clusterstate.plan.observed import Applied
from clusterstate.plan.validate import find_problems
from clusterstate.state.canonical import canonical
from tests.kops.asking import QUIET, documents, edit, hand, look_again, request, rewrite, rows
from tests.kops.samples import CLUSTER, GROUP, GROUPS, NEW, manifests
from tests.support.kops import Kops
from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

Change = Callable[[Body], Any]
CONFIG, CONTROL, NODES = range(3)
MEMBER = {"name": "b", "instanceGroup": "control-plane-us-east-1a"}


def main_of(spec: Body) -> Body:
    found: Body = spec["etcdClusters"][0]
    return found


REFUSED: dict[str, tuple[int, Change]] = {
    "no version": (CONFIG, lambda spec: spec.pop("kubernetesVersion")),
    "no cloud": (CONFIG, lambda spec: spec.pop("cloudProvider")),
    "an even number of members": (CONFIG, lambda spec: main_of(spec)["etcdMembers"].append(MEMBER)),
    "no members": (CONFIG, lambda spec: main_of(spec).update(etcdMembers=[])),
    "a member without group": (CONFIG, lambda spec: main_of(spec)["etcdMembers"][0].pop("instanceGroup")),
    "a member without name": (CONFIG, lambda spec: main_of(spec)["etcdMembers"][0].pop("name")),
    "another etcd cluster": (CONFIG, lambda spec: main_of(spec).update(name="other")),
    "no role": (NODES, lambda spec: spec.pop("role")),
    "another role": (NODES, lambda spec: spec.update(role="Etcd")),
    "more at least than at most": (NODES, lambda spec: spec.update(minSize=4)),
    "a control plane without subnets": (CONTROL, lambda spec: spec.pop("subnets")),
    "a control plane of three": (CONTROL, lambda spec: spec.update(maxSize=3)),
}
TAKEN: dict[str, tuple[int, Change]] = {
    "nodes without subnets": (NODES, lambda spec: spec.pop("subnets")),
    "an API server": (NODES, lambda spec: spec.update(role="APIServer")),
    "nobody": (NODES, lambda spec: spec.update(minSize=0, maxSize=0)),
}


@pytest.fixture
def bodies(kops: Kops) -> list[Body]:
    """A cluster and its groups as kops was handed them."""
    made = manifests(NEW, kops.store, CLUSTER, GROUPS)
    hand(kops, "create", made)
    return made


@pytest.mark.parametrize(("cases", "refused"), [(REFUSED, True), (TAKEN, False)], ids=["refused", "taken"])
def test_kops_judges_a_document_as_we_do(
    kops: Kops, bodies: list[Body], cases: dict[str, tuple[int, Change]], *, refused: bool
) -> None:
    for name, (which, change) in cases.items():
        changed = deepcopy(bodies)
        change(changed[which]["spec"])
        found = [f"{each.place} {each.message}" for each in find_problems(read(changed))]
        assert bool(found) is refused, (name, found)
        paper = kops.home / "manifest.yaml"
        paper.write_text(json.dumps(changed[which]))
        done = kops.run("replace", "-f", paper, check=False)
        assert (done.returncode != 0) is refused, (name, done.stderr)


def read(bodies: list[Body]) -> Applied:
    cluster, *groups = bodies
    return Applied(
        canonical("Cluster", cluster["spec"]).spec,
        {
            name: DesiredGroup(name, canonical("InstanceGroup", group["spec"]).spec)
            for group in groups
            for name in [group["metadata"]["name"]]
        },
    )


def test_kops_reads_what_was_pruned_labelled_and_made_absent(world: World, kops: Kops) -> None:
    world.load_store()
    spec: Body = {
        "absent": ["/spec/channel", "/spec/etcdClusters/name=events/memoryRequest"],
        "clusterMetadata": {"labels": {"team": "web"}, "annotations": {"example.com/a": "1"}},
        "sync": {"prune": True},
    }
    before = documents(kops)
    world.apply(manifest(url=world.url, instanceGroups=[GROUP]))
    with world.running():
        world.settled()
        world.apply(manifest(url=world.url, **spec))
        world.settled()
        after = documents(kops)
        assert "batch" not in [row[0] for row in rows(kops, "ig")]
        assert after.keys() == before.keys()
        metadata = before[COMPLEX]["metadata"] | spec["clusterMetadata"] | {"generation": 2}
        assert after[COMPLEX]["metadata"] == metadata
        assert before[COMPLEX]["spec"].pop("channel") == "stable"
        assert before[COMPLEX]["spec"]["etcdClusters"][1].pop("memoryRequest") == "100Mi"
        assert after[COMPLEX]["spec"] == before[COMPLEX]["spec"]

        written = world.files()
        rewrite(kops)
        assert world.files() == written
        assert look_again(world) == QUIET
        edit(kops, {COMPLEX: lambda cluster: cluster.update(channel="alpha")})
        request(world)
        assert "channel" not in documents(kops)[COMPLEX]["spec"]


def test_what_kops_drops_is_pushed_once_and_told(world: World, kops: Kops) -> None:
    world.load_store()
    declared = {"newInKops": {"a": 1}, "kubelet": {"newInKops": "x", "maxPods": 50}}
    world.apply(manifest(url=world.url, cluster=declared, sync={"validation": "Warn"}))
    with world.running():
        world.settled()
        assert world.read(f"{COMPLEX}/config").count(b"newInKops") == 2
        edit(kops, {COMPLEX: lambda cluster: cluster.update(channel="alpha")})
        assert b"newInKops" not in world.read(f"{COMPLEX}/config")
        body = request(world)
        fields = [row["field"] for row in body["status"]["dropped"]]
        assert fields == ["/spec/kubelet/newInKops", "/spec/newInKops"]
        assert conditions(body)["InSync"]["reason"] == "FieldDroppedByKops"
        found = look_again(world)
        assert found == QUIET | {"InSync": "False"}
