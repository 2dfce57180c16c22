"""CloudUpdated tells when kops must run, CertificatesValid when keys end; neither affects Ready."""

import pytest
import yaml

from tests.support.operating import conditions
from tests.support.world import MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]


def test_a_push_changes_no_machine_until_kops_has_run(world: World) -> None:
    world.load_store(MINIMAL, source="kops-store-updated")
    declared = {"url": world.url, "clusterName": MINIMAL}
    world.apply(manifest(**declared))
    with world.running():
        body = world.settled(condition="CloudUpdated", status="True", reason="CloudUpdated")
        world.apply(manifest(**declared, cluster={"kubernetesVersion": "v1.40.0"}))
        body = world.settled(condition="CloudUpdated", status="False", reason="KopsUpdatePending")
        assert f"kops update cluster {MINIMAL} --yes" in conditions(body)["CloudUpdated"]["message"]
        assert "/spec/kubernetesVersion" in conditions(body)["CloudUpdated"]["message"]
        assert conditions(body)["Ready"]["status"] == "True"
        completed = yaml.safe_load(world.read(f"{MINIMAL}/cluster-completed.spec"))
        seen = {"kubernetesVersion": completed["spec"]["kubernetesVersion"]}
        world.apply(manifest(**declared, cluster=seen, instanceGroups=[{"name": "nodes", "spec": {"maxSize": 7}}]))
        body = world.settled(condition="CloudUpdated", status="False", reason="KopsUpdatePending")
        pushed = body["status"]["history"][0]["revision"]
        assert f"clusterstate.dev/cloud-updated: {pushed}" in conditions(body)["CloudUpdated"]["message"]
        world.kubectl("annotate", "clusterstate/state", f"clusterstate.dev/cloud-updated={pushed}")
        world.until(lambda: conditions(world.state())["CloudUpdated"]["status"] == "True")


def test_a_cluster_that_kops_never_built_is_unknown(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url))
    with world.running():
        world.settled(condition="CloudUpdated", status="Unknown", reason="KopsNeverUpdated")


def test_certificates_that_end_soon_are_named(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, expiryWarning="90000h"))
    with world.running():
        body = world.settled(condition="CertificatesValid", status="False", reason="CertificateExpires")
        assert "kubernetes-ca" in conditions(body)["CertificatesValid"]["message"]
        assert conditions(body)["Ready"]["status"] == "True"
        world.apply(manifest(url=world.url))
        world.settled(condition="CertificatesValid", status="True")
