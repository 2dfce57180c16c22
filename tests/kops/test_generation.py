"""`metadata.generation` rises when it does with kops: the same changes give the same bytes, step by step."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.kops.asking import comparable, differences, documents, hand
from tests.support.kops import Kops
from tests.support.operating import Body
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]

NODES, OTHERS = "nodes-us-east-1a", "nodes-us-east-1b"


def steps() -> Iterator[tuple[str, Body]]:
    """Give what is declared and handed to kops, step after step, each over the one before."""
    yield "the version", {"cluster": {"kubernetesVersion": "v1.32.10"}}
    yield "a group only", {NODES: {"maxSize": 9}}
    yield (
        "two fields and two groups",
        {
            "cluster": {"channel": "alpha", "cloudLabels": {"a": "b"}},
            NODES: {"nodeLabels": {"a": "b"}},
            OTHERS: {"minSize": 1},
        },
    )
    yield "a spelling", {"cluster": {"kubeControllerManager": {"nodeMonitorGracePeriod": "90s"}}}
    yield "another spelling of the same", {"cluster": {"kubeControllerManager": {"nodeMonitorGracePeriod": "1m30s"}}}
    yield "nothing at all", {}
    yield "back to what it was", {"cluster": {"channel": "stable"}}
    yield "only a label", {"labels": {"example.com/team": "web"}}


def test_it_rises_exactly_when_it_does_with_kops(world: World, elsewhere: World, kops_elsewhere: Kops) -> None:
    world.load_store()
    elsewhere.load_store()
    spec: dict[str, Any] = {"cluster": {}, NODES: {}, OTHERS: {}, "labels": {}}
    world.apply(manifest(url=world.url))
    with world.running():
        for name, changes in steps():
            spec = {key: value | changes.get(key, {}) for key, value in spec.items()}
            groups = [
                {"name": NODES, "spec": spec[NODES], "labels": spec["labels"]},
                {"name": OTHERS, "spec": spec[OTHERS]},
            ]
            world.apply(manifest(url=world.url, cluster=spec["cluster"], instanceGroups=groups))
            world.settled()
            replace_parts(kops_elsewhere, spec)
            assert differences(comparable(world), comparable(elsewhere)) == "", name


def replace_parts(kops: Kops, spec: Body) -> None:
    shown = documents(kops)
    for key, name in (("cluster", COMPLEX), (NODES, NODES), (OTHERS, OTHERS)):
        shown[name]["spec"] |= spec[key]
    shown[NODES]["metadata"]["labels"] |= spec["labels"]
    hand(kops, "replace", shown.values())
