"""The four steps of kops's page, "Moving state between S3 buckets", as one command: the real kops goes on there."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kops.asking import documents, edit, rows
from tests.support.backings import DATA
from tests.support.backings.s3 import S3Backing
from tests.support.cli import clusterstate
from tests.support.kops import Kops
from tests.support.world import COMPLEX

pytestmark = [pytest.mark.kops, pytest.mark.objectstore]


def new_store(kops: Kops, name: str) -> tuple[Kops, S3Backing]:
    """Give another bucket, and kops with its state store there."""
    bucket = kops.s3.create_bucket(f"{kops.bucket}-{name}")
    return replace(kops, bucket=bucket), S3Backing(kops.s3, bucket, "s3", "")


@pytest.fixture
def old(kops: Kops) -> S3Backing:
    store = S3Backing(kops.s3, kops.bucket, "s3", "")
    root = DATA / COMPLEX
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        store.put(
            f"{COMPLEX}/{path.relative_to(root)}", re.sub(rb"s3://state/", f"{store.url}/".encode(), path.read_bytes())
        )
    return store


def comparable(store: S3Backing) -> dict[str, str]:
    return {key: data.decode().replace(f"{store.url}/", "s3://B/") for key, data in store.files().items()}


def test_one_command_does_what_the_page_does_by_hand(kops: Kops, old: S3Backing, tmp_path: Path) -> None:
    kops_by_hand, by_hand = new_store(kops, "hand")
    for key, data in old.files().items():
        by_hand.put(key, data)

    def follow(spec: dict[str, Any]) -> None:
        spec["configBase"] = f"{by_hand.url}/{COMPLEX}"

    edit(kops_by_hand, {COMPLEX: follow})

    kops_moved, moved = new_store(kops, "moved")
    (tmp_path / ".kops.yaml").write_text(f"kops_state_store: {old.url}\n")
    done = clusterstate("migrate", COMPLEX, "--to", moved.url, "--yes", "--switch", home=tmp_path, **kops.s3.variables)
    assert done.returncode == 0, done.stderr
    assert comparable(moved) == comparable(by_hand)
    assert rows(kops_moved, "clusters") == rows(kops, "clusters")
    assert documents(kops_moved)[COMPLEX]["spec"]["configBase"] == f"{moved.url}/{COMPLEX}"
    for what in ("instancegroups", "keypairs", "secrets", "sshpublickeys"):
        assert rows(kops_moved, what) == rows(kops, what)
    configured = replace(kops_moved, more={"KOPS_STATE_STORE": "", "HOME": str(tmp_path)})
    assert yaml.safe_load(configured.run("get", "cluster", COMPLEX, "-o", "yaml").stdout)["spec"][
        "configBase"
    ].startswith(moved.url)
