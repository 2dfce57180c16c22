"""The real kops as judge of what is written here, and of what its own rewriting makes of it."""

from typing import Any

import boto3
import pytest

from clusterstate.state import codec
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.objects import Document, Json, JsonObject
from tests.state.files import STATES, read
from tests.support.kops import Kops

pytestmark = pytest.mark.kops

CLUSTER = "complex.example.com"
GROUP = "instancegroup/nodes-us-east-1a"
CHANGES: JsonObject = {
    "kubelet": {
        "anonymousAuth": False,
        "evictionPressureTransitionPeriod": "90s",
        "kubeReserved": {"cpu": "1000m"},
        "featureGates": {"A": "true"},
    },
    "kubeAPIServer": {
        "cpuRequest": "1000m",
        "memoryLimit": "2048Mi",
        "logLevel": 0,
        "oidcRequiredClaim": ["b=1", "a=2"],
    },
    "cloudLabels": {"team/a": "yes", "on": "", "n": "08"},
    "additionalPolicies": {"master": '[{"Effect": "Allow"}]', "node": '[{"Effect": "Allow",\n  "Action": ["a:b"]}]\n'},
    "dnsZone": "",
    "topology": {"dns": {"type": "None"}, "masters": "private"},
    "fileAssets": [{"name": "a", "path": "/etc/a", "content": "x: y\n\tz\n", "roles": ["Master"]}],
}
GROUP_CHANGES: JsonObject = {
    "maxInstanceLifetime": "36h",
    "taints": ["a=b:NoSchedule"],
    "minSize": 0,
    "nodeLabels": {"a": "1"},
    "rootVolumeSize": 20,
    "volumes": [{"device": "/dev/xvdb", "size": 20, "type": "gp3"}],
    "rollingUpdate": {"maxSurge": "25%", "drainAndTerminate": True},
    "additionalUserData": [{"name": "a.sh", "type": "text/x-shellscript", "content": "#!/bin/sh\necho yes\n"}],
    "hooks": [{"name": "a.service", "before": ["b"], "manifest": "[Unit]\n", "roles": ["Master", "Node"]}],
}


@pytest.fixture
def client(kops: Kops) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=kops.s3.endpoint,
        region_name=kops.s3.region,
        aws_access_key_id=kops.s3.access_key,
        aws_secret_access_key=kops.s3.secret_key,
    )


def fill(kops: Kops, client: Any) -> None:
    for path in STATES[1].rglob("*"):
        if path.is_file():
            key = f"{CLUSTER}/{path.relative_to(STATES[1]).as_posix()}"
            client.put_object(Bucket=kops.bucket, Key=key, Body=golden(kops, path.relative_to(STATES[1]).as_posix()))


def golden(kops: Kops, key: str) -> bytes:
    """Give a golden file as kops would have written it into this test's bucket."""
    return read(1, key).replace(b"s3://state/", f"{kops.store}/".encode())


def stored(kops: Kops, client: Any, key: str) -> bytes:
    body: bytes = client.get_object(Bucket=kops.bucket, Key=f"{CLUSTER}/{key}")["Body"].read()
    return body


def change(document: Document, changes: dict[str, Json]) -> Document:
    metadata = document.metadata | {"generation": _generation(document) + 1}
    return Document(document.api_version, document.kind, metadata, document.spec | changes)


def _generation(document: Document) -> int:
    value = document.metadata.get("generation", 0)
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize(("key", "changes"), [("config", CHANGES), (GROUP, GROUP_CHANGES)])
def test_replace_stores_what_canonical_and_encode_would_write(
    kops: Kops, client: Any, key: str, changes: dict[str, Json]
) -> None:
    fill(kops, client)
    document = change(codec.decode_document(golden(kops, key), key), changes)
    kind: Any = document.kind
    manifest = kops.home / "manifest.yaml"
    manifest.write_bytes(codec.encode_document(document))
    kops.run("replace", "-f", manifest)
    spec = complete(kind, canonical(kind, document.spec).spec)
    ours = codec.encode_document(Document(document.api_version, kind, document.metadata, spec))
    assert stored(kops, client, key).decode() == ours.decode()


def test_replace_of_what_kops_itself_shows_changes_no_canonical_spec(kops: Kops, client: Any) -> None:
    fill(kops, client)
    shown = kops.run("get", "all", "--name", CLUSTER, "-o", "yaml").stdout
    manifest = kops.home / "manifest.yaml"
    manifest.write_text(shown)
    kops.run("replace", "-f", manifest)
    for key, kind in (("config", "Cluster"), (GROUP, "InstanceGroup")):
        before, after = (codec.decode_document(data, key) for data in (golden(kops, key), stored(kops, client, key)))
        judged: Any = kind
        assert canonical(judged, after.spec) == canonical(judged, before.spec)


def test_kops_reads_what_is_written_here(kops: Kops, client: Any) -> None:
    fill(kops, client)
    keyset_key = "pki/private/kubernetes-ca/keyset.yaml"
    keyset = codec.decode_keyset(read(1, keyset_key), keyset_key)
    client.put_object(Bucket=kops.bucket, Key=f"{CLUSTER}/{keyset_key}", Body=codec.encode_keyset(keyset))
    pairs = kops.run("get", "keypairs", "--name", CLUSTER, "--distrusted").stdout
    assert all(item.id in pairs for item in keyset.items)
    assert "dockerconfig" in kops.run("get", "secrets", "--name", CLUSTER).stdout
    fingerprint = codec.ssh_fingerprint(kops_ssh_key(), "admin")
    assert fingerprint in kops.run("get", "sshpublickeys", "--name", CLUSTER).stdout.replace(":", "")


def kops_ssh_key() -> bytes:
    [path] = (STATES[1] / "pki" / "ssh" / "public" / "admin").iterdir()
    return path.read_bytes()
