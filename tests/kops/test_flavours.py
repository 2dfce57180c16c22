"""S3's flavours are to kops what they are to us; linode:// is from kops 1.36 on."""

from dataclasses import replace

import pytest

from tests.kops.asking import edit, rows
from tests.support.kops import Kops
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]


@pytest.mark.parametrize("scheme", ["do", "hos", "scw"])
def test_kops_reads_and_changes_what_we_keep(world: World, kops: Kops, scheme: str) -> None:
    """What it changes is theirs to keep where nobody declares it, and drift where somebody does."""
    theirs = replace(kops, scheme=scheme)
    world.load_store(scheme=scheme)
    nodes = {"name": "nodes-us-east-1a", "spec": {"maxSize": 8}}
    world.apply(manifest(url=theirs.store, cluster={"kubernetesVersion": "v1.32.10"}, instanceGroups=[nodes]))
    with world.running():
        world.settled()
        assert [row[:2] for row in rows(theirs, "clusters")] == [[COMPLEX, "aws"]]
        assert ["nodes-us-east-1a", "Node", "t2.medium", "4", "8", "us-east-1a"] in rows(theirs, "ig")
        edit(theirs, {"nodes-us-east-1a": lambda spec: spec.update(maxSize=9, minSize=2)})
        world.kubectl("annotate", "cst/state", "clusterstate.dev/reconcile-requested-at=now")
        world.until(lambda: world.state()["status"].get("lastHandledReconcileAt") == "now")
    assert ["nodes-us-east-1a", "Node", "t2.medium", "2", "8", "us-east-1a"] in rows(theirs, "ig")
