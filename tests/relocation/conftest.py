"""The API server with the resource, and the operator's client."""

from tests.kube.owners import client, plane

__all__ = ["client", "plane"]
