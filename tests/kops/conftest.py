"""A world for the judge: the operator under test and the real kops have the same bucket as their store."""

from dataclasses import replace

import pytest

from tests.apiserver.conftest import plane, world
from tests.support.kops import Kops
from tests.support.world import World

__all__ = ["plane", "world"]


@pytest.fixture
def elsewhere(world: World) -> World:
    """Another bucket, which the operator knows nothing of."""
    return replace(world, bucket=world.server.create_bucket(f"{world.bucket}-too"))


@pytest.fixture
def kops_elsewhere(kops: Kops, elsewhere: World) -> Kops:
    """The real kops, with its state store in that other bucket."""
    return replace(kops, bucket=elsewhere.bucket)
