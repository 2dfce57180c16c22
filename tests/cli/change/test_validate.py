"""Manifests are judged without any store, each problem by its file, its document and its field."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.cli.change.validating import judge
from clusterstate.cli.manifests import Manifest
from tests.kops.samples import CLUSTER, GROUPS, NEW, manifests
from tests.support.cli import clusterstate
from tests.support.world import manifest

LABELS = {"kops.k8s.io/cluster": NEW}


def objects(*bodies: Any) -> list[Manifest]:
    return [Manifest(f"document {number}", body) for number, body in enumerate(bodies, 1)]


def problems(*bodies: Any) -> list[tuple[str, str]]:
    return [(each.manifest.place, problem) for each in judge(objects(*bodies)) for problem in each.problems]


def group(**spec: Any) -> dict[str, Any]:
    head = {"apiVersion": "kops.k8s.io/v1alpha2", "kind": "InstanceGroup"}
    return {**head, "metadata": {"name": "nodes", "labels": LABELS}, "spec": spec}


def test_what_is_sound_has_no_problem() -> None:
    assert problems(*manifests(NEW, "s3://state", CLUSTER, GROUPS), manifest(url="s3://state", cluster=CLUSTER)) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (group(minSize="1"), "/spec/minSize: is text, where kops reads a whole number"),
        (group(minsize=1), "/spec/minsize: kops knows no such field"),
        (group(minSize=2, maxSize=1), "/spec/maxSize is 1, less than minSize"),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "kind ConfigMap of apiVersion v1 is none of kops's"),
        (manifest(url="ftp://state"), "spec.store.url"),
        (manifest(url="s3://state", clustername=NEW), "unknown field `clustername`"),
        (manifest(url="s3://state") | {"sepc": {}}, "has no field sepc"),
        (manifest(url="s3://state", cluster={"channel": 1}), "/spec/channel: is a number"),
        (manifest(url="s3://state") | {"spec": None}, "spec"),
        (manifest(url="s3://state") | {"metadata": []}, "required field `name`"),
    ],
)
def test_each_problem_is_told_at_its_place(body: dict[str, Any], told: str) -> None:
    sound = manifests(NEW, "s3://state", {"channel": "stable"}, [])
    ((place, problem),) = problems(*sound, body)
    assert place == "document 2"
    assert told in problem
    assert "document" not in problem


def test_all_problems_are_told_and_the_sound_ones_too() -> None:
    cluster, *groups = manifests(NEW, "s3://state", CLUSTER | {"kubernetesVersion": "next", "a": 1}, GROUPS)
    groups[1]["spec"]["subnets"] = ["unknown"]
    assert [place for place, _ in problems(cluster, *groups)] == ["document 1", "document 1", "document 3"]


def test_an_object_that_stands_twice_is_told() -> None:
    ((place, problem),) = problems(group(), group())
    assert (place, problem) == ("document 2", "is about the same InstanceGroup nodes as document 1. Hand it in once.")


def test_a_pipeline_reads_the_verdict(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump_all([group(minSize=-1), group() | {"metadata": {"name": "more", "labels": LABELS}}]))
    told = clusterstate("validate", "-f", "a.yaml", "-o", "json", home=tmp_path, PWD=str(tmp_path))
    assert (told.returncode, told.stdout) == (2, "")
    told = clusterstate("validate", "-f", str(path), "-o", "json", home=tmp_path)
    assert (told.returncode, told.stderr) == (1, "")
    verdict = json.loads(told.stdout)
    assert verdict["valid"] is False
    assert [each["valid"] for each in verdict["objects"]] == [False, True]
    told = clusterstate("validate", "-f", str(path), home=tmp_path)
    line = f"{path}, document 1: /spec/minSize is -1; no group can have less than no machine\n"
    assert (told.returncode, told.stdout) == (1, line)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("name", "namespace", "labels", "annotations", "generation", "store", "clusterName", "cluster", "publicKey")
SPEC = ("subnets", "etcdClusters", "role", "minSize", "maxSize", "kubernetesVersion", "networking", "kubelet", "hooks")
SOME = st.dictionaries(st.sampled_from(FIELDS + SPEC), JSON, max_size=5)


@given(
    st.sampled_from(["Cluster", "InstanceGroup", "SSHCredential", "ClusterState"]),
    st.sampled_from(["kops.k8s.io/v1alpha2", "clusterstate.dev/v1alpha1"]),
    SOME.map(lambda some: some | {"name": "a", "labels": LABELS}) | SOME | JSON,
    SOME | JSON,
)
def test_whatever_stands_in_a_manifest_it_is_judged_in_words(kind: str, version: str, metadata: Any, spec: Any) -> None:
    for problem in problems({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}):
        assert "\n" not in problem[1]
