"""What a person changes with kops is found: what is declared comes back, and what isn't stays theirs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.kops.asking import QUIET, documents, edit, hand, look_again, request, rows
from tests.kops.samples import GROUP, manifests
from tests.support.kops import Kops
from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

DECLARED = {"kubernetesVersion": "v1.32.10", "kubeControllerManager": {"nodeMonitorGracePeriod": "60s"}}


def edit_both(spec: Body) -> None:
    spec["kubernetesVersion"] = "v1.31.0"
    spec["channel"] = "alpha"
    del spec["kubeControllerManager"]


EDITS: dict[str, Callable[[Body], Any]] = {
    COMPLEX: edit_both,
    "batch": lambda spec: spec.update(maxSize=20, nodeLabels={"theirs": "yes"}),
    "nodes-us-east-1a": lambda spec: spec.update(maxSize=20),
}


def test_a_declared_field_is_put_back_and_another_stays(world: World, kops: Kops) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, cluster=DECLARED, instanceGroups=[GROUP]))
    with world.running():
        world.settled()
        before = documents(kops)
        edit(kops, EDITS)
        request(world)
        after = documents(kops)
        assert look_again(world) == QUIET
    before[COMPLEX]["spec"]["channel"] = "alpha"
    before[COMPLEX]["metadata"]["generation"] = 4
    before["batch"]["spec"]["nodeLabels"] = {"theirs": "yes"}
    before["batch"]["metadata"]["generation"] = 2
    before["nodes-us-east-1a"]["spec"]["maxSize"] = 20
    before["nodes-us-east-1a"]["metadata"]["generation"] = 1
    assert after == before


def test_report_names_what_kops_changed_and_leaves_it(world: World, kops: Kops) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, cluster=DECLARED, instanceGroups=[GROUP], sync={"drift": "Report"}))
    with world.running():
        world.settled()
        edit(kops, EDITS)
        theirs = world.files()
        body = request(world)
    found = {(row["path"], row["field"]): (row.get("declared"), row.get("observed")) for row in body["status"]["drift"]}
    assert found == {
        ("config", "/spec/kubernetesVersion"): ("v1.32.10", "v1.31.0"),
        ("config", "/spec/kubeControllerManager/nodeMonitorGracePeriod"): ("1m0s", None),
        ("instancegroup/batch", "/spec/maxSize"): ("10", "20"),
    }
    assert conditions(body)["InSync"]["reason"] == "Drifted"
    assert world.files() == theirs


def test_what_nobody_declared_is_no_drift(world: World, kops: Kops) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, cluster=DECLARED))
    with world.running():
        world.settled()
        edit(kops, {COMPLEX: lambda spec: spec.update(channel="alpha", cloudLabels={"theirs": "yes"})})
        group = manifests(COMPLEX, world.url, {}, [GROUP])[1]
        hand(kops, "create", [group])
        assert look_again(world) == QUIET
    assert "batch" in [row[0] for row in rows(kops, "ig")]
