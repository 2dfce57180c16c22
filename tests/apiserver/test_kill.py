"""The operator is killed with -9 at random moments; files stay whole, and the next run completes the work."""

import random
import time

import pytest
import yaml

from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

LIVES = (0.3, 1.6)
"""How long an operator lives, in parts of the time that one took until it had written."""
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


def has_pushed(world: World, number: int) -> bool:
    return f"v1.32.{number}\n".encode() in world.read(f"{COMPLEX}/config")


def seconds_to_push(world: World) -> float:
    """Give how long an operator takes on this machine until it has written."""
    world.apply(declaration(world, 0))
    start = time.monotonic()
    world.start_operator()
    while not has_pushed(world, 0):
        assert time.monotonic() < start + 60, world.log_tail()
        time.sleep(0.02)
    world.kill_operator()
    return time.monotonic() - start


def kill_at_random(world: World, rounds: int) -> None:
    world.load_store()
    before = world.files()
    chance = random.Random(20261123)
    needed, pushed = seconds_to_push(world), 0
    for number in range(1, rounds):
        world.apply(declaration(world, number))
        world.start_operator()
        time.sleep(needed * chance.uniform(*LIVES))
        world.kill_operator()
        pushed += has_pushed(world, number)
        for key, data in world.files().items():
            assert data.endswith(b"\n") or key.startswith((f"{COMPLEX}/secrets", f"{COMPLEX}/pki/ssh")), key
            if "/config" in key or "/instancegroup/" in key:
                assert yaml.safe_load(data)["kind"] in {"Cluster", "InstanceGroup"}
    assert 0 < pushed < rounds - 1, "kills came before every write or after all of them"
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


@pytest.mark.timeout(300)
def test_killed_at_random_moments(world: World) -> None:
    kill_at_random(world, rounds=8)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_killed_fifty_times(world: World) -> None:
    kill_at_random(world, rounds=50)
