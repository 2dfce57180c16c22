"""Groups that go with their declaration, fields that must not be there, and what is refused before it is written."""

from typing import Any

import pytest
import yaml

from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

CONFIG = f"{COMPLEX}/config"
CONTROL = "control-plane-us-east-1a"
NODES: Body = {"role": "Node", "minSize": 1, "maxSize": 2}
CONFIRM = "clusterstate.dev/confirm-plan"


def look(world: World, token: str) -> Body:
    """Let the operator look again; give the object when it has."""
    world.kubectl("annotate", "--overwrite", "clusterstate/state", f"clusterstate.dev/reconcile-requested-at={token}")
    world.until(lambda: world.state()["status"].get("lastHandledReconcileAt") == token)
    return world.state()


def config(world: World) -> Body:
    document: Body = yaml.safe_load(world.read(CONFIG))
    return document


def test_a_group_goes_with_its_declaration_but_not_one_with_an_etcd_member(world: World) -> None:
    world.load_store()
    groups = [{"name": "batch", "spec": NODES}, {"name": CONTROL, "spec": {"maxSize": 1}}]
    before = world.files()
    world.apply(manifest(url=world.url, instanceGroups=groups, sync={"prune": True}))
    with world.running():
        world.settled()
        assert f"{COMPLEX}/instancegroup/batch" in world.files()
        world.apply(manifest(url=world.url, sync={"prune": True}))
        body = world.settled()
    assert world.files() == before
    assert body["status"]["history"][0]["changes"] == 1
    assert conditions(body)["InSync"]["message"] == (
        f"Every declared field has its value in the store. No longer declared, but kept in the store: instancegroup/"
        f"{CONTROL}. instancegroup/{CONTROL} stays: members of etcd are in it (main, events)."
    )
    assert "Wrote to" in str([event["message"] for event in world.events() if "batch (deleted)" in event["message"]])


def test_the_breaker_holds_until_that_very_plan_is_confirmed(world: World) -> None:
    world.load_store()
    for key in world.files():
        if key != CONFIG:
            world.s3.delete_object(Bucket=world.bucket, Key=key)
    groups = [{"name": name, "spec": NODES} for name in ("a", "b", "c")]
    world.apply(manifest(url=world.url, instanceGroups=groups))
    with world.running():
        world.settled()
        before = world.files()
        world.apply(manifest(url=world.url, sync={"prune": True}))
        body = world.settled(status="False", reason="BreakerTripped")
        digest = body["status"]["plan"]["digest"]
        assert [body["status"]["plan"][action] for action in ("create", "update", "delete")] == [0, 0, 3]
        message = conditions(body)["Stalled"]["message"]
        assert message.startswith(
            "The plan deletes 3 of 4 files (instancegroup/a, instancegroup/b, instancegroup/c), more than a third"
        )
        assert message.endswith(f"{CONFIRM}: {digest}")
        assert conditions(body)["InSync"]["message"].startswith("Still in the store: instancegroup/a")
        world.kubectl("annotate", "clusterstate/state", f"{CONFIRM}=another")
        assert conditions(look(world, "another"))["Ready"]["reason"] == "BreakerTripped"
        assert world.files() == before

        world.kubectl("annotate", "--overwrite", "clusterstate/state", f"{CONFIRM}={digest}")
        assert "plan" not in world.settled()["status"]
        assert world.files().keys() == {CONFIG}
        world.apply(manifest(url=world.url, instanceGroups=groups[:2], sync={"prune": True}))
        world.settled()
        world.apply(manifest(url=world.url, sync={"prune": True}))
        again = world.settled(status="False", reason="BreakerTripped")
        assert again["status"]["plan"]["digest"] != digest


def test_what_must_be_absent_goes_and_metadata_comes_and_both_are_kept_so(world: World) -> None:
    world.load_store()
    metadata = {"labels": {"team": "web"}, "annotations": {"example.com/a": "1"}}
    absent = ["/spec/channel", "/spec/etcdClusters/name=main/memoryRequest"]
    spec: dict[str, Any] = {"url": world.url, "absent": absent, "clusterMetadata": metadata}
    theirs = config(world)
    world.apply(manifest(**spec))
    with world.running():
        world.settled()
        ours = config(world)
        assert ours["metadata"] == theirs["metadata"] | metadata | {"generation": 2}
        assert "channel" not in ours["spec"]
        assert ["memoryRequest" in each for each in ours["spec"]["etcdClusters"]] == [False, True]

        def put_back(document: Body) -> None:
            document["spec"]["channel"] = "alpha"
            document["metadata"]["labels"] = {"team": "them", "theirs": "1"}

        world.edit(CONFIG, put_back)
        look(world, "corrected")
        assert config(world)["spec"] == ours["spec"]
        assert config(world)["metadata"]["labels"] == {"team": "web", "theirs": "1"}
        world.apply(manifest(**spec, sync={"drift": "Report"}))
        world.settled()
        world.edit(CONFIG, put_back)
        body = look(world, "reported")
        assert body["status"]["drift"] == [
            {"path": "config", "field": "/metadata/labels/team", "declared": "web", "observed": "them"},
            {"path": "config", "field": "/spec/channel", "observed": "alpha"},
        ]
        world.apply(manifest(url=world.url, sync={"conflict": "PreferStore"}))
        world.settled()
    assert config(world)["spec"]["channel"] == "alpha"
    assert config(world)["metadata"]["labels"] == {"team": "them", "theirs": "1"}
    assert "annotations" not in config(world)["metadata"]


def test_what_kops_would_refuse_is_named_and_nothing_is_written(world: World) -> None:
    world.load_store()
    before = world.files()
    etcd = {"name": "main", "etcdMembers": [{"name": "d", "instanceGroup": "nowhere"}]}
    groups = [
        {"name": "new", "spec": {"subnets": ["moon"]}},
        {"name": "nodes-us-east-1a", "spec": {"minSize": 1000}},
    ]
    world.apply(manifest(url=world.url, cluster={"etcdClusters": [etcd], "channel": "alpha"}, instanceGroups=groups))
    with world.running():
        body = world.settled(status="False", reason="SpecInvalid")
        message = conditions(body)["Stalled"]["message"]
        for said in (
            "config/spec/etcdClusters/name=main/etcdMembers has 4 members",
            "names instance group nowhere, which doesn't exist",
            "instancegroup/new/spec/role is missing",
            "instancegroup/new/spec/subnets names subnet moon, which the cluster doesn't have",
            "instancegroup/nodes-us-east-1a/spec/maxSize is",
        ):
            assert said in message
        world.apply(manifest(url=world.url, absent=["/metadata/labels"]))
        assert "/metadata/labels: only what is below /spec" in str(world.settled(status="False")["status"])
    assert world.files() == before
    assert world.kubectl("get", "controllerrevisions", "-o", "name") == ""


def test_under_warn_a_new_field_is_pushed_once_and_told_when_kops_drops_it(world: World) -> None:
    world.load_store()
    declared = {"kubelet": {"newInKops": "1", "maxPods": 50}}
    world.apply(manifest(url=world.url, cluster=declared))
    with world.running():
        world.settled(status="False", reason="SpecInvalid")
        world.apply(manifest(url=world.url, cluster=declared, sync={"validation": "Warn"}))
        world.settled()
        assert config(world)["spec"]["kubelet"]["newInKops"] == "1"
        world.edit(CONFIG, lambda document: document["spec"]["kubelet"].pop("newInKops"))
        theirs = world.read(CONFIG)
        body = look(world, "dropped")
        assert body["status"]["dropped"] == [{"path": "config", "field": "/spec/kubelet/newInKops"}]
        assert conditions(body)["InSync"]["reason"] == "FieldDroppedByKops"
        assert conditions(body)["Ready"]["status"] == "True"
        assert "drift" not in body["status"]
        assert look(world, "again")["status"]["history"] == body["status"]["history"]
        assert world.read(CONFIG) == theirs
        declared["kubelet"]["newInKops"] = "2"
        world.apply(manifest(url=world.url, cluster=declared, sync={"validation": "Warn"}))
        assert "dropped" not in world.settled()["status"]
    assert config(world)["spec"]["kubelet"]["newInKops"] == "2"
