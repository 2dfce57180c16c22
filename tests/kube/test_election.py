"""The election at the real API server, and that no request that writes leaves behind a closed fence."""

import asyncio
from pathlib import Path

import pytest

from clusterstate.errors import LeadershipLost
from clusterstate.fence import Fence, fenced
from clusterstate.kube.client import Client, connect
from clusterstate.kube.election import Elector
from clusterstate.kube.kinds import CONFIG_MAPS, LEASES
from clusterstate.sandbox.audit import WRITES
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.settings import Election
from tests.kube.proxies import TcpProxy, write_kubeconfig

pytestmark = pytest.mark.apiserver

TIMES = Election(wanted=True, duration=4, deadline=3, retry=1)


async def test_a_leader_without_api_server_ends_before_another_leads(
    control_plane: ControlPlane, client: Client, proxy: TcpProxy, namespace: str, tmp_path: Path
) -> None:
    url, user = f"https://127.0.0.1:{proxy.port}", {"token": control_plane.admin_token}
    far = write_kubeconfig(tmp_path / "far.kubeconfig", url, user=user, ca_file=control_plane.ca_file)
    async with await connect(far) as far_client:
        leader, other = Elector(far_client, TIMES, namespace), Elector(client, TIMES, namespace)
        await leader.lead()
        keeping, standing = asyncio.create_task(leader.keep()), asyncio.create_task(other.lead())
        while (await client.get(LEASES, namespace, TIMES.name))["spec"]["leaseTransitions"] == 0 and not keeping.done():
            proxy.freeze()  # connections that hang are worse than refused ones
            await proxy.refuse()
            await asyncio.sleep(0.1)
        assert not standing.done()
        with pytest.raises(LeadershipLost):
            await keeping
        await standing
    assert leader.fence.seconds <= 0 < other.fence.seconds
    assert (await client.get(LEASES, namespace, TIMES.name))["spec"]["leaseTransitions"] == 1
    await other.release()
    assert "holderIdentity" not in (await client.get(LEASES, namespace, TIMES.name))["spec"]


async def test_nothing_is_written_behind_a_closed_fence(
    control_plane: ControlPlane, client: Client, namespace: str
) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there", "namespace": namespace}}
    there = await client.create(CONFIG_MAPS, body)
    mark = control_plane.audit_mark()
    closed = Fence()
    with fenced(closed):
        for write in (
            client.create(CONFIG_MAPS, {**body, "metadata": {**body["metadata"], "name": "new"}}),
            client.replace(CONFIG_MAPS, there),
            client.merge_patch(CONFIG_MAPS, namespace, "there", {"data": {"a": "b"}}),
            client.apply(CONFIG_MAPS, body),
            client.delete(CONFIG_MAPS, namespace, "there"),
            client.create_token(namespace, "default", "store"),
        ):
            with pytest.raises(LeadershipLost):
                await write
        assert await client.get(CONFIG_MAPS, namespace, "there") == there
        assert [each["metadata"]["name"] async for each in client.list(CONFIG_MAPS, namespace)][-1] == "there"
    calls = control_plane.calls(mark, user="admin", verbs=WRITES)
    assert [each for each in calls if each.namespace == namespace] == []
    await client.delete(CONFIG_MAPS, namespace, "there")
