"""Whatever breaks is named in conditions and an Event, writes nothing, stops nobody else, and heals by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.keypairs import certificate, pem, tls_secret
from tests.support.operating import conditions
from tests.support.world import COMPLEX, MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

KEYSET = f"{COMPLEX}/pki/private/kubernetes-ca/keyset.yaml"
CONFIG = f"{COMPLEX}/config"
DECLARED = {"kubernetesVersion": "v1.40.0"}
DENIED = "<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"


@pytest.fixture
def world(
    plane: ControlPlane, s3_server: S3Server, proxy: FaultProxy, namespace: str, bucket: str, tmp_path: Path
) -> Iterator[World]:
    made = World(plane, namespace, tmp_path, s3_server, bucket, endpoint=proxy.endpoint)
    made.load_store()
    made.load_store(MINIMAL)
    yield made
    made.stop_operator()


@dataclass(frozen=True)
class Break:
    """One way to break the world, and what people must be told."""

    reason: str
    says: str
    nature: str
    do: Callable[[World], None]
    undo: Callable[[World], None]


def truncate(world: World) -> None:
    world.put(KEYSET, world.read(KEYSET)[:700])


def distrust_all(world: World) -> None:
    def distrust(keyset: dict[str, dict[str, list[dict[str, str]]]]) -> None:
        for key in keyset["spec"]["keys"]:
            key["distrustTimestamp"] = "2026-11-23T06:56:47Z"

    world.edit(KEYSET, distrust)


def restore(world: World) -> None:
    world.load_store()


def drop_bucket(world: World) -> None:
    for key in world.files():
        world.s3.delete_object(Bucket=world.bucket, Key=key)
    world.s3.delete_bucket(Bucket=world.bucket)


def bring_bucket(world: World) -> None:
    world.server.create_bucket(world.bucket)
    world.load_store()
    world.load_store(MINIMAL)


BREAKS = {
    "wrong secret key": Break(
        "AuthenticationFailed",
        "doesn't accept the credentials",
        "Stalled",
        lambda world: world.set_credentials("wrong" * 8, "broken"),
        lambda world: world.set_credentials(name="broken"),
    ),
    "truncated keyset": Break("MalformedKeyset", "pki/private/kubernetes-ca/keyset.yaml", "Stalled", truncate, restore),
    "no usable primary": Break(
        "UnusableKeyset", "pki/private/kubernetes-ca/keyset.yaml", "Stalled", distrust_all, restore
    ),
    "config is not YAML": Break(
        "MalformedFile", "config", "Stalled", lambda world: world.put(CONFIG, b"spec: [1, 2\nkind: }"), restore
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_it_is_named_and_heals(world: World, name: str) -> None:
    broken = BREAKS[name]
    world.set_credentials(name="broken")
    broken.do(world)
    before = world.files()
    spec = {"cluster": DECLARED, "sync": {"interval": "10s"}}
    world.apply(manifest(url=world.url, store={"credentialsSecretRef": {"name": "broken"}}, **spec))
    world.apply(manifest("other", url=world.url, clusterName=MINIMAL, cluster=DECLARED))
    with world.running():
        body = world.settled(status="False", reason=broken.reason)
        assert broken.says in conditions(body)["Ready"]["message"]
        assert conditions(body)[broken.nature]["status"] == "True"
        world.settled("other")
        world.until(lambda: any(event["reason"] == broken.reason for event in world.events()))
        unchanged = {key: data for key, data in world.files().items() if not key.startswith(MINIMAL)}
        assert unchanged == {key: data for key, data in before.items() if not key.startswith(MINIMAL)}
        broken.undo(world)
        world.settled()
    assert b"v1.40.0" in world.read(CONFIG)


def test_a_missing_bucket_is_named_and_heals(world: World) -> None:
    drop_bucket(world)
    world.apply(manifest(url=world.url, cluster=DECLARED, sync={"interval": "10s"}))
    with world.running():
        body = world.settled(status="False", reason="StoreNotFound")
        assert world.bucket in conditions(body)["Ready"]["message"]
        assert conditions(body)["StoreReachable"]["status"] == "False"
        bring_bucket(world)
        world.settled()
    assert b"v1.40.0" in world.read(CONFIG)


def test_a_store_that_answers_503_is_tried_again_without_a_storm(world: World, proxy: FaultProxy) -> None:
    before = world.files()
    world.apply(manifest(url=world.url, cluster=DECLARED, sync={"interval": "10s"}))
    with proxy.failing(Fault(status=503)), world.running():
        body = world.settled(status="False", reason="StoreUnavailable")
        assert conditions(body)["Reconciling"]["reason"] == "ProgressingWithRetry"
        assert "Stalled" not in conditions(body)
        assert sum(proxy.counts.values()) < 30
        assert world.files() == before
    with world.running():
        world.settled()
    assert b"v1.40.0" in world.read(CONFIG)


def test_it_heals_while_the_operator_runs(world: World, proxy: FaultProxy) -> None:
    world.apply(manifest(url=world.url, cluster=DECLARED, sync={"interval": "10s"}))
    with world.running():
        with proxy.failing(Fault(status=503)):
            world.settled(status="False", reason="StoreUnavailable")
        world.settled()
    assert b"v1.40.0" in world.read(CONFIG)


def test_mirrors_and_certificates_follow_whatever_keeps_a_push_from_being_made(world: World, proxy: FaultProxy) -> None:
    """Nothing is written for want of a Secret, by a certificate that may not be used, by a store that lets nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    world.apply(tls_secret("no-ca", certificate(key, authority=False), pem(key)))
    declared: dict[str, dict[str, Any]] = {
        "ReferenceNotFound": {"keysets": [{"name": "a-ca", "tlsSecretRef": {"name": "nowhere"}}]},
        "SpecInvalid": {"keysets": [{"name": "a-ca", "tlsSecretRef": {"name": "no-ca"}}]},
        "AccessDenied": {"cluster": DECLARED},
    }
    before = world.read(CONFIG)
    denied = Fault(method="PUT", path=f"/{world.bucket}/{CONFIG}", status=403, body=DENIED)
    with proxy.failing(denied), world.running():
        for reason, more in declared.items():
            name = f"{reason.lower()}-ca"
            world.put(f"{COMPLEX}/pki/private/{name}/keyset.yaml", world.read(KEYSET))
            world.apply(manifest(url=world.url, mirror={"keysets": [{"include": ["*"]}]}, **more))
            body = world.settled(status="False", reason=reason)
            assert conditions(body)["Mirrored"]["status"] == conditions(body)["CertificatesValid"]["status"] == "True"
            assert world.find("secret", f"state-keyset-{name}") is not None
            assert name in {row["keyset"] for row in body["status"]["certificates"]}
    assert world.read(CONFIG) == before


def test_a_missing_credentials_secret_is_waited_for(world: World) -> None:
    store = {"credentialsSecretRef": {"name": "later"}}
    world.apply(manifest(url=world.url, cluster=DECLARED, store=store))
    with world.running():
        world.settled(status="False", reason="CredentialsNotFound")
        world.set_credentials(name="later")
        world.settled()


def test_a_declaration_that_kops_would_not_keep_is_refused(world: World) -> None:
    before = world.files()
    world.apply(manifest(url=world.url, cluster={"kubernetesVersoin": "v1.40.0"}))
    with world.running():
        body = world.settled(status="False", reason="SpecInvalid")
    assert "kubernetesVersoin" in conditions(body)["Ready"]["message"]
    assert conditions(body)["Stalled"]["status"] == "True"
    assert world.files() == before
