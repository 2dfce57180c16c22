"""kops shows what the operator pushed, and everything else of the store as it was."""

from pathlib import Path

import pytest
import yaml

from tests.kops.asking import documents, rows
from tests.kops.samples import GROUP
from tests.support.kops import Kops
from tests.support.operating import Body
from tests.support.world import COMPLEX, DATA, MINIMAL, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

GOLDEN = DATA / "kops-store" / COMPLEX
NODES = "nodes-us-east-1a"


def golden(path: Path, bucket: str) -> Body:
    body: Body = yaml.safe_load(path.read_text().replace("s3://state/", f"s3://{bucket}/"))
    return body


def test_get_shows_the_declaration_merged_over_the_store(world: World, kops: Kops) -> None:
    world.load_store()
    world.load_store(MINIMAL)
    cluster = {
        "kubernetesVersion": "v1.32.10",
        "cloudLabels": {"team": "platform"},
        "kubelet": {"maxPods": 60},
        "subnets": [{"name": "us-east-1b", "egress": "External"}],
    }
    nodes = {"name": NODES, "labels": {"example.com/team": "web"}, "spec": {"maxSize": 8}}
    world.apply(manifest(url=world.url, cluster=cluster, instanceGroups=[GROUP, nodes]))
    with world.running():
        world.settled()

    groups = sorted(path.name for path in (GOLDEN / "instancegroup").iterdir())
    assert [row[:2] for row in rows(kops, "clusters")] == [[COMPLEX, "aws"], [MINIMAL, "aws"]]
    assert sorted(row[0] for row in rows(kops, "ig")) == ["batch", *groups]
    assert ["batch", "Node", "m6i.large", "0", "10", "us-east-1a"] in rows(kops, "ig")

    shown = documents(kops)
    expected = golden(GOLDEN / "config", world.bucket)
    expected["metadata"]["generation"] = 2
    expected["spec"] |= {"kubernetesVersion": "v1.32.10", "cloudLabels": {"team": "platform"}}
    expected["spec"]["kubelet"]["maxPods"] = 60
    expected["spec"]["subnets"][1]["egress"] = "External"
    assert shown.pop(COMPLEX) == expected

    expected = golden(GOLDEN / "instancegroup" / NODES, world.bucket)
    expected["metadata"]["generation"] = 1
    expected["metadata"]["labels"]["example.com/team"] = "web"
    expected["spec"]["maxSize"] = 8
    assert shown.pop(NODES) == expected

    batch = shown.pop("batch")
    assert batch["metadata"].pop("creationTimestamp")
    assert batch["metadata"] == {"name": "batch", "labels": {"kops.k8s.io/cluster": COMPLEX, **GROUP["labels"]}}
    assert batch["spec"] == GROUP["spec"]
    assert shown == {name: golden(GOLDEN / "instancegroup" / name, world.bucket) for name in groups if name != NODES}


def test_get_shows_the_keys_and_secrets_that_were_there(world: World, kops: Kops) -> None:
    world.load_store()
    world.apply(manifest(url=world.url, cluster={"kubernetesVersion": "v1.32.10"}, instanceGroups=[GROUP]))
    with world.running():
        world.settled()
    keysets = {path.parent.name: yaml.safe_load(path.read_text())["spec"] for path in GOLDEN.rglob("keyset.yaml")}
    expected = {
        (name, key["id"], key["id"] == keyset["primaryId"])
        for name, keyset in keysets.items()
        for key in keyset["keys"]
        if "distrustTimestamp" not in key
    }
    # NAME ID ISSUED EXPIRES PRIMARY HASPRIVATE, each of the last two a star or nothing; all have a private key
    pairs = [(row[0], row[1], row[4:] == ["*", "*"]) for row in rows(kops, "keypairs")]
    assert sorted(pairs) == sorted(expected)
    [fingerprint] = [path.name for path in (GOLDEN / "pki/ssh/public/admin").iterdir()]
    assert [row[0].replace(":", "") for row in rows(kops, "sshpublickeys")] == [fingerprint]
    assert rows(kops, "secrets") == [["dockerconfig"], ["encryptionconfig"]]
