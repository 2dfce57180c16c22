"""The real kops sees what the operator pushed beside documents: secrets, SSH keys, key pairs."""

from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from clusterstate.state.codec import ssh_fingerprint
from tests.kops.asking import request, rows
from tests.kops.samples import CLUSTER, GROUPS
from tests.kops.test_kops_resources import cluster, declaration, kops_there, objects, operating
from tests.support.keypairs import certificate, pem, secret, ssh_line, tls_secret
from tests.support.kops import Kops
from tests.support.kopscrds import KopsObjects
from tests.support.operating import Operating
from tests.support.world import COMPLEX, World, manifest

__all__ = ["cluster", "kops_there", "objects", "operating"]
pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]
CONFIG = '{"auths": {}}'


def contents(**more: Any) -> dict[str, Any]:
    ref = {"name": "values", "key": "config"}
    return {
        "secrets": [{"name": "dockerconfig", "valueFrom": {"secretKeyRef": ref}}],
        "keysets": [{"name": "kubernetes-ca", "tlsSecretRef": {"name": "authority"}}],
        **more,
    }


def prepare(operating: Operating) -> None:
    key = rsa.generate_private_key(65537, 2048)
    operating.apply(secret("values", {"config": CONFIG.encode()}))
    operating.apply(tls_secret("authority", certificate(key), pem(key)))


def colons(line: str) -> str:
    text = ssh_fingerprint(line.encode(), "line")
    return ":".join(text[at : at + 2] for at in range(0, 32, 2))


def shown_keys(kops: Kops, name: str) -> str:
    return kops.run("get", "sshpublickeys", "--name", name).stdout


def test_kops_reads_and_goes_on_with_what_was_pushed(world: World, kops: Kops) -> None:
    world.load_store()
    for key in [each for each in world.files() if "/pki/ssh/" in each or "/secrets/" in each]:
        world.s3.delete_object(Bucket=world.bucket, Key=key)
    prepare(world)
    old, new = ssh_line(), ssh_line()
    world.apply(manifest(url=world.url, **contents(sshPublicKeys=[{"value": old}])))
    with world.running():
        world.settled()
        assert [row[0] for row in rows(kops, "secrets")] == ["dockerconfig"]
        assert kops.run("get", "secrets", "dockerconfig", "--name", COMPLEX, "-o", "plaintext").stdout.strip() == CONFIG
        assert colons(old) in shown_keys(kops, COMPLEX)
        pairs = yaml.safe_load(kops.run("get", "keypairs", "kubernetes-ca", "--name", COMPLEX, "-o", "yaml").stdout)
        assert len(pairs) == 2
        world.apply(manifest(url=world.url, **contents(sshPublicKeys=[{"value": new}])))
        world.settled()
        assert colons(new) in shown_keys(kops, COMPLEX)
        assert colons(old) not in shown_keys(kops, COMPLEX)
        before = world.read(f"{COMPLEX}/pki/private/kubernetes-ca/keyset.yaml")
        [primary] = [pair["id"] for pair in pairs if pair.get("isPrimary")]
        [added] = [pair["id"] for pair in pairs if not pair.get("isPrimary")]
        kops.run("promote", "keypair", "kubernetes-ca", added, "--name", COMPLEX)
        kops.run("promote", "keypair", "kubernetes-ca", primary, "--name", COMPLEX)
        assert world.read(f"{COMPLEX}/pki/private/kubernetes-ca/keyset.yaml") == before, "byte for byte as kops"
        status = request(world)["status"]
    assert not status.get("drift")


def test_as_objects_of_kops_too(operating: Operating, kops_there: Kops, objects: KopsObjects, cluster: str) -> None:
    prepare(operating)
    with operating.running():
        for line in (ssh_line(), ssh_line()):
            spec = contents(cluster=CLUSTER, instanceGroups=GROUPS, sshPublicKeys=[{"value": line}])
            operating.apply(declaration(cluster, **spec))
            operating.settled()
            assert colons(line) in shown_keys(kops_there, cluster)
            assert len(objects.list("sshcredentials")) == 1
        assert [row[0] for row in rows(kops_there, "secrets", cluster=cluster)] == ["dockerconfig"]
        assert [row[0] for row in rows(kops_there, "keypairs", cluster=cluster)] == ["kubernetes-ca"]
        operating.apply(declaration(cluster, cluster=CLUSTER, instanceGroups=GROUPS))
        operating.settled()
    assert objects.list("sshcredentials") == []
    assert [each["metadata"]["name"] for each in objects.list("keysets")] == ["kubernetes-ca"]
