"""A day in which kops, the operator and people with kubectl all work on one store, and agree in the evening."""

import base64
import json

import pytest
import yaml

from tests.kops.asking import QUIET, documents, edit, hand, look_again, request, rows
from tests.kops.samples import GROUP, manifests
from tests.support.kops import Kops
from tests.support.operating import Body, conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

NODES = "nodes-us-east-1a"
DECLARED: Body = {"kubernetesVersion": "v1.32.10", "kubelet": {"maxPods": 60}}
MIRROR = {"keysets": [{"include": ["*"]}], "secrets": {"include": ["*"]}}


def declare(world: World, direction: str, **cluster: object) -> Body:
    """What the team keeps in git."""
    sync = {"direction": direction}
    world.apply(
        manifest(url=world.url, sync=sync, cluster={**DECLARED, **cluster}, instanceGroups=[GROUP], mirror=MIRROR)
    )
    return world.settled()


def patch(world: World, cluster: Body) -> None:
    """What somebody changes by hand."""
    world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", json.dumps({"spec": {"cluster": cluster}}))
    world.settled()


def by_operator(world: World) -> dict[str, tuple[Body, int | None]]:
    """Give spec and generation of every object: the specs as the ClusterState shows them."""
    spec = world.state()["spec"]
    shown = {COMPLEX: spec["cluster"]} | {each["name"]: each["spec"] for each in spec["instanceGroups"]}
    files = {name: "config" if name == COMPLEX else f"instancegroup/{name}" for name in shown}
    stored = {name: yaml.safe_load(world.read(f"{COMPLEX}/{file}"))["metadata"] for name, file in files.items()}
    return {name: (each, stored[name].get("generation")) for name, each in shown.items()}


def by_kops(kops: Kops) -> dict[str, tuple[Body, int | None]]:
    return {name: (each["spec"], each["metadata"].get("generation")) for name, each in documents(kops).items()}


def mirrored(world: World, name: str, key: str) -> bytes:
    return base64.b64decode(world.get("secret", f"state-{name}")["data"][key])


def morning(world: World, kops: Kops) -> None:
    """The team adopts what kops has made, and changes something; kops changes what nobody declared."""
    declare(world, "Push")
    edit(kops, {COMPLEX: lambda spec: spec.update(channel="alpha"), NODES: lambda spec: spec.update(maxSize=20)})
    assert look_again(world) == QUIET
    kops.run("create", "keypair", "service-account", "--name", COMPLEX)
    docker = kops.home / "docker.json"
    docker.write_text('{"auths": {"r.example.com": {}}}')
    kops.run("create", "secret", "dockerconfig", "--force", "-f", docker, "--name", COMPLEX)


def noon(world: World, kops: Kops) -> None:
    """The spec is to show everything; somebody takes a field over by hand, and kops changes one that is declared."""
    body = declare(world, "Both")
    assert body["spec"]["cluster"]["channel"] == "alpha"
    patch(world, {"channel": "stable"})
    edit(kops, {COMPLEX: lambda spec: spec.update(kubernetesVersion="v1.31.0", sshKeyName="theirs")})
    assert request(world)["spec"]["cluster"]["sshKeyName"] == "theirs"
    hand(kops, "create", [manifests(COMPLEX, world.url, {}, [{**GROUP, "name": "more"}])[1]])
    assert "more" in [each["name"] for each in request(world)["spec"]["instanceGroups"]]


def afternoon(world: World, kops: Kops) -> None:
    """For an hour nobody may write but kops; then both again."""
    declare(world, "Pull", kubernetesVersion="v1.33.0")
    edit(kops, {COMPLEX: lambda spec: spec.update(sshKeyName="ours"), "more": lambda spec: spec.update(maxSize=3)})
    body = request(world)
    assert conditions(body)["InSync"]["reason"] == "PullBlocked"
    assert body["spec"]["cluster"]["sshKeyName"] == "ours"
    assert len(list(rows(kops, "keypairs", "service-account"))) == 2
    kops.run("promote", "keypair", "service-account", "--name", COMPLEX)
    declare(world, "Both", kubernetesVersion="v1.33.0")


def test_a_day_ends_in_agreement(world: World, kops: Kops) -> None:
    world.load_store()
    with world.running():
        morning(world, kops)
        noon(world, kops)
        afternoon(world, kops)
        assert look_again(world) == QUIET
    agreed = by_kops(kops)
    assert by_operator(world) == agreed
    assert agreed[COMPLEX][0]["kubernetesVersion"] == "v1.33.0"
    assert agreed[COMPLEX][0]["channel"] == "stable"
    changes = ["adopted", "alpha", "stable", "1.31 and theirs", "1.32", "ours", "1.33"]
    assert agreed[COMPLEX][1] == 1 + len(changes)
    assert [agreed[name][1] for name in (NODES, "batch", "more")] == [1, None, 1]
    assert b"r.example.com" in mirrored(world, "secret-dockerconfig", ".dockerconfigjson")
    assert mirrored(world, "keyset-service-account", "ca.crt").count(b"BEGIN CERTIFICATE") == 2
