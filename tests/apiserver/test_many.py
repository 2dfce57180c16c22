"""Many objects, many changes, slow stores and rivals: everybody gets a turn, and nothing is done twice."""

import json

import pytest

from tests.support.faultproxy import Fault, FaultProxy
from tests.support.operating import conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]


def test_many_changes_are_few_runs(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url))
    with world.running():
        world.settled()
        for number in range(20):
            world.apply(manifest(url=world.url, cluster={"kubernetesVersion": f"v1.32.{number}"}))
        body = world.settled()
    assert b"kubernetesVersion: v1.32.19\n" in world.read(f"{COMPLEX}/config")
    assert len(body["status"]["history"]) <= 10
    assert body["metadata"]["generation"] == 21


def test_a_burst_of_changes_while_a_run_is_held_up_is_one_more_run(world: World, proxy: FaultProxy) -> None:
    world.load_store()
    world.endpoint = proxy.endpoint
    world.set_credentials()
    world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.31.0"}))
    with world.running():
        world.settled()
        with proxy.failing(Fault(delay=3.0, times=1)):
            world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.31.1"}))
            for number in range(2, 8):
                world.apply(manifest(url=world.url, cluster={"kubernetesVersion": f"v1.31.{number}"}))
            body = world.settled()
    assert b"kubernetesVersion: v1.31.7\n" in world.read(f"{COMPLEX}/config")
    assert len(body["status"]["history"]) <= 3


def test_slow_stores_hold_up_nobody_else(world: World, proxy: FaultProxy) -> None:
    world.load_store()
    slow = {"endpoint": proxy.endpoint}
    with proxy.failing(Fault(delay=20.0)):
        for number in range(40):
            world.apply(manifest(f"slow-{number}", url=world.url, clusterName=f"slow-{number}.example.com", store=slow))
        with world.running():
            world.until(lambda: sum(proxy.counts.values()) >= 4)
            world.apply(manifest("quick", url=world.url))
            world.settled("quick")
            ready = [number for number in range(40) if "conditions" in world.state(f"slow-{number}")["status"]]
            assert len(ready) < 40


def test_the_oldest_object_holds_the_state(world: World) -> None:
    world.load_store()
    world.apply(manifest("first", url=world.url, cluster={"kubernetesVersion": "v1.31.1"}))
    with world.running():
        world.settled("first")
        world.apply(manifest("second", url=f"{world.url}/", cluster={"kubernetesVersion": "v1.31.2"}))
        world.apply(manifest("reader", url=world.url, sync={"direction": "Pull"}))
        body = world.settled("second", status="False", reason="StateClaimed")
        assert "first" in conditions(body)["Stalled"]["message"]
        world.settled("reader")
        assert b"v1.31.1\n" in world.read(f"{COMPLEX}/config")
        world.kubectl("delete", "clusterstate", "first")
        world.settled("second")
    assert b"v1.31.2\n" in world.read(f"{COMPLEX}/config")


def test_two_hundred_objects_are_ready_after_a_restart_without_a_write(world: World) -> None:
    names = [f"state-{number}" for number in range(200)]
    for name in names:
        config = f"""\
apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata:
  name: {name}.example.com
spec:
  authorization:
    rbac: {{}}
  configBase: {world.url}/{name}.example.com
"""
        world.put(f"{name}.example.com/config", config.encode())
    bodies = [
        manifest(name, url=world.url, clusterName=f"{name}.example.com", cluster={"channel": "stable"})
        for name in names
    ]
    world.apply({"apiVersion": "v1", "kind": "List", "items": bodies})

    def ready() -> bool:
        items = json.loads(world.kubectl("get", "clusterstates", "-o", "json"))["items"]
        return all(conditions(item).get("Ready", {}).get("status") == "True" for item in items)

    with world.running():
        world.until(ready, patience=90)
    before = statuses(world)
    mark, seen = world.plane.audit_mark(), world.server.mark()
    with world.running():
        world.until(lambda: world.log.read_text().count("In sync with") >= 2 * len(names), patience=90)
    after = statuses(world)
    changed = {name: (before[name], status) for name, status in after.items() if status != before[name]}
    assert not changed, json.dumps(next(iter(changed.values())))
    assert world.writes(mark) == []
    assert {each.operation for each in world.server.requests(seen, bucket=world.bucket)} <= {
        "ListObjectsV2",
        "GetObject",
    }


def statuses(world: World) -> dict[str, object]:
    items = json.loads(world.kubectl("get", "clusterstates", "-o", "json"))["items"]
    return {item["metadata"]["name"]: item["status"] for item in items}
