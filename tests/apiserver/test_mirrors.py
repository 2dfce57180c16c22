"""Mirrored Secrets hold what the store does, and come back when somebody takes or changes them."""

import base64

import pytest

from tests.support.operating import conditions
from tests.support.world import World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

MIRROR = {
    "keysets": [{"include": ["*"]}, {"include": ["kubernetes-ca"], "parts": "KeyPair"}],
    "secrets": {"include": ["*"]},
    "sshPublicKeys": {"include": ["*"]},
}


def test_they_come_back_within_seconds(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, mirror=MIRROR))
    with world.running():
        body = world.settled(condition="Mirrored", status="True", reason="Mirrored")
        names = {row["secret"] for row in body["status"]["mirrors"]}
        assert len(names) == 4 + 2 + 1
        pair = world.get("secret", "state-keyset-kubernetes-ca")
        assert pair["type"] == "kubernetes.io/tls"
        assert base64.b64decode(pair["data"]["ca.crt"]).count(b"BEGIN CERTIFICATE") == 1

        world.kubectl("delete", "secret", "state-keyset-kubernetes-ca")
        back = world.until(lambda: world.find("secret", "state-keyset-kubernetes-ca"))
        assert back["data"] == pair["data"]

        docker = world.get("secret", "state-secret-dockerconfig")
        broken = base64.b64encode(b'{"auths":{}}').decode()
        world.kubectl(
            "patch", "secret", docker["metadata"]["name"], "-p", f'{{"data":{{".dockerconfigjson":"{broken}"}}}}'
        )
        world.until(lambda: world.get("secret", "state-secret-dockerconfig")["data"] == docker["data"])


def test_a_foreign_secret_is_never_overwritten(world: World) -> None:
    world.load_store()
    foreign = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "state-secret-dockerconfig"},
        "stringData": {"a": "b"},
    }
    world.apply(foreign)
    world.apply(manifest(url=world.url, mirror=MIRROR, sync={"interval": "10s"}))
    with world.running():
        body = world.settled(status="False", reason="MirrorConflict")
        assert "state-secret-dockerconfig" in conditions(body)["Mirrored"]["message"]
        assert list(world.get("secret", "state-secret-dockerconfig")["data"]) == ["a"]
        assert world.find("secret", "state-keyset-kubernetes-ca")
        world.kubectl("delete", "secret", "state-secret-dockerconfig")
        world.settled()


def test_they_go_with_the_declaration(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, mirror=MIRROR))
    with world.running():
        world.settled(condition="Mirrored", reason="Mirrored")
        world.apply(manifest(url=world.url))
        world.settled(condition="Mirrored", reason="MirroringOff")
        assert world.kubectl("get", "secrets", "-o", "name").split() == ["secret/store"]
