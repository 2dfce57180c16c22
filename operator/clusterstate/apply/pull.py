"""Brings into the spec what the store holds: one server-side apply, never by force."""

from collections.abc import Mapping
from typing import Any

from clusterstate.api.annotations import PULL_MANAGER
from clusterstate.api.types import API_VERSION, KIND, Metadata
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.plan.pull import Pull


async def write_spec(client: Client, metadata: Metadata, pull: Pull) -> Mapping[str, Any]:
    """Apply what Pull may write, and give the object as it is then.

    Raises `ObjectChanged` when the object isn't the one that was read any more, or is being deleted: the next run sees
    to it. Without uid and resourceVersion an apply would create an object that went meanwhile.
    """
    body = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
        },
        "spec": pull.content,
    }
    return await client.apply(CLUSTER_STATES, body, manager=PULL_MANAGER)
