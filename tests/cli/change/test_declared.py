"""What is applied of a ClusterState by hand is what the operator would have pushed: it finds nothing left to do."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cli.change.test_apply import declaration
from tests.kops.samples import CLUSTER, GROUPS, NEW
from tests.support.cli import clusterstate
from tests.support.keypairs import certificate, pem, secret, ssh_line, tls_secret
from tests.support.shelf import Shelf
from tests.support.world import World

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]


def from_secret(key: str) -> dict[str, Any]:
    return {"secretKeyRef": {"name": "values", "key": key}}


def test_the_operator_takes_over_what_was_applied_by_hand(world: World, shelf: Shelf) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    world.apply(secret("values", {"value": b"canary", "ssh": ssh_line().encode()}))
    world.apply(tls_secret("proxy", certificate(key, serial=7), pem(key)))
    body = declaration(
        shelf,
        clusterName=NEW,
        cluster=CLUSTER,
        instanceGroups=GROUPS,
        secrets=[{"name": "token", "valueFrom": from_secret("value")}],
        sshPublicKeys=[{"valueFrom": from_secret("ssh")}],
        files=[{"path": "manifests/a.yaml", "content": "kind: A\n"}],
        keysets=[{"name": "front-proxy", "tlsSecretRef": {"name": "proxy"}}, {"name": "mine-ca", "generate": {}}],
    )
    body["spec"]["store"]["credentialsSecretRef"] = {"name": "store"}
    path = shelf.write("state.yaml", body)
    arguments = ("apply", "-f", str(path), "--yes", "-n", world.namespace)
    done = clusterstate(*arguments, home=shelf.home, KUBECONFIG=str(world.plane.kubeconfig))
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stdout + done.stderr
    written = world.files()
    assert f"{NEW}/secrets/token" in written
    assert f"{NEW}/pki/private/front-proxy/keyset.yaml" in written
    world.apply(body)
    with world.running():
        world.settled()
    assert world.files() == written
