"""A client of the shared control plane, and the way to reach it through a proxy."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clusterstate.kube.client import Client, connect
from clusterstate.sandbox.controlplane import ControlPlane
from tests.kube.proxies import TcpProxy, write_kubeconfig


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(control_plane.kubeconfig) as client:
        yield client


@pytest.fixture
async def proxy(control_plane: ControlPlane) -> AsyncIterator[TcpProxy]:
    async with TcpProxy.before(control_plane.url) as proxy:
        yield proxy


@pytest.fixture
async def far_client(control_plane: ControlPlane, proxy: TcpProxy, tmp_path: Path) -> AsyncIterator[Client]:
    """The administrator's client, whose connections go through `proxy`."""
    kubeconfig = write_kubeconfig(
        tmp_path / "far.kubeconfig",
        f"https://127.0.0.1:{proxy.port}",
        user={"token": control_plane.admin_token},
        ca_file=control_plane.ca_file,
    )
    async with await connect(kubeconfig, patience=5) as client:
        yield client
