"""The operator is killed with -9 at random moments; files stay whole, and the next run completes the work."""

import random
import time

import pytest
import yaml

from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

LONGEST_LIFE = 3.0
"""Seconds; the operator begins to write after about one."""
GROUPS = 6


def declaration(world: World, number: int) -> dict[str, object]:
    """Give a declaration that changes every file, and drops a field that the one before had declared."""
    labels = {f"round-{number}": "yes"}
    groups = [
        {"name": f"batch-{group}", "spec": {"role": "Node", "maxSize": number + 1, "cloudLabels": labels}}
        for group in range(GROUPS)
    ]
    return manifest(
        url=world.url,
        cluster={"kubernetesVersion": f"v1.32.{number}", "cloudLabels": labels},
        instanceGroups=groups,
        mirror={"keysets": [{"include": ["*"]}]},
    )


def kill_at_random(world: World, rounds: int) -> None:
    world.load_store()
    before = world.files()
    chance = random.Random(20261123)
    pushed = 0
    for number in range(rounds):
        world.apply(declaration(world, number))
        world.start_operator()
        time.sleep(chance.uniform(0.5, LONGEST_LIFE))
        world.kill_operator()
        pushed += f"v1.32.{number}\n".encode() in world.read(f"{COMPLEX}/config")
        for key, data in world.files().items():
            assert data.endswith(b"\n") or key.startswith((f"{COMPLEX}/secrets", f"{COMPLEX}/pki/ssh")), key
            if "/config" in key or "/instancegroup/" in key:
                assert yaml.safe_load(data)["kind"] in {"Cluster", "InstanceGroup"}
    assert 0 < pushed < rounds, "kills came before every write or after all of them"
    last = rounds - 1
    with world.running():
        world.settled()
    after = world.files()
    config = yaml.safe_load(after[f"{COMPLEX}/config"])
    assert config["spec"]["kubernetesVersion"] == f"v1.32.{last}"
    assert config["spec"]["cloudLabels"] == {f"round-{last}": "yes"}
    for group in range(GROUPS):
        spec = yaml.safe_load(after[f"{COMPLEX}/instancegroup/batch-{group}"])["spec"]
        assert (spec["maxSize"], spec["cloudLabels"]) == (last + 1, {f"round-{last}": "yes"})
    untouched = {key for key in before if key != f"{COMPLEX}/config"}
    assert {key: after[key] for key in untouched} == {key: before[key] for key in untouched}


def test_killed_at_random_moments(world: World) -> None:
    kill_at_random(world, rounds=8)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_killed_fifty_times(world: World) -> None:
    kill_at_random(world, rounds=50)
