"""What `clusterstate apply` writes of kops's own manifests is byte for byte what kops writes of them."""

import json
import re
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from clusterstate.sandbox.s3server import S3Server
from tests.kops.asking import differences, documents, hand, rewrite
from tests.kops.samples import CLUSTER, GROUP, GROUP_SPELLINGS, GROUPS, NEW, SPELLINGS, manifests
from tests.support.kops import Kops
from tests.support.operating import Body
from tests.support.shelf import Shelf
from tests.support.world import COMPLEX

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]

ODD = (CLUSTER | SPELLINGS, [*GROUPS, GROUP | {"spec": GROUP["spec"] | GROUP_SPELLINGS}])
LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8Y0Wc3Zb0vVfP1rQ1K7x3n5m2p4q6r8s0t2u4v6w8y somebody@example.com"


@pytest.fixture
def shelf(s3_server: S3Server, bucket: str, tmp_path: Path) -> Shelf:
    return Shelf(s3_server, bucket, tmp_path)


@pytest.fixture
def other(shelf: Shelf) -> Shelf:
    return replace(shelf, bucket=shelf.server.create_bucket(f"{shelf.bucket}-too"))


@pytest.fixture
def kops_other(kops: Kops, other: Shelf) -> Kops:
    return replace(kops, bucket=other.bucket)


def apply(shelf: Shelf, bodies: Iterable[Body], *arguments: str) -> str:
    """Apply objects; JSON is YAML too, and quotes what PyYAML wouldn't."""
    path = shelf.home / "handed.yaml"
    path.write_text("\n---\n".join(map(json.dumps, bodies)))
    done = shelf.run("apply", "-f", path, "--yes", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def comparable(shelf: Shelf) -> dict[str, str]:
    """Give a bucket's files without its name, and without times of creation."""
    created = re.compile(r'(?<=creationTimestamp: ")20[2-9][^"]+')
    files = shelf.files().items()
    return {key: created.sub("T", data.decode().replace(f"{shelf.url}/", "s3://B/")) for key, data in files}


def test_a_created_cluster_is_what_kops_creates(shelf: Shelf, other: Shelf, kops: Kops, kops_other: Kops) -> None:
    cluster, groups = ODD
    groups[0] = groups[0] | {"labels": {"a": "b"}}
    apply(shelf, manifests(NEW, shelf.url, cluster, groups))
    hand(kops_other, "create", manifests(NEW, other.url, cluster, groups))
    assert differences(comparable(shelf), comparable(other)) == ""
    written = shelf.files()
    rewrite(kops, NEW)
    assert shelf.files() == written


def test_what_replaces_is_what_kops_writes(shelf: Shelf, other: Shelf, kops: Kops, kops_other: Kops) -> None:
    for each in (shelf, other):
        each.load_store(COMPLEX)
    changed = {url: _changed(documents(kops), url) for url in (shelf.url, other.url)}
    apply(shelf, changed[shelf.url], "--replace")
    hand(kops_other, "replace", changed[other.url])
    assert differences(comparable(shelf), comparable(other)) == ""
    assert apply(shelf, changed[shelf.url], "--replace") == f"In sync with {shelf.url}/{COMPLEX}.\n"


def test_a_merge_is_what_kops_would_keep(shelf: Shelf, kops: Kops) -> None:
    shelf.load_store(COMPLEX)
    part, group, _ = manifests(
        COMPLEX, shelf.url, SPELLINGS, [GROUP | {"spec": GROUP["spec"] | GROUP_SPELLINGS}, GROUP]
    )
    del part["spec"]["configBase"]
    before = documents(kops)
    apply(shelf, [part, group])
    after = documents(kops)
    assert after[COMPLEX]["spec"]["networking"] == before[COMPLEX]["spec"]["networking"]
    assert after[COMPLEX]["spec"]["kubeControllerManager"]["nodeMonitorGracePeriod"] == "1m0s"
    assert after["batch"]["spec"]["taints"] == ["a=b:NoSchedule"]
    written = shelf.files()
    rewrite(kops)
    assert shelf.files() == written


def test_what_kops_shows_changes_nothing(shelf: Shelf, kops: Kops) -> None:
    shelf.load_store(COMPLEX)
    before = shelf.files()
    for output in ("yaml", "json"):
        path = shelf.home / f"shown.{output}"
        path.write_text(kops.run("get", "all", "--name", COMPLEX, "-o", output).stdout)
        for more in ((), ("--replace",)):
            done = shelf.run("apply", "-f", path, *more)
            assert (done.returncode, done.stderr) == (0, ""), done.stderr
            assert done.stdout == f"In sync with {shelf.url}/{COMPLEX}.\n"
    assert shelf.files() == before


def test_an_ssh_key_lands_where_kops_puts_it(shelf: Shelf, other: Shelf, kops_other: Kops) -> None:
    cluster = manifests(NEW, "", CLUSTER, GROUPS)
    key = {
        "apiVersion": "kops.k8s.io/v1alpha2",
        "kind": "SSHCredential",
        "metadata": {"name": "admin", "labels": {"kops.k8s.io/cluster": NEW}},
        "spec": {"publicKey": LINE},
    }
    for each in (shelf, other):
        cluster[0]["spec"]["configBase"] = f"{each.url}/{NEW}"
        if each is shelf:
            apply(each, [*cluster, key])
        else:
            hand(kops_other, "create", [*cluster, key])
    assert differences(comparable(shelf), comparable(other)) == ""


def _changed(shown: dict[str, Body], url: str) -> list[Body]:
    """Give documents as a person has edited them: fields come, change and go; one stays as it was."""
    shown = deepcopy(shown)
    cluster = shown[COMPLEX]["spec"]
    cluster["configBase"] = f"{url}/{COMPLEX}"
    cluster.pop("cloudLabels", None)
    cluster["kubeControllerManager"] = {"nodeMonitorGracePeriod": "60s"}
    cluster["sshAccess"] = ["10.0.0.0/8"]
    shown[COMPLEX]["metadata"]["labels"] = {"team": "a"}
    group = shown["nodes-us-east-1a"]
    group["spec"] = {**group["spec"], "maxSize": 7, "nodeLabels": {"x": "y"}, "role": "Node"}
    return [*shown.values()]
