"""Keysets of the operator's making: one however many make it, never silently a second one, and none in a dry run."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest

from clusterstate.kube.contents import unpack
from clusterstate.state import codec
from clusterstate.state.keyset import primary, trust_bundle
from clusterstate.state.objects import Keyset
from tests.apiserver.test_together import neighbour
from tests.kops.asking import request
from tests.support.operating import conditions
from tests.support.world import COMPLEX, World, manifest

__all__ = ["neighbour"]
pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

NAME = "etcd-peers-ca-main"
KEY = f"pki/private/{NAME}/keyset.yaml"
FILE = f"{COMPLEX}/{KEY}"
MIRROR = {"keysets": [{"include": [NAME]}]}


def declaration(world: World, *, sync: dict[str, Any] | None = None, **generate: Any) -> dict[str, Any]:
    keysets = [{"name": NAME, "generate": generate}]
    return manifest(url=world.url, keysets=keysets, mirror=MIRROR, sync={"interval": "10s", **(sync or {})})


def stored(world: World) -> Keyset:
    return codec.decode_keyset(world.read(FILE), KEY)


def mirrored(world: World) -> bytes:
    return base64.b64decode(world.get("secret", f"state-keyset-{NAME}")["data"]["ca.crt"])


def test_two_operators_that_generate_at_once_end_with_one_keyset(world: World, neighbour: World) -> None:
    world.load_store()
    neighbour.set_credentials()
    both = (world, neighbour)
    with world.running(), neighbour.running():
        for each in both:
            each.apply(declaration(each, size=4096))  # takes long: each begins before the other has written
        for each in both:
            each.settled()
        keyset = stored(world)
        assert len(keyset.items) == 1
        for each in both:
            each.until(lambda each=each: mirrored(each) == trust_bundle(keyset))
            assert stored(each) == keyset


def test_a_keyset_that_was_lost_is_not_silently_replaced(world: World) -> None:
    world.load_store()
    world.apply(declaration(world, sync={"dryRun": True}))
    with world.running():
        world.settled()
        digests = {request(world)["status"]["plan"]["digest"] for _ in range(2)}
        assert len(digests) == 1
        assert FILE not in world.names()
        [row] = world.state()["status"]["plan"]["changes"]
        assert row == {
            "path": KEY,
            "field": "/spec/keys/-",
            "action": "create",
            "new": f"RSA 2048, CN={NAME}, for 87600h",
        }
        world.apply(declaration(world))
        world.settled()
        first = stored(world)
        world.s3.delete_object(Bucket=world.bucket, Key=FILE)
        request(world)
        body = world.settled(status="False", reason="UnusableKeyset")
        assert "restore" in conditions(body)["Ready"]["message"].lower()
        assert FILE not in world.names()
        asked = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        world.apply(declaration(world, newerThan=asked))
        world.settled()
        second = stored(world)
        assert second.items != first.items
        assert primary(second) == second.items[0]
        mark = world.plane.audit_mark()
        request(world)
        assert stored(world) == second
        revisions = [each for each in world.writes(mark) if each.resource == "controllerrevisions"]
        assert not revisions, "it is settled"
    newest = world.kubectl("get", "controllerrevisions", "-o", "jsonpath={.items[-1:].data.gzip}")
    assert unpack(newest)["generated"] == {NAME: asked}
