"""What tells one place of a state from another, where their URLs don't: the layout, the flavour, the account."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import yaml

from clusterstate.kube.contents import unpack
from tests.kops.samples import CLUSTER, GROUPS, NEW
from tests.support.backings.k8s import SecretsBacking
from tests.support.backings.swift import SwiftBacking
from tests.support.kopscrds import PLURALS, RULES, KopsObjects, install_kops_crds
from tests.support.operating import Body
from tests.support.world import MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]


def test_a_state_moves_to_objects_of_kops_and_to_secrets_beside_them(world: World) -> None:
    """Objects keep what files mean, so that is compared; and the same URL is another place in another layout."""
    install_kops_crds(world.plane)
    name = world.namespace.replace("-", ".")
    world.rules = [*world.rules, *RULES]
    world.load_store(MINIMAL, as_name=name)
    world.put(f"{name}/addons/mine/v1.yaml", b"kind: Mine")
    before = meanings(world.files())
    objects = KopsObjects(world.plane, world.namespace)
    secrets = SecretsBacking(world.plane.api(), world.namespace)
    body = manifest(url=world.url, clusterName=name, cluster={"kubernetesVersion": "v1.33.1"})
    with world.running():
        world.apply(body)
        world.settled()
        for layout in ("KopsResources", "Secrets"):
            body["spec"]["store"] = {"url": "k8s://", "k8s": {"layout": layout}}
            world.apply(body)
            migration = world.settled()["status"]["migration"]
            assert migration["phase"] == "Switched"
    assert "Nodes read what configBase, keyStore and secretStore named before" in migration["message"]
    assert {each["kind"] for kind in PLURALS for each in objects.list(kind)} == {
        "Cluster",
        "InstanceGroup",
        "Keyset",
        "SSHCredential",
    }
    after = meanings(secrets.files())
    assert after.keys() == before.keys()
    assert {key for key in after if after[key] != before[key]} == {f"{name}/config"}, "its version was pushed"


def meanings(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Read files; what the API server has of its own, and what ends a line, is left out."""
    read = {key: yaml.safe_load(data) for key, data in files.items()}
    for content in read.values():
        if isinstance(content, dict) and "metadata" in content:
            for field in ("generation", "creationTimestamp"):
                content["metadata"].pop(field, None)
    return read


def test_another_spelling_of_the_place_forgets_nothing_of_the_move_before(world: World) -> None:
    world.load_store(MINIMAL)
    body = manifest(url=world.url, clusterName=MINIMAL, cluster={"kubernetesVersion": "v1.40.0"})
    bucket = f"{world.bucket}-2"
    world.s3.create_bucket(Bucket=bucket)
    with world.running():
        for url in (world.url, f"s3://{bucket}", f"do://{bucket}"):
            body["spec"]["store"]["url"] = url
            world.apply(body)
            status = world.settled()["status"]
            assert status["store"]["url"] == f"{url}/{MINIMAL}"
    assert status["migration"]["from"] == f"{world.url}/{MINIMAL}"
    newest = max(revisions(world), key=lambda each: each["revision"])
    assert unpack(newest["data"]["gzip"])["departure"]["store"]["url"] == world.url


def revisions(world: World) -> list[Body]:
    found: list[Body] = world.plane.api().request(
        "GET", f"/apis/apps/v1/namespaces/{world.namespace}/controllerrevisions"
    )["items"]
    return found


def test_a_container_of_the_same_name_in_another_project_is_another_place(
    world: World, swift_backing: SwiftBacking
) -> None:
    """Only Keystone's answer tells, so it is asked before anything is taken for the same place."""
    server = swift_backing.server
    other = server.keystone.create_user()
    credential = server.keystone.create_application_credential(other)
    elsewhere = replace(swift_backing, user=other, credential=credential)
    world.apply(swift_backing.secret("here"))
    world.apply(elsewhere.secret("there"))
    body = manifest(url=swift_backing.url, clusterName=NEW, cluster=CLUSTER, instanceGroups=GROUPS)
    secret = f"{NEW}/secrets/token"
    with world.running():
        for name in ("here", "there"):
            body["spec"]["store"]["credentialsSecretRef"]["name"] = name
            world.apply(body)
            world.settled()
            if name == "here":
                swift_backing.put(secret, b'{"Data":"eA=="}')
    assert elsewhere.files()[secret] == b'{"Data":"eA=="}'
    assert elsewhere.files().keys() == swift_backing.files().keys()
