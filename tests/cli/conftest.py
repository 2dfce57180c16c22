"""The API server with the resource, for commands about objects in it."""

from tests.apiserver.conftest import plane, world
from tests.kube.owners import client

__all__ = ["client", "plane", "world"]
