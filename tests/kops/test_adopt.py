"""What kops has written is adopted as it stands: the operator finds nothing to do, and kops sees no difference."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterstate.api.load import load
from clusterstate.plan.declare import declare
from clusterstate.plan.diff import make_plan
from clusterstate.plan.observed import Observed
from clusterstate.state import codec
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import State
from clusterstate.store.base import Version
from tests.cli.files.places import COMPLEX, DATA, MINIMAL, Places
from tests.kops.asking import documents, edit, hand, rows
from tests.kops.samples import CLUSTER, GROUPS, NEW, manifests
from tests.plan.states import NOW
from tests.support.kops import Kops
from tests.support.operating import conditions
from tests.support.world import World


@pytest.mark.parametrize(
    ("source", "cluster"), [("kops-store", MINIMAL), ("kops-store", COMPLEX), ("kops-store-updated", MINIMAL)]
)
def test_a_store_that_kops_wrote_is_declared_whole_and_planned_without_a_change(
    tmp_path: Path, source: str, cluster: str
) -> None:
    places = Places(tmp_path)
    places.load(cluster, source)
    done = places.run("adopt")
    manifest: dict[str, Any] = yaml.safe_load(done.stdout)
    declared = load({**manifest, "metadata": {**manifest["metadata"], "namespace": "a", "uid": "b"}})
    state = state_at(DATA / source / cluster)
    versions = {key: Version(key) for key in ("config", *(f"instancegroup/{name}" for name in state.instance_groups))}
    plan = make_plan(declare(declared, declared.spec.store.url), Observed(state, versions), NOW)
    assert not plan.changes
    assert "left out" not in done.stderr
    assert state.cluster
    assert manifest["spec"]["cluster"] == state.cluster.spec
    assert {each["name"] for each in manifest["spec"]["instanceGroups"]} == {*state.instance_groups}


def state_at(folder: Path) -> State:
    paths = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    groups = {kind_of(key).name: key for key in paths if kind_of(key).kind is FileKind.INSTANCE_GROUP}
    return State(
        cluster=codec.decode_document(paths["config"].read_bytes(), "config"),
        instance_groups={name: codec.decode_document(paths[key].read_bytes(), key) for name, key in groups.items()},
    )


@pytest.mark.kops
@pytest.mark.apiserver
@pytest.mark.objectstore
def test_the_operator_pushes_nothing_of_adopted_manifests(world: World, kops: Kops, tmp_path: Path) -> None:
    world.load_store(COMPLEX)
    hand(kops, "create", manifests(NEW, world.url, CLUSTER, GROUPS))
    edit(kops, {COMPLEX: lambda spec: spec.update(channel="alpha", kubelet={"maxPods": 60})})
    kops.run("create", "keypair", "kubernetes-ca", "--name", COMPLEX)
    before, shown = world.files(), {name: documents(kops, cluster=name) for name in (COMPLEX, NEW)}
    places = replace(Places(tmp_path, world.url), environ=kops.s3.variables)
    options = ("-n", world.namespace, "--credentials-secret", "store", "--with-secrets")
    adopted = list(yaml.safe_load_all(places.run("adopt", *options).stdout))
    for body in adopted:
        world.apply(body)
    with world.running():
        for name in (COMPLEX, NEW):
            assert conditions(world.settled(name))["InSync"]["status"] == "True"
            status = world.state(name)["status"]
            assert not status.get("plan", {}).get("changes")
    assert [each["kind"] for each in adopted] == ["Secret", "ClusterState", "ClusterState"]
    assert world.files() == before
    assert {name: documents(kops, cluster=name) for name in (COMPLEX, NEW)} == shown
    assert [row[0] for row in rows(kops, "clusters")] == [COMPLEX, NEW]
