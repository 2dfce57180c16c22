"""What the store holds comes into the spec, without ever fighting over a field, and what isn't declared stays."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

CONFIG = f"{COMPLEX}/config"
GROUP = f"{COMPLEX}/instancegroup/nodes-us-east-1a"
ROUNDS = 6
"""More than any tool needs until nothing changes any more."""
DECLARED: Body = {
    "cluster": {"kubernetesVersion": "v1.40.0", "sshAccess": ["10.0.0.0/8"]},
    "instanceGroups": [{"name": "nodes-us-east-1a", "spec": {"maxSize": 7}}],
}


def look(world: World, token: str) -> Body:
    """Ask for a run, and give the object after it."""
    world.kubectl("annotate", "--overwrite", "clusterstate/state", f"clusterstate.dev/reconcile-requested-at={token}")
    world.until(lambda: world.state()["status"].get("lastHandledReconcileAt") == token)
    return world.settled(status="True")


def groups(body: Body) -> dict[str, Any]:
    return {each["name"]: each.get("spec", {}) for each in body["spec"].get("instanceGroups", ())}


def blocked(body: Body) -> dict[str, str]:
    rows = body["status"].get("pullBlocked", ())
    return {f"{row['path']}{row['field']}": row["manager"] for row in rows}


def test_the_spec_shows_the_store_and_follows_it(world: World) -> None:
    world.load_store()
    before = world.files()
    world.apply(manifest(url=world.url, sync={"direction": "Pull"}, cluster={"channel": "alpha"}))
    with world.running():
        body = world.settled()
        stored = yaml.safe_load(world.read(CONFIG))["spec"]
        assert body["spec"]["cluster"] == {**stored, "channel": "alpha"}
        assert len(groups(body)) == 6
        assert blocked(body) == {"config/spec/channel": "kubectl"}
        assert conditions(body)["InSync"]["reason"] == "PullBlocked"
        assert any(event["reason"] == "Pulled" for event in world.events())
        mark = world.plane.audit_mark()
        look(world, "again")
        assert [call.resource for call in world.writes(mark)] == ["clusterstates/status"]

        def change(config: Body) -> None:
            config["spec"]["kubernetesVersion"] = "v1.33.1"
            del config["spec"]["iam"]

        world.edit(CONFIG, change)
        world.edit(GROUP, lambda group: group["spec"].update(maxSize=9))
        body = look(world, "changed")
    assert body["spec"]["cluster"]["kubernetesVersion"] == "v1.33.1"
    assert "iam" not in body["spec"]["cluster"]
    assert groups(body)["nodes-us-east-1a"]["maxSize"] == 9
    untouched = {key for key in before if key not in {CONFIG, GROUP}}
    assert {key: data for key, data in world.files().items() if key in untouched} == {
        key: before[key] for key in untouched
    }


def keep_applying(world: World, apply: Callable[[], object]) -> Body:
    """Re-apply a manifest after each change of the object until nothing changes any more."""
    for _ in range(ROUNDS):
        apply()
        body = world.settled()
        version = body["metadata"]["resourceVersion"]
        apply()
        if world.settled()["metadata"]["resourceVersion"] == version:
            return body
    raise AssertionError(f"still changing: {world.state()}")


@pytest.mark.parametrize("way", ["client side", "server side"])
@pytest.mark.parametrize("direction", ["Pull", "Both"])
def test_who_applies_a_manifest_again_and_again_is_not_fought(world: World, way: str, direction: str) -> None:
    world.load_store()
    body = manifest(url=world.url, sync={"direction": direction, "conflict": "PreferSpec", "prune": True}, **DECLARED)
    forced = ["--server-side", "--force-conflicts", "--field-manager=flux"] if way == "server side" else []

    def apply() -> None:
        world.kubectl("apply", *forced, "-f", "-", stdin=json.dumps(body))

    apply()
    with world.running():
        world.settled()
        mark = world.plane.audit_mark()
        seen = keep_applying(world, apply)
        world.edit(CONFIG, lambda config: config["spec"].update(channel="alpha", sshAccess=["0.0.0.0/0"]))
        look(world, "edited")
        seen = keep_applying(world, apply)
        writes = [call for call in world.writes(mark) if call.resource == "clusterstates"]
    assert len(writes) <= 2
    assert seen["spec"]["cluster"]["channel"] == "alpha"
    assert seen["spec"]["cluster"]["sshAccess"] == ["10.0.0.0/8"]
    stored = yaml.safe_load(world.read(CONFIG))["spec"]
    files = world.files()
    assert len([key for key in files if "/instancegroup/" in key]) == 6, "what was never declared isn't pruned"
    if direction == "Both":
        assert (stored["kubernetesVersion"], stored["sshAccess"]) == ("v1.40.0", ["10.0.0.0/8"])
        assert yaml.safe_load(world.read(GROUP))["spec"]["maxSize"] == 7
    else:
        assert stored["sshAccess"] == ["0.0.0.0/0"]
        assert blocked(seen)["config/spec/sshAccess"]
    if way == "client side":
        assert list(groups(seen)) == ["nodes-us-east-1a"], "kubectl would drop the others"
        assert blocked(seen)["instancegroup/nodes-us-east-1b"] == "kubectl-client-side-apply"
    else:
        assert len(groups(seen)) == 6


def test_who_replaces_the_whole_object_is_given_way(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, sync={"direction": "Pull"}))
    theirs = {**manifest(url=world.url, sync={"direction": "Pull"}), "metadata": {"name": "state"}}
    with world.running():
        world.settled()
        mark = world.plane.audit_mark()
        for _ in range(ROUNDS):
            world.kubectl("replace", "-f", "-", stdin=json.dumps(theirs))
            body = world.settled()
        assert "cluster" not in body["spec"]
        assert body["status"]["pullBlocked"]
        writes = [call for call in world.writes(mark) if call.resource == "clusterstates"]
        assert 0 < len(writes) < ROUNDS
        assert "cluster" in look(world, "please")["spec"]


def test_both_sides_flow_field_by_field(world: World) -> None:
    world.load_store()
    sync = {"direction": "Both"}
    world.apply(manifest(url=world.url, sync=sync))
    with world.running():
        world.settled()
        patch = {"spec": {"cluster": {"channel": "alpha", "networking": {"cilium": {"hubble": {"enabled": True}}}}}}
        world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", json.dumps(patch))
        world.settled()
        stored = yaml.safe_load(world.read(CONFIG))
        assert (stored["spec"]["channel"], stored["metadata"]["generation"]) == ("alpha", 2)
        world.edit(CONFIG, lambda config: config["spec"].update(kubernetesVersion="v1.33.1"))
        body = look(world, "theirs")
        assert body["spec"]["cluster"]["kubernetesVersion"] == "v1.33.1"
        assert yaml.safe_load(world.read(CONFIG))["spec"]["channel"] == "alpha"

        world.edit(CONFIG, lambda config: config["spec"].update(sshKeyName="theirs", channel="beta"))
        patch = {"spec": {"cluster": {"channel": "stable", "kubernetesVersion": "v1.34.0"}}}
        world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", json.dumps(patch))
        body = world.settled(status="False", reason="Conflict")
        assert [row["field"] for row in body["status"]["conflicts"]] == ["/spec/channel"]
        assert yaml.safe_load(world.read(CONFIG))["spec"]["kubernetesVersion"] == "v1.33.1", "nothing is written"
        prefer = {"spec": {"sync": {"conflict": "PreferSpec"}}}
        world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", json.dumps(prefer))
        body = world.settled()
        spec = yaml.safe_load(world.read(CONFIG))["spec"]
        assert (spec["channel"], spec["kubernetesVersion"], spec["sshKeyName"]) == ("stable", "v1.34.0", "theirs")
        assert body["spec"]["cluster"]["sshKeyName"] == "theirs"
