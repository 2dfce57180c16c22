"""What somebody changes in the store is shown or put back, and what isn't declared stays theirs."""

import pytest
import yaml

from tests.support.operating import conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

CONFIG = f"{COMPLEX}/config"


def tamper(config: dict[str, dict[str, object]]) -> None:
    config["spec"].update(kubernetesVersion="v1.30.0", channel="alpha")


def request(world: World, token: str) -> None:
    world.kubectl("annotate", "--overwrite", "clusterstate/state", f"clusterstate.dev/reconcile-requested-at={token}")
    world.until(lambda: world.state()["status"].get("lastHandledReconcileAt") == token)


def test_report_names_path_and_field(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.32.9"}, sync={"drift": "Report"}))
    with world.running():
        world.settled()
        world.edit(CONFIG, tamper)
        theirs = world.read(CONFIG)
        request(world, "look")
        body = world.state()
    row = {"path": "config", "field": "/spec/kubernetesVersion", "declared": "v1.32.9", "observed": "v1.30.0"}
    assert body["status"]["drift"] == [row]
    assert conditions(body)["InSync"] | {"lastTransitionTime": ""} == {
        "type": "InSync",
        "status": "False",
        "reason": "Drifted",
        "message": "Somebody changed in the store what is declared: config/spec/kubernetesVersion.",
        "observedGeneration": 1,
        "lastTransitionTime": "",
    }
    assert conditions(body)["Ready"]["status"] == "True"
    assert world.read(CONFIG) == theirs


def test_correct_puts_it_back_and_leaves_the_rest(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.32.9"}))
    with world.running():
        world.settled()
        world.edit(CONFIG, tamper)
        request(world, "look")
        config = yaml.safe_load(world.read(CONFIG))
        assert (config["spec"]["kubernetesVersion"], config["spec"]["channel"]) == ("v1.32.9", "alpha")
        assert conditions(world.state())["InSync"]["status"] == "True"
        assert any(event["reason"] == "Pushed" for event in world.events())


def test_pull_reports_and_never_writes(world: World) -> None:
    world.load_store()
    before = world.files()
    sync = {"direction": "Pull"}
    world.apply(
        manifest(
            url=world.url, cluster={"kubernetesVersion": "v1.40.0"}, sync=sync, mirror={"secrets": {"include": ["*"]}}
        )
    )
    with world.running():
        body = world.settled()
    assert [row["field"] for row in body["status"]["drift"]] == ["/spec/kubernetesVersion"]
    assert len(body["status"]["mirrors"]) == 2
    assert world.files() == before


def test_a_dry_run_plans_and_writes_nothing_to_the_store(world: World) -> None:
    world.load_store()
    before = world.files()
    world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.40.0"}, sync={"dryRun": True}))
    with world.running():
        body = world.settled()
        assert world.files() == before
        assert body["status"]["plan"].pop("digest")
        assert body["status"]["plan"] == {
            "create": 0,
            "update": 1,
            "delete": 0,
            "changes": [
                {
                    "path": "config",
                    "field": "/spec/kubernetesVersion",
                    "action": "update",
                    "old": "v1.32.9",
                    "new": "v1.40.0",
                }
            ],
        }
        assert conditions(body)["InSync"]["reason"] == "DryRun"
        world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.40.0"}))
        assert "plan" not in world.settled()["status"]


def test_a_suspended_object_is_left_alone_until_it_isnt(world: World) -> None:
    world.load_store()
    before = world.files()
    world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.40.0"}, suspend=True))
    with world.running():
        body = world.settled(status="False", reason="Suspended")
        assert "Stalled" not in conditions(body)
        assert world.files() == before
        world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.40.0"}))
        world.settled()
    assert b"v1.40.0" in world.read(CONFIG)
