"""Deleting an object deletes what `kops delete cluster --unregister` deletes, and kops shows the cluster no more."""

import pytest

from tests.kops.asking import rows
from tests.kops.wholecluster import KEY, SECRET, load
from tests.support.kops import Kops
from tests.support.world import COMPLEX, MINIMAL, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]


@pytest.mark.parametrize("external", [True, False])
def test_the_operator_deletes_what_kops_deletes(
    world: World,
    elsewhere: World,
    kops: Kops,
    kops_elsewhere: Kops,
    external: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """But stores outside, which kops empties whatever is in them, only where that is asked for."""
    load(world)
    load(elsewhere)
    unknown = "notes.txt"
    elsewhere.put(f"{COMPLEX}/{unknown}", b"theirs")
    refused = kops_elsewhere.run("delete", "cluster", COMPLEX, "--unregister", "--yes", check=False)
    assert "unknown file" in refused.stdout + refused.stderr
    elsewhere.s3.delete_object(Bucket=elsewhere.bucket, Key=f"{COMPLEX}/{unknown}")
    kops_elsewhere.run("delete", "cluster", COMPLEX, "--unregister", "--yes")
    world.apply(
        manifest(
            url=world.url, sync={"deletionPolicy": "Delete", "keepBackups": False, "deleteExternalStores": external}
        )
    )
    world.kubectl("annotate", "cst/state", "clusterstate.dev/cloud-resources-gone=true")
    with world.running():
        world.settled()
        world.kubectl("delete", "cst/state", "--timeout=60s")
    assert world.files().keys() == elsewhere.files().keys() | (set() if external else {KEY, SECRET})
    assert [row[0] for row in rows(kops, "clusters")] == [MINIMAL]
