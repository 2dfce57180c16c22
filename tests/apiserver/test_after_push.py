"""A Job follows a push: once for each, whatever happens, and what came of it is told."""

import json
from typing import Any

import pytest
import yaml

from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "kops", "image": "kops"}]}}},
}
HOOK = {"jobTemplateRef": {"name": "update"}}
GROUP = {"name": "batch", "spec": {"role": "Node", "machineType": "a", "minSize": 1, "maxSize": 2}}


@pytest.fixture
def allowed(world: World) -> World:
    world.load_store()
    world.environ["CLUSTERSTATE_AFTER_PUSH_NAMESPACES"] = "test-*"
    data = {"job.yaml": yaml.safe_dump(JOB)}
    world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "update"}, "data": data})
    return world


def declare(world: World, version: str, **spec: Any) -> None:
    cluster = {"kubernetesVersion": version}
    world.apply(manifest(url=world.url, cluster=cluster, afterPush=HOOK, instanceGroups=[GROUP], **spec))


def jobs(world: World) -> list[Body]:
    items: list[Body] = json.loads(world.kubectl("get", "jobs", "-o", "json"))["items"]
    return items


def hook(world: World, state: str, revision: int) -> Body:
    """Wait until the status tells that of a revision's Job."""
    wanted = {"state": state, "revision": revision}
    world.until(
        lambda: wanted.items() <= world.state().get("status", {}).get("afterPush", {}).items(),
        lambda: world.state().get("status"),
    )
    return world.state()


def end(world: World, name: str, kind: str, **more: str) -> None:
    """End a Job as its controller does, which the control plane of the tests doesn't have."""
    now = "2026-01-02T03:04:05Z"
    first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    ended = [{"type": each, "status": "True", "lastTransitionTime": now, **more} for each in (first, kind)]
    status: Body = {"startTime": now, "conditions": ended}
    if kind == "Complete":
        status["completionTime"] = now
    world.kubectl("patch", "job", name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


def test_one_job_for_each_push_and_its_end_is_told(allowed: World) -> None:
    declare(allowed, "v1.32.10", sync={"requireCloudUpdate": True, "interval": "10s"})
    with allowed.running():
        body = hook(allowed, "Running", 1)
        [job] = jobs(allowed)
        assert job["spec"]["suspend"] is False
        env = {each["name"]: each["value"] for each in job["spec"]["template"]["spec"]["containers"][0]["env"]}
        assert env == {
            "KOPS_STATE_STORE": allowed.url,
            "KOPS_CLUSTER_NAME": COMPLEX,
            "CLUSTERSTATE_REVISION": "1",
        }
        assert body["status"]["afterPush"]["job"] == job["metadata"]["name"]
        assert conditions(allowed.settled(status="False"))["Ready"]["reason"].startswith("Kops")
        declare(allowed, "v1.32.11")
        allowed.settled()
        assert len(jobs(allowed)) == 1, "one at a time"
        end(allowed, job["metadata"]["name"], "Complete")
        hook(allowed, "Running", 2)
        [second] = [each["metadata"]["name"] for each in jobs(allowed) if each["metadata"]["name"].endswith("-2")]
        end(allowed, second, "Failed", reason="BackoffLimitExceeded", message="it has failed")
        body = hook(allowed, "Failed", 2)
        assert body["status"]["afterPush"]["message"] == "it has failed"
        told = {event["reason"] for event in allowed.events()}
    assert {"AfterPushStarted", "AfterPushSucceeded", "AfterPushFailed"} <= told


def test_killed_as_soon_as_there_is_a_job_there_is_still_one_that_runs(allowed: World) -> None:
    declare(allowed, "v1.32.10")
    allowed.start_operator()
    allowed.until(lambda: jobs(allowed))
    allowed.kill_operator()
    with allowed.running():
        hook(allowed, "Running", 1)
    [job] = jobs(allowed)
    assert job["spec"]["suspend"] is False
    assert job["metadata"]["generation"] == 2, "made, and let run"


def test_a_job_that_was_removed_is_not_made_again(allowed: World) -> None:
    declare(allowed, "v1.32.10", sync={"interval": "10s"})
    with allowed.running():
        hook(allowed, "Running", 1)
        [job] = jobs(allowed)
        allowed.kubectl("delete", "job", job["metadata"]["name"], "--cascade=orphan")
        hook(allowed, "Failed", 1)
    with allowed.running():
        token = {"metadata": {"annotations": {"clusterstate.dev/reconcile-requested-at": "again"}}}
        allowed.kubectl("patch", "clusterstate/state", "--type=merge", "-p", json.dumps(token))
        allowed.until(lambda: allowed.state()["status"].get("lastHandledReconcileAt") == "again")
    assert jobs(allowed) == []


def test_where_it_is_not_allowed_nothing_is_pushed(world: World) -> None:
    world.load_store()
    before = world.files()
    declare(world, "v1.32.10")
    with world.running():
        body = world.settled(status="False", reason="AfterPushRefused")
    assert "CLUSTERSTATE_AFTER_PUSH_NAMESPACES" in conditions(body)["Stalled"]["message"]
    assert world.files() == before
