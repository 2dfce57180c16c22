"""Our finalizer on a ClusterState: on and off, whatever finalizers others keep there."""

from collections.abc import Iterable

from clusterstate.api.annotations import FINALIZER
from clusterstate.api.types import Metadata
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, JsonObject


def is_held(metadata: Metadata) -> bool:
    """Whether the object waits for us when it is deleted."""
    return FINALIZER in metadata.finalizers


async def hold(client: Client, metadata: Metadata) -> JsonObject:
    """Put the finalizer on; give the object as it is then.

    Raises `ObjectChanged` when the object isn't as it was read any more, or is being deleted.
    """
    return await _write(client, metadata, (*metadata.finalizers, FINALIZER))


async def release(client: Client, metadata: Metadata) -> JsonObject:
    """Take the finalizer off; give the object as it is then. Raises `ObjectChanged` as `hold` does."""
    return await _write(client, metadata, (each for each in metadata.finalizers if each != FINALIZER))


async def _write(client: Client, metadata: Metadata, finalizers: Iterable[str]) -> JsonObject:
    conditions = {"uid": metadata.uid, "resourceVersion": metadata.resource_version}
    patch = {"metadata": {**conditions, "finalizers": list(finalizers)}}
    return await client.merge_patch(CLUSTER_STATES, metadata.namespace, metadata.name, patch)
