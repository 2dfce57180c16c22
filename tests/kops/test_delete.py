"""`delete` takes away what `kops delete cluster --unregister` takes away, and kops shows the cluster no more."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.kops.asking import rows
from tests.kops.wholecluster import BACKUP, KEY, SECRET, load
from tests.support.kops import Kops
from tests.support.shelf import Shelf
from tests.support.world import COMPLEX, MINIMAL

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]


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
    kept = {KEY, SECRET, f"{COMPLEX}/{BACKUP}"}
    assert shelf.files().keys() == elsewhere.files().keys() | kept
    assert [row[0] for row in rows(kops, "clusters")] == [MINIMAL]

    load(shelf)
    assert shelf.run(*words, "--external-stores", "--backups").returncode == 0
    assert shelf.files().keys() == elsewhere.files().keys()
