"""The real kops at a state's new place finds what it had at the old one."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.support.kops import Kops
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.kops, pytest.mark.apiserver, pytest.mark.objectstore]


def told(kops: Kops) -> list[Any]:
    """Give all objects that `kops get` shows, without what a move changes."""
    documents = list(yaml.safe_load_all(kops.run("get", "--name", COMPLEX, "-o", "yaml").stdout))
    assert documents[0]["spec"].pop("configBase") == f"{kops.store}/{COMPLEX}"
    documents[0]["metadata"].pop("generation", None)
    return documents


def keys(kops: Kops) -> list[Any]:
    pairs = yaml.safe_load(kops.run("get", "keypairs", "--name", COMPLEX, "-o", "yaml").stdout)
    return sorted(pairs, key=str)


def test_kops_reads_a_moved_state(world: World, kops: Kops, s3_server: Any) -> None:
    world.load_store()
    world.apply(manifest(url=world.url))
    target = s3_server.create_bucket(f"{world.bucket}-new")
    there = replace(kops, bucket=target)
    with world.running():
        world.settled()
        before, pairs = told(replace(kops, bucket=world.bucket)), keys(replace(kops, bucket=world.bucket))
        world.apply(manifest(url=f"s3://{target}"))
        world.until(lambda: world.state()["status"].get("migration", {}).get("phase") == "Switched")
        world.settled()
    assert told(there) == before
    assert keys(there) == pairs
