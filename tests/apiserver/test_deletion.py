"""Deleting a ClusterState: what goes with it, what stays, what holds it up, and for how long."""

import time
from typing import Any

import pytest

from tests.support.faultproxy import Fault, FaultProxy
from tests.support.kopscrds import KopsObjects, install_kops_crds, open_namespace_for
from tests.support.operating import PATIENCE, Body, conditions, kubectl
from tests.support.world import COMPLEX, MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
FINALIZER = "clusterstate.dev/state"
GONE = "clusterstate.dev/cloud-resources-gone=true"
BACKUP = f"{COMPLEX}/backups/etcd/main/1/etcd.backup.gz"
COMPLETED = f"{COMPLEX}/cluster-completed.spec"
DECLARED = {"kubernetesVersion": "v1.32.10"}


def declaration(world: World, name: str = "state", **sync: Any) -> Body:
    return manifest(name, url=world.url, cluster=DECLARED, sync={"deletionPolicy": "Delete", **sync})


def load(world: World) -> dict[str, bytes]:
    """Put two clusters into the bucket, one with backups and updated once; give all files."""
    world.load_store()
    world.put(COMPLETED, world.read(f"{COMPLEX}/config"))
    world.load_store(MINIMAL)
    world.put(BACKUP, b"backup")
    return world.files()


def finalizers(world: World, name: str = "state") -> list[str]:
    found: list[str] = world.state(name)["metadata"].get("finalizers", [])
    return found


def delete(world: World, name: str = "state") -> None:
    world.kubectl("delete", "clusterstate", name, "--wait=false")


def is_gone(world: World, name: str = "state") -> bool:
    return world.find("clusterstate", name) is None


def blocked(world: World, name: str = "state") -> str:
    """Wait until the deletion is blocked; give the words."""

    def look() -> str:
        found = conditions(world.state(name)).get("Stalled", {})
        return found["message"] if found.get("reason") == "DeletionBlocked" else ""

    message: str = world.until(look, lambda: world.state(name).get("status"))
    return message


def test_every_guard_and_then_exactly_the_states_files(world: World) -> None:
    before = load(world)
    unknown = f"{COMPLEX}/notes.txt"
    world.apply(declaration(world))
    world.kubectl("patch", "cst/state", "--type=merge", "-p", '{"metadata": {"finalizers": ["example.com/theirs"]}}')
    with world.running():
        world.settled()
        assert finalizers(world) == ["example.com/theirs", FINALIZER]
        world.apply(manifest("other", url=world.url, sync={"direction": "Pull"}))
        world.settled("other")
        assert finalizers(world, "other") == []
        pushed = world.files()
        world.put(unknown, b"theirs")
        delete(world)
        assert "ClusterState other" in blocked(world)
        state = world.state()
        assert conditions(state)["Ready"]["reason"] == "DeletionBlocked"
        assert "60 minutes" in conditions(state)["Ready"]["message"]
        delete(world, "other")
        world.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=1")
        world.until(lambda: unknown in blocked(world), lambda: blocked(world))
        world.s3.delete_object(Bucket=world.bucket, Key=unknown)
        world.kubectl("annotate", "--overwrite", "cst/state", "clusterstate.dev/reconcile-requested-at=2")
        world.until(lambda: COMPLETED in blocked(world), lambda: blocked(world))
        assert world.files() == pushed, "no guard lets anything go before the others have spoken"
        world.kubectl("annotate", "cst/state", GONE)
        world.until(lambda: finalizers(world) == ["example.com/theirs"])
        kept = {BACKUP} | {key for key in before if key.startswith(f"{MINIMAL}/")}
        assert world.files() == {key: before[key] for key in kept}
        world.kubectl("patch", "cst/state", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
        world.until(lambda: is_gone(world))


def test_policies_put_the_finalizer_on_and_take_it_off(world: World) -> None:
    before = load(world)
    del before[f"{COMPLEX}/config"]
    world.apply(declaration(world, deletionPolicy="Retain"))
    with world.running():
        world.settled()
        assert finalizers(world) == []
        for sync, held in (
            ({}, [FINALIZER]),
            ({"direction": "Pull"}, []),
            ({"direction": "Both"}, [FINALIZER]),
            ({"dryRun": True}, []),
            ({"direction": "Push"}, [FINALIZER]),
        ):
            world.apply(declaration(world, **sync))
            world.settled()
            assert finalizers(world) == held, sync
        mark = world.plane.audit_mark()
        world.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=1")
        world.until(lambda: world.state()["status"].get("lastHandledReconcileAt") == "1")
        assert [call.resource for call in world.writes(mark)] == ["clusterstates/status"]
        world.apply(declaration(world) | {"spec": declaration(world)["spec"] | {"suspend": True}})
        world.settled(status="False", reason="Suspended")
        delete(world)
        world.until(lambda: is_gone(world))
        world.apply(declaration(world))
        world.settled()
        world.apply(declaration(world, deletionPolicy="Retain"))
        delete(world)
        world.until(lambda: is_gone(world))
    assert before.items() < world.files().items()


def test_a_namespace_that_ends_takes_its_credentials_first(world: World) -> None:
    """The operator's own rights must not end with it: it has them for the whole cluster."""
    before = load(world)
    tenant = f"{world.namespace}-tenant"
    kubectl(world.plane, "create", "namespace", tenant)
    ground = World(world.plane, tenant, world.directory, world.server, world.bucket)
    role = ("clusterrole", tenant, "--verb=*", "--resource=*.*")
    kubectl(world.plane, "create", *role)
    account = f"--serviceaccount={world.namespace}:operator"
    kubectl(world.plane, "create", "clusterrolebinding", tenant, f"--clusterrole={tenant}", account)
    try:
        ground.apply(declaration(world, keepBackups=False))
        ground.kubectl("annotate", "cst/state", GONE)
        with world.running("-n", tenant):
            ground.settled()
            ground.kubectl("delete", "secret", "store")
            kubectl(world.plane, "delete", "namespace", tenant, "--timeout=60s")
    finally:
        kubectl(world.plane, "delete", "clusterrole,clusterrolebinding", tenant)
    assert world.files().keys() == {key for key in before if key.startswith(f"{MINIMAL}/")}


def addons(world: World) -> int:
    """Count them, in one request."""
    count: int = world.s3.list_objects_v2(Bucket=world.bucket, Prefix=f"{COMPLEX}/addons/")["KeyCount"]
    return count


def test_killed_in_the_middle_the_next_process_finishes(world: World) -> None:
    load(world)
    for number in range(300):
        world.put(f"{COMPLEX}/addons/{number}", b"x")
    with FaultProxy(world.server.endpoint) as proxy:
        world.endpoint = proxy.endpoint
        world.set_credentials()
        world.apply(declaration(world))
        world.kubectl("annotate", "cst/state", GONE)
        world.start_operator()
        world.settled()
        with proxy.failing(Fault(method="DELETE", delay=0.1)):  # so that the kill comes between two of them
            delete(world)
            deadline = time.monotonic() + PATIENCE
            while addons(world) == 300:
                assert time.monotonic() < deadline, world.log_tail()
            world.kill_operator()
        assert 0 < addons(world) < 300, "killed before or after everything"
        assert f"{COMPLEX}/config" in world.names()
        assert finalizers(world) == [FINALIZER]
        with world.running():
            world.until(lambda: is_gone(world))
    assert {key for key in world.names() if key.startswith(f"{COMPLEX}/")} == {BACKUP}


def declare_in_kubernetes(world: World, name: str, **store: Any) -> None:
    cluster = {
        "authorization": {"rbac": {}},
        "channel": "stable",
        "cloudProvider": "aws",
        "kubernetesVersion": "v1.33.1",
    }
    body = manifest(url="", clusterName=name, cluster=cluster, sync={"deletionPolicy": "Delete"})
    body["spec"]["store"] = {"url": "k8s://", **store}
    body["spec"]["instanceGroups"] = [{"name": "nodes", "spec": {"role": "Node"}}]
    world.apply(body)


def test_files_that_are_secrets_go_and_other_secrets_stay(world: World) -> None:
    def secrets() -> set[str]:
        return set(world.kubectl("get", "secrets", "-o", "name").split())

    before = secrets()
    declare_in_kubernetes(world, "prod.example.com")
    with world.running():
        world.settled()
        assert len(secrets() - before) == 2
        delete(world)
        world.until(lambda: is_gone(world))
    assert secrets() == before


def test_the_objects_of_kops_go_too(world: World) -> None:
    install_kops_crds(world.plane)
    name = f"{world.namespace}.example.com"
    objects = KopsObjects(world.plane, open_namespace_for(world, name))
    declare_in_kubernetes(world, name, k8s={"layout": "KopsResources"})
    with world.running():
        world.settled()
        assert (len(objects.list("clusters")), len(objects.list("instancegroups"))) == (1, 1)
        delete(world)
        world.until(lambda: is_gone(world))
    assert objects.list("clusters") == objects.list("instancegroups") == []
    world.plane.api().request("DELETE", f"/api/v1/namespaces/{objects.namespace}")


def test_it_gives_up_in_time_and_leaves_the_files(world: World) -> None:
    load(world)
    world.environ["CLUSTERSTATE_DELETION_TIMEOUT"] = "3"
    world.apply(declaration(world))
    world.apply(manifest("minimal", url=world.url, clusterName=MINIMAL, sync={"deletionPolicy": "Delete"}))
    with world.running():
        world.settled()
        world.settled("minimal")
        before = world.files()
        delete(world)
        assert COMPLETED in blocked(world)
        world.until(lambda: is_gone(world))
    world.kubectl("delete", "secret", "store")
    delete(world, "minimal")
    assert finalizers(world, "minimal") == [FINALIZER]
    with world.running():
        world.until(lambda: is_gone(world, "minimal"))
    assert world.files() == before
    assert world.log.read_text().count("given up deleting the state") == 2
