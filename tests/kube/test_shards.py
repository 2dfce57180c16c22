"""The label of a shard on the real API server: it comes and goes, and nobody else's labels are ours."""

import pytest

from clusterstate.api.annotations import SHARD_LABEL, SHARD_MANAGER
from clusterstate.api.types import API_VERSION, KIND
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.kube.shards import write_label
from clusterstate.sandbox.controlplane import ControlPlane
from tests.kube.owners import create, plane

__all__ = ["plane"]

pytestmark = pytest.mark.apiserver


async def test_a_label_that_was_taken_away_keeps_nobody_from_labels(
    plane: ControlPlane, client: Client, namespace: str
) -> None:
    """The owner of an empty map of labels would have others refused who apply the first one."""
    del plane
    labelled = await write_label(client, await create(client, namespace), "1")
    assert labelled["metadata"]["labels"] == {SHARD_LABEL: "1"}
    bare = await write_label(client, labelled, "")
    assert not bare["metadata"].get("labels")
    assert SHARD_MANAGER not in {each["manager"] for each in bare["metadata"]["managedFields"]}
    metadata = {"name": "prod", "namespace": namespace, "labels": {"team": "a"}}
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata}
    applied = await client.apply(CLUSTER_STATES, body, manager="kubectl")
    assert applied["metadata"]["labels"] == {"team": "a"}
