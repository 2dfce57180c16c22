"""What one cluster has: shown as kops get shows it, and more; never a secret, and broken files apart."""

import json

import pytest
import yaml

from tests.cli.look.conftest import Viewer
from tests.support.world import COMPLEX, MINIMAL

pytestmark = pytest.mark.objectstore
SSH_ID = "26:c3:5a:2e:82:77:4d:91:6c:f2:38:dc:72:8e:74:13"
UPDATED = "updated.example.com"
ADDONS = b"""# of our own
apiVersion: addons.example.com/v1
kind: Watcher
metadata: {name: watcher}
spec: {version: 1.2.3}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
"""


def test_groups_that_are_broken_hide_no_other(store: Viewer) -> None:
    store.put(f"{MINIMAL}/instancegroup/broken", b"]")
    mark = store.server.mark()
    shown = store.run("get", "ig", "--name", MINIMAL)
    assert shown.code == 1
    read = store.read_since(mark)
    assert (len(read), read.count(f"{MINIMAL}/config")) == (4, 1), "each file once"
    assert shown.rows == [
        ["control-plane-us-east-1a", "ControlPlane", "m3.medium", "1", "1", "us-east-1a"],
        ["nodes-us-east-1a", "Node", "t2.medium", "1", "1", "us-east-1a"],
    ]
    assert shown.said[0].startswith("clusterstate: instancegroup/broken is not YAML")
    one = store.run("get", "instancegroup", "nodes-us-east-1a", "--name", MINIMAL, "-o", "json")
    assert (one.code, json.loads(one.out)["spec"]["role"]) == (0, "Node")
    missing = store.run("get", "ig", "nope", "--name", MINIMAL)
    assert missing.code == 1
    assert missing.said[0].startswith(f"clusterstate: Cluster {MINIMAL} has no instance group nope. There are: broken,")


def test_key_pairs_are_shown_without_keys_and_distrusted_ones_on_request(store: Viewer) -> None:
    usual = store.run("get", "keypairs", "kubernetes-ca", "--name", COMPLEX)
    assert [(row[0], row[-2:]) for row in usual.rows] == [("kubernetes-ca", ["*", "*"])]
    wide = store.run("get", "keypair", "kubernetes-ca", "--distrusted", "--name", COMPLEX, "-o", "wide")
    assert wide.lines[0].split()[-4:] == ["PRIMARY", "HASPRIVATE", "DAYSLEFT", "SUBJECT"]
    assert [int(row[-2]) > 0 for row in wide.rows] == [True, True]
    listed = store.run("get", "keypairs", "--distrusted", "--name", COMPLEX, "-o", "yaml")
    assert len(yaml.safe_load(listed.out)) == 5
    assert "PRIVATE KEY" not in listed.out + wide.out
    names = store.run("get", "keypairs", "--distrusted", "--name", COMPLEX, "-o", "name").lines
    assert names == ["apiserver-aggregator-ca", "etcd-manager-ca-main", "kubernetes-ca", "service-account"]
    missing = store.run("get", "keypairs", "kubernetes-ca", "nope", "--name", COMPLEX)
    assert (missing.code, missing.out) == (1, "")


def test_a_keyset_that_kops_could_not_use_is_shown_and_named(store: Viewer) -> None:
    keyset = yaml.safe_load(store.read(f"{MINIMAL}/pki/private/kubernetes-ca/keyset.yaml"))
    keyset["spec"]["keys"][0]["distrustTimestamp"] = "2026-01-01T00:00:00Z"
    store.put(f"{MINIMAL}/pki/private/kubernetes-ca/keyset.yaml", yaml.safe_dump(keyset).encode())
    shown = store.run("get", "keypairs", "--distrusted", "--name", MINIMAL)
    assert [row[0] for row in shown.rows] == ["kubernetes-ca", "service-account"]
    assert shown.code == 1
    assert "pki/private/kubernetes-ca/keyset.yaml has no usable primary" in shown.said[0]


def test_secrets_are_told_by_name_alone(store: Viewer) -> None:
    canary = b"canary-in-the-coal-mine"
    store.put(f"{COMPLEX}/secrets/bird", b'{"Data":"Y2FuYXJ5LWluLXRoZS1jb2FsLW1pbmU="}')
    for output in ("table", "wide", "yaml", "json", "name"):
        shown = store.run("get", "secrets", "--name", COMPLEX, "-o", output)
        assert all(name in shown.out for name in ("bird", "dockerconfig", "encryptionconfig"))
        assert canary.decode() not in shown.out
        assert "Y2FuYXJ5" not in shown.out


def test_ssh_keys_have_the_id_that_kops_shows(store: Viewer) -> None:
    assert store.run("get", "ssh", COMPLEX).rows == [[SSH_ID]]
    wide = store.run("get", "sshpublickeys", "--name", COMPLEX, "-o", "wide")
    assert wide.rows == [[SSH_ID, "ssh-rsa", "test@example.com"]]


def test_addons_are_those_of_the_cluster_and_those_that_kops_manages(viewer: Viewer) -> None:
    viewer.load(MINIMAL, as_name=UPDATED, source="kops-store-updated")
    viewer.put(f"{UPDATED}/clusteraddons/default", ADDONS)
    shown = viewer.run("get", "addons", "--name", UPDATED, "-o", "wide")
    assert shown.lines[0].split() == ["NAME", "KIND", "VERSION", "FROM", "MANIFEST"]
    assert ["watcher", "Watcher", "1.2.3", "clusteraddons/default"] in shown.rows
    assert ["settings", "ConfigMap", "clusteraddons/default"] in shown.rows
    assert [row[:4] for row in shown.rows if row[0] == "coredns.addons.k8s.io"] == [
        ["coredns.addons.k8s.io", "Addon", "9.99.0", "addons/bootstrap-channel.yaml"]
    ]


def test_a_cluster_without_config_is_none_to_kops(store: Viewer) -> None:
    store.put("half.example.com/instancegroup/nodes", b"kind: InstanceGroup\napiVersion: kops.k8s.io/v1alpha2\n")
    for what in ("ig", "secrets"):
        shown = store.run("get", what, "--name", "half.example.com")
        assert (shown.code, shown.out) == (1, "")
        assert shown.said[0].startswith("clusterstate: There is no cluster half.example.com in ")
    assert store.run("get", "files", "--name", "half.example.com", "-o", "name").lines == ["instancegroup/nodes"]
