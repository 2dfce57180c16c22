"""A key pair is created, promoted and distrusted, each once the nodes are known to follow, whatever dies between."""

import base64
import shlex
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.state import codec, keyset
from clusterstate.state.objects import Keyset
from tests.kops.asking import request
from tests.support.keypairs import CERT_MANAGERS_USAGE, certificate, pem, tls_secret
from tests.support.operating import Body, conditions
from tests.support.world import DATA, MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

KEY = "pki/private/kubernetes-ca/keyset.yaml"
FILE = f"{MINIMAL}/{KEY}"
CONTROL_PLANE = f"{MINIMAL}/igconfig/control-plane/master-us-test-1a/nodeupconfig.yaml"
WORKER = f"{MINIMAL}/igconfig/node/nodes/nodeupconfig.yaml"
LEFT = f"{MINIMAL}/igconfig/node/gone/nodeupconfig.yaml"


def stored(world: World) -> Keyset:
    return codec.decode_keyset(world.read(FILE), KEY)


def update_cluster(world: World) -> None:
    """Publish the keyset as `kops update cluster` does."""
    found = stored(world)
    chosen = keyset.primary(found)
    assert chosen

    def tell_control_plane(config: Body) -> None:
        config["CAs"]["kubernetes-ca"] = keyset.trust_bundle(found).decode()
        config["KeypairIDs"]["kubernetes-ca"] = chosen.id

    world.edit(CONTROL_PLANE, tell_control_plane)
    world.edit(WORKER, lambda config: config["KeypairIDs"].update({"kubernetes-ca": chosen.id}))


def told(body: Body) -> Body:
    (row,) = body["status"]["keysets"]
    return dict(row)


def confirm(world: World, message: str) -> None:
    """Run the command that the message ends with."""
    command = shlex.split(message.rpartition("kubectl ")[2].removesuffix(" ."))
    assert command[2:4] == ["-n", world.namespace]
    world.kubectl(*command)


def annotate(world: World, value: str) -> None:
    world.kubectl("annotate", "--overwrite", "clusterstate/state", f"clusterstate.dev/rolled={value}")


def until(world: World, phase: str) -> Body:
    """Wait until the status tells of a phase; give what it tells."""

    def look() -> Body | None:
        rows = world.state().get("status", {}).get("keysets", [])
        return next((row for row in rows if row["phase"] == phase), None)

    found: Body = world.until(look, lambda: world.state().get("status"))
    return found


def cloud(body: Body) -> tuple[str, str]:
    found = conditions(body)["CloudUpdated"]
    return found["status"], found["reason"]


def declaration(world: World, **rotation: Any) -> Body:
    declared = {"promoteAfter": "1s", "distrustAfter": "1s", **rotation}
    return manifest(
        url=world.url,
        clusterName=MINIMAL,
        keysets=[{"name": "kubernetes-ca", "tlsSecretRef": {"name": "ca"}, "rotation": declared}],
        mirror={"keysets": [{"include": ["kubernetes-ca"]}]},
    )


@pytest.fixture
def ready(world: World) -> World:
    """A cluster that kops has built, with the keyset that its nodes use, and a Secret with a newer key pair."""
    world.load_store(MINIMAL, source="kops-store-updated")
    world.put(FILE, (DATA / "kops-store" / MINIMAL / KEY).read_bytes())
    update_cluster(world)
    key = ec.generate_private_key(ec.SECP256R1())
    world.apply(tls_secret("ca", certificate(key, usage=CERT_MANAGERS_USAGE), pem(key)))
    return world


def test_a_rotation_from_its_beginning_to_its_undoing(ready: World) -> None:
    world = ready
    old = keyset.primary(stored(world))
    assert old
    world.apply(declaration(world))
    world.start_operator()
    new = create(world, old.id)
    promote(world, old.id, new)
    distrust(world, old.id, new)
    undo(world, old.id, new)


def create(world: World, old: str) -> str:
    """See a new key pair come, which waits for the nodes; give its id."""
    row, body = until(world, "Created"), world.settled()
    assert "usages: [cert sign, crl sign]" in conditions(body)["InSync"]["message"]
    new: str = row["nextId"]
    assert [item.id for item in stored(world).items] == [old, new]
    assert row["primaryId"] == old
    assert cloud(body) == ("False", "WaitingForRollout")
    assert f"kops update cluster {MINIMAL} --yes ; kops rolling-update" in row["message"]
    annotate(world, new)
    row = told(request(world))
    assert f"confirms {new} came too early" in row["message"]
    assert row["ignoredConfirmations"] == [new]
    return new


def promote(world: World, old: str, new: str) -> None:
    """See it promoted once it is published and rolled, by an operator that wasn't there before."""
    update_cluster(world)
    row = told(request(world))
    assert row["phase"] == "Created", "published, and not yet rolled"
    assert "kops update cluster" not in row["message"].partition("Run")[2]
    whole = world.read(WORKER)
    world.put(WORKER, b"CAs: {")
    annotate(world, f"s3://elsewhere/x#3,{new},{new}/promoted")
    assert "nodeupconfig.yaml" in told(request(world))["message"]
    world.put(WORKER, whole)
    row = told(request(world))
    assert (row["phase"], stored(world).primary_id) == ("Created", old), "it was confirmed before it could be so"
    confirm(world, row["message"].partition(" . ")[0])
    row = told(request(world))
    assert "ignoredConfirmations" not in row
    world.put(LEFT, whole.replace(b"CAs: {}", b"CAs: x"))
    confirm(world, row["message"])
    row = told(request(world))
    assert (row["phase"], f"{LEFT.partition('/')[2]} is left over" in row["message"]) == ("Created", True)
    world.kill_operator()
    world.s3.delete_object(Bucket=world.bucket, Key=LEFT)
    world.start_operator()
    until(world, "Promoted")
    found, body = stored(world), world.state()
    assert found.primary_id == new
    assert [item.trusted for item in found.items] == [True, True]
    assert f"{KEY} (/spec/primaryId)" in body["status"]["history"][0]["what"]
    assert body["status"]["mirrors"][0]["primaryId"] == new
    assert cloud(body) == ("False", "WaitingForRollout")


def distrust(world: World, old: str, new: str) -> None:
    """See the old one distrusted once the new one is published and rolled in its turn."""
    before = world.read(FILE)
    update_cluster(world)
    row = told(request(world))
    assert (row["phase"], world.read(FILE)) == ("Promoted", before), "the first confirmation isn't the second"
    world.kill_operator()
    confirm(world, row["message"])
    assert world.state()["metadata"]["annotations"]["clusterstate.dev/rolled"] == f"s3://elsewhere/x#3,{new}/promoted"
    world.start_operator()
    row, found = until(world, "Stable"), stored(world)
    assert {item.id: item.trusted for item in found.items} == {old: False, new: True}
    mirror = world.get("secret", "state-keyset-kubernetes-ca")["data"]
    assert base64.b64decode(mirror["ca.crt"]) == keyset.trust_bundle(found)
    assert row["message"].endswith(f"kops rolling-update cluster {MINIMAL} --yes")
    assert cloud(world.state()) == ("False", "WaitingForRollout")
    update_cluster(world)
    body = request(world)
    assert told(body).get("message") is None
    assert cloud(body) == ("True", "CloudUpdated")


def undo(world: World, old: str, new: str) -> None:
    """See the old one trusted again at once, but not while the rotation is paused."""
    before = world.read(FILE)
    world.apply(declaration(world, trust=[old], paused=True))
    world.until(lambda: "paused" in told(world.settled()).get("message", ""))
    assert world.read(FILE) == before
    world.apply(declaration(world, trust=[old]))
    world.until(lambda: all(item.trusted for item in stored(world).items))
    body = world.settled()
    assert (told(body)["phase"], cloud(body)) == ("Stable", ("False", "WaitingForRollout"))
    assert stored(world).primary_id == new


def test_people_promote_where_nothing_else_is_declared(ready: World) -> None:
    world = ready
    body = declaration(world)
    body["spec"]["keysets"][0]["rotation"] = {}
    world.apply(body)
    with world.running():
        new = until(world, "Created")["nextId"]
        update_cluster(world)
        annotate(world, new)
        body = request(world)
        before = world.files()
        assert f"kops promote keypair kubernetes-ca {new} --name {MINIMAL}" in told(body)["message"]
        assert cloud(body) == ("True", "CloudUpdated")
        dry = declaration(world)
        dry["spec"]["sync"] = {"dryRun": True}
        world.apply(dry)
        body = world.settled(condition="InSync", reason="DryRun")
        assert body["status"]["plan"]["changes"] == [
            {
                "path": KEY,
                "field": "/spec/primaryId",
                "action": "update",
                "old": stored(world).primary_id,
                "new": new,
            }
        ]
        assert world.files() == before
