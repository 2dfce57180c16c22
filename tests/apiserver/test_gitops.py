"""Argo CD and Flux read what the operator really says, and Argo CD's actions do what they say."""

from pathlib import Path

import pytest
import yaml

from clusterstate.api.annotations import RECONCILE_REQUESTED_AT
from clusterstate.sandbox.controlplane import ControlPlane
from tests.support import argo, flux
from tests.support.kstatus import Kstatus
from tests.support.operating import Body, path_of
from tests.support.world import MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
GITOPS = Path(__file__).parents[2] / "examples" / "gitops"
VERSION = {"kubernetesVersion": "v1.32.9"}
SPECS: dict[str, Body] = {
    "synced": {"cluster": VERSION, "mirror": {"keysets": [{"include": ["*"]}]}},
    "stalled": {"cluster": {"kubernetesVersoin": "v1.40.0"}},
    "waiting": {"store": {"credentialsSecretRef": {"name": "later"}}},
    "suspended": {"cluster": VERSION, "suspend": True},
    "drifted": {"cluster": VERSION, "sync": {"drift": "Report"}},
    "planned": {"cluster": {"kubernetesVersion": "v1.40.0"}, "sync": {"dryRun": True}},
    "deleted": {"cluster": VERSION, "sync": {"deletionPolicy": "Delete"}},
}


def declare(world: World, name: str) -> None:
    world.load_store(MINIMAL, as_name=f"{name}.example.com")
    world.apply(manifest(name, url=world.url, **{**SPECS[name], "clusterName": f"{name}.example.com"}))


def shown(world: World, name: str, status: str, part: str) -> None:
    """Wait until Argo CD shows this health, with these words in the message."""

    def look() -> bool:
        found, message = argo.health(world.state(name))
        return found == status and part in message

    world.until(look, lambda: argo.health(world.state(name)))


def waited(world: World, name: str) -> str:
    """Give what Flux takes an object for."""
    status: str = world.until(lambda: flux.health(world, name))
    return status


def choose(world: World, name: str, action: str) -> Body:
    """Change an object as Argo CD does when somebody chooses an action; give the change."""
    change = argo.act(world.state(name), action)
    path = path_of(world.namespace, "clusterstate", name)
    world.plane.api().request("PATCH", path, change, content_type="application/merge-patch+json")
    return change


def run(world: World, name: str) -> None:
    token = choose(world, name, "reconcile")["metadata"]["annotations"][RECONCILE_REQUESTED_AT]
    world.until(lambda: world.state(name)["status"].get("lastHandledReconcileAt") == token)


def test_argo_cd_and_flux_on_what_the_operator_says(world: World, kstatus: Kstatus) -> None:
    for name in SPECS:
        declare(world, name)
    with flux.evaluator(world):
        shown(world, "synced", "Progressing", "has not looked")
        assert waited(world, "synced") == kstatus.status(world.state("synced")) == "InProgress"
        with world.running():
            check_health(world)
            check_kstatus_alone(world, kstatus)
            check_drift(world)
            check_deletion(world, kstatus)
            check_actions(world)


def check_health(world: World) -> None:
    shown(world, "synced", "Healthy", f"In sync with {world.url}/synced.example.com.")
    shown(world, "stalled", "Degraded", "SpecInvalid: ")
    shown(world, "waiting", "Progressing", "CredentialsNotFound: ")
    shown(world, "suspended", "Suspended", "spec.suspend")
    world.settled("suspended", reason="Suspended")
    shown(world, "planned", "Healthy", "DryRun: ")
    assert {name: waited(world, name) for name in ("synced", "stalled", "waiting", "suspended", "planned")} == {
        "synced": "Current",
        "stalled": "Failed",
        "waiting": "InProgress",
        "suspended": "Current",
        "planned": "Current",
    }


def check_kstatus_alone(world: World, kstatus: Kstatus) -> None:
    assert {name: kstatus.status(world.state(name)) for name in SPECS} == {
        "synced": "Current",
        "stalled": "Failed",
        "waiting": "InProgress",
        "suspended": "InProgress",
        "drifted": "Current",
        "planned": "Current",
        "deleted": "Current",
    }
    body = world.state("synced")
    body["metadata"]["generation"] += 1
    assert kstatus.status(body) == "InProgress", "nobody has looked at the change yet"


def check_drift(world: World) -> None:
    shown(world, "drifted", "Healthy", "In sync")
    world.edit("drifted.example.com/config", lambda config: config["spec"].update(kubernetesVersion="v1.30.0"))
    run(world, "drifted")
    shown(world, "drifted", "Healthy", "Drifted: ")
    assert waited(world, "drifted") == "Current"


def check_deletion(world: World, kstatus: Kstatus) -> None:
    shown(world, "deleted", "Healthy", "In sync")
    world.put("deleted.example.com/notes.txt", b"theirs")
    world.kubectl("delete", "clusterstate/deleted", "--wait=false")
    shown(world, "deleted", "Progressing", "Pending deletion")
    assert kstatus.status(world.state("deleted")) == "Terminating"


def check_actions(world: World) -> None:
    assert argo.offered(world.state("synced")) == {"reconcile", "suspend"}
    choose(world, "synced", "suspend")
    body = world.settled("synced", status="False", reason="Suspended")
    assert argo.offered(body) == {"resume"}
    choose(world, "synced", "resume")
    assert world.settled("synced")["spec"] == body["spec"] | {"suspend": False}


@pytest.mark.parametrize("tool", ["argocd", "flux"])
def test_the_api_server_takes_the_examples_clusterstate(plane: ControlPlane, namespace: str, tool: str) -> None:
    (body,) = (
        each
        for each in yaml.safe_load_all((GITOPS / tool / "clusters" / "prod.yaml").read_text())
        if each["kind"] == "ClusterState"
    )
    body["metadata"]["namespace"] = namespace
    path = f"{path_of(namespace, 'clusterstate', 'prod')}?dryRun=All&fieldManager=gitops&fieldValidation=Strict"
    taken = plane.api().request("PATCH", path, body, content_type="application/apply-patch+yaml")
    assert taken["metadata"]["annotations"] == body["metadata"]["annotations"]
