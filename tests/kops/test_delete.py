"""`delete` takes away what `kops delete cluster --unregister` takes away, and kops shows the cluster no more."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kops.asking import rows
from tests.support.kops import Kops
from tests.support.shelf import Shelf
from tests.support.world import COMPLEX, MINIMAL

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]
KEY, SECRET = "keys/private/kubernetes-ca/keyset.yaml", "secrets/dockerconfig"
MORE = (
    "addons/bootstrap-channel.yaml",
    "backups/etcd/main/1/etcd.backup.gz",
    "clusteraddons/default",
    "igconfig/node/nodes/nodeupconfig.yaml",
    "kops-version.txt",
    "manifests/etcd/main-a.yaml",
    "pki/issued/kubernetes-ca/keyset.yaml",
)


def load(shelf: Shelf) -> None:
    """Put two clusters there; the one to go has a bit of everything, and its keys and secrets elsewhere."""
    shelf.load_store(COMPLEX)
    shelf.load_store(MINIMAL)
    for key in MORE:
        shelf.put(f"{COMPLEX}/{key}", b"x")
    shelf.put(KEY, shelf.read(f"{COMPLEX}/pki/private/kubernetes-ca/keyset.yaml"))
    shelf.put(SECRET, shelf.read(f"{COMPLEX}/secrets/dockerconfig"))
    places = f"  keyStore: {shelf.url}/keys\n  secretStore: {shelf.url}/secrets\n"
    config = shelf.read(f"{COMPLEX}/config").decode().replace("\nspec:\n", f"\nspec:\n{places}")
    shelf.put(f"{COMPLEX}/config", config.encode())
    shelf.put(f"{COMPLEX}/cluster-completed.spec", config.encode())


def test_a_cluster_goes_as_kops_lets_it_go(kops: Kops, tmp_path: Path) -> None:
    """But stores outside, which kops empties whatever is in them, and backups only where that is asked for."""
    shelf = Shelf(kops.s3, kops.bucket, tmp_path)
    elsewhere = replace(shelf, bucket=kops.s3.create_bucket(f"{kops.bucket}-too"))
    for each in (shelf, elsewhere):
        load(each)
    words = ("delete", "cluster", COMPLEX, "--cloud-resources-gone", "--yes")

    replace(kops, bucket=elsewhere.bucket).run("delete", "cluster", COMPLEX, "--unregister", "--yes")
    done = shelf.run(*words)
    assert done.returncode == 0, done.stderr
    kept = {KEY, SECRET, f"{COMPLEX}/{MORE[1]}"}
    assert shelf.files().keys() == elsewhere.files().keys() | kept
    assert [row[0] for row in rows(kops, "clusters")] == [MINIMAL]

    load(shelf)
    assert shelf.run(*words, "--external-stores", "--backups").returncode == 0
    assert shelf.files().keys() == elsewhere.files().keys()
