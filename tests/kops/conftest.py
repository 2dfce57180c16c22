"""A world for the judge: the operator under test and the real kops have the same bucket as their store."""

from tests.apiserver.conftest import plane, world

__all__ = ["plane", "world"]
