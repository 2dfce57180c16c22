"""What one tenant writes into an object, a Secret or a store harms nobody else."""

import json

import pytest

from clusterstate.api.status import UNSEEN
from tests.support.operating import conditions
from tests.support.world import COMPLEX, MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

DECLARED = {"kubernetesVersion": "v1.40.0"}


def test_deep_objects_and_secrets_stop_nobody(world: World) -> None:
    world.load_store()
    text = json.dumps(manifest("deep", url=world.url, clusterName=MINIMAL, cluster={"a": "DEEP"}))
    nested = '{"a":' * 2000 + "1" + "}" * 2000
    world.kubectl("create", "--validate=false", "-f", "-", stdin=text.replace('"DEEP"', nested))
    nasty = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "nasty",
            "labels": {"app.kubernetes.io/managed-by": "clusterstate"},
            "annotations": {"clusterstate.dev/declared-metadata": '{"x":' + "[" * 5000 + "]" * 5000 + "}"},
        },
    }
    world.apply(nasty)
    world.apply(manifest(url=world.url, cluster=DECLARED))
    with world.running():
        world.settled()
        world.until(lambda: "levels deep" in world.log.read_text())
        assert world.operator is not None
        assert world.operator.wait(timeout=0) is None
    world.kubectl("delete", "cst/deep")


def test_config_may_not_lead_elsewhere(world: World) -> None:
    world.load_store()
    config = world.read(f"{COMPLEX}/config").decode()
    world.put(
        f"{COMPLEX}/config", config.replace("  kubelet:\n", "  keyStore: memfs://victim/pki\n  kubelet:\n").encode()
    )
    world.apply(manifest(url=world.url, cluster=DECLARED, mirror={"keysets": [{"include": ["*"]}]}))
    with world.running():
        body = world.settled(status="False", reason="MalformedFile")
    assert "keyStore" in conditions(body)["Ready"]["message"]


def test_a_damaged_certificate_is_noticed_before_anything_is_written(world: World) -> None:
    world.load_store()
    key = f"{COMPLEX}/pki/private/service-account/keyset.yaml"

    def damage(keyset: dict[str, dict[str, list[dict[str, str]]]]) -> None:
        item = keyset["spec"]["keys"][-1]
        item["publicMaterial"] = item["publicMaterial"][:400] + "AAAA" + item["publicMaterial"][404:]

    world.edit(key, damage)
    before = world.files()
    world.apply(manifest(url=world.url, cluster=DECLARED))
    with world.running():
        body = world.settled(status="False", reason="MalformedKeyset")
    assert "service-account" in conditions(body)["Ready"]["message"]
    assert world.files() == before


def test_a_wiped_status_comes_back(world: World) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, cluster=DECLARED, sync={"interval": "10s"}))
    with world.running():
        before = world.settled()
        world.kubectl("patch", "clusterstate", "state", "--subresource=status", "--type=merge", "-p", '{"status":null}')
        assert world.state()["status"] == {"observedGeneration": UNSEEN}
        world.settled()
    assert world.state()["status"]["store"]["digest"] == before["status"]["store"]["digest"]


def test_a_name_of_a_bucket_claims_nothing_in_another_namespace(world: World) -> None:
    """Tested with two namespaces of one operator: the squatter is older and can't reach the bucket."""
    world.load_store()
    squatter = f"{world.namespace}-squatter"
    api = world.plane.api()
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": squatter}})
    older = manifest("older", url=world.url, store={"credentialsSecretRef": {"name": "none"}}, cluster=DECLARED)
    older["metadata"]["namespace"] = squatter
    api.request("POST", f"/apis/clusterstate.dev/v1alpha1/namespaces/{squatter}/clusterstates", older)
    world.grant(squatter)
    world.apply(manifest(url=world.url, cluster=DECLARED))
    try:
        with world.running("-n", squatter):
            world.settled()
    finally:
        api.request("DELETE", f"/api/v1/namespaces/{squatter}")
