"""What an object says of its shard: written as the object was last seen, so that of two who want it one gets it."""

from collections.abc import Mapping
from typing import Any

from clusterstate.api.annotations import SHARD_LABEL, SHARD_MANAGER
from clusterstate.api.types import API_VERSION, KIND
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, JsonObject


async def write_shard(client: Client, body: Mapping[str, Any], lease: str) -> JsonObject:
    """Name the Lease whose holder works on an object, empty for none; give the object as it is then.

    Raises `ObjectChanged` when it isn't as it was read any more.
    """
    metadata = body["metadata"]
    patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": {"shard": lease or None}}
    place = (metadata["namespace"], metadata["name"])
    return await client.merge_patch(CLUSTER_STATES, *place, patch, subresource="status")


async def write_label(client: Client, body: Mapping[str, Any], value: str) -> JsonObject:
    """Write our label, empty to take it away, and never one that somebody else has given; give the object then.

    Raises `ObjectChanged` as `write_shard` does, `KubeRefused` where somebody else has come first.
    """
    metadata = {name: body["metadata"][name] for name in ("namespace", "name", "uid", "resourceVersion")}
    labels = {SHARD_LABEL: value} if value else {}
    wanted = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {**metadata, "labels": labels}}
    return await client.apply(CLUSTER_STATES, wanted, manager=SHARD_MANAGER)
