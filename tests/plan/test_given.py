"""An object that somebody hands in is read as kops reads it, or refused by its place and name."""

from typing import Any

import pytest

from clusterstate.errors import SpecInvalid
from clusterstate.plan.given import gather, read_object

LABELS = {"kops.k8s.io/cluster": "a.example.com"}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8Y0Wc3Zb0vVfP1rQ1K7x3n5m2p4q6r8s0t2u4v6w8y somebody"


def body(kind: str, name: str = "a.example.com", **more: Any) -> dict[str, Any]:
    return {"apiVersion": "kops.k8s.io/v1alpha2", "kind": kind, "metadata": {"name": name}, "spec": {}, **more}


def group(name: str, **more: Any) -> dict[str, Any]:
    return body("InstanceGroup", metadata={"name": name, "labels": LABELS}, **more)


def key(line: str = KEY) -> dict[str, Any]:
    return body("SSHCredential", metadata={"name": "admin", "labels": LABELS}, spec={"publicKey": line})


def test_objects_come_together_by_cluster() -> None:
    other = body("Cluster", "b.example.com", apiVersion="kops/v1alpha2")
    bodies = [group("n"), body("Cluster"), other, key()]
    one, two = gather(read_object("f", each) for each in bodies)
    assert (one.cluster_name, two.cluster_name) == ("a.example.com", "b.example.com")
    assert [each.document.name for each in one.documents] == ["a.example.com", "n"]
    assert list(one.ssh_keys.values()) == [KEY.encode()]
    assert [each.document.api_version for each in two.documents] == ["kops.k8s.io/v1alpha2"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "kind none of apiVersion none"),
        ({"apiVersion": "v1", "kind": "Secret"}, "kind Secret of apiVersion v1"),
        (body("Cluster", apiVersion="kops.k8s.io/v1alpha3"), "of apiVersion kops.k8s.io/v1alpha3"),
        (body("Keyset"), "kind Keyset"),
        (body("InstanceGroup", "n"), "InstanceGroup n lacks the label kops.k8s.io/cluster"),
        (body("InstanceGroup", metadata={"name": "n", "labels": {"kops.k8s.io/cluster": "../x"}}), "lacks the label"),
        (body("SSHCredential", spec={"publicKey": KEY}), "SSHCredential lacks the label"),
        (key(""), "no spec.publicKey"),
        (key("rubbish"), "holds no SSH public key"),
        (body("Cluster", "../../etc"), "no metadata.name"),
        (body("Cluster", metadata=None), "no metadata.name"),
        (body("Cluster", metadata=[]), "metadata isn't a map"),
        (body("Cluster", spec="x"), "spec isn't a map"),
        (body("Cluster", metadata={"name": "a", "labels": {"a": 1}}), "/metadata/labels: a isn't text"),
        (body("Cluster", sepc={}), "has no field sepc"),
    ],
)
def test_what_is_no_object_of_kops_is_refused_by_name(content: Any, told: str) -> None:
    with pytest.raises(SpecInvalid) as caught:
        read_object("file.yaml, document 2", content)
    assert caught.value.message.startswith("file.yaml, document 2: ")
    assert told in caught.value.message


@pytest.mark.parametrize("twice", [body("Cluster"), group("n"), key()], ids=["cluster", "group", "key"])
def test_an_object_is_handed_in_once(twice: Any) -> None:
    with pytest.raises(SpecInvalid, match=r"second is about the same .* as first"):
        gather([read_object("first", twice), read_object("second", twice)])
