"""Stores of one cluster whose state is kops's own objects."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from clusterstate.kube.client import connect
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.state.kops_resources.store import open_divided
from clusterstate.store.base import Store
from clusterstate.store.counting import RequestCounts
from clusterstate.store.credentials import NO_CREDENTIALS, Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.support.kopscrds import KopsObjects, install_kops_crds


@pytest.fixture(scope="session")
def plane(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with kops's objects known to it."""
    install_kops_crds(control_plane)
    return control_plane


@pytest.fixture
def cluster(namespace: str) -> str:
    """A cluster whose namespace is the test's own."""
    return namespace


@pytest.fixture
def objects(plane: ControlPlane, namespace: str) -> KopsObjects:
    return KopsObjects(plane, namespace)


@pytest.fixture
def trust(plane: ControlPlane) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=plane.ca_file)


@asynccontextmanager
async def divided(
    plane: ControlPlane,
    namespace: str,
    cluster: str,
    credentials: Credentials = NO_CREDENTIALS,
    options: StoreOptions | None = None,
) -> AsyncIterator[Store]:
    policy = EndpointPolicy(allowed=("127.0.0.1",), namespaces=(namespace,))
    location = Location.parse(f"k8s:///{namespace}/{cluster}")
    async with await connect(plane.kubeconfig) as kube:
        opening = Opening(location, options or StoreOptions(), credentials, policy, kube)
        files = await open_store(opening)
        store = await open_divided(opening, files, RequestCounts())
        try:
            yield store
        finally:
            await store.close()
            await files.close()


@pytest.fixture
async def store(plane: ControlPlane, namespace: str, cluster: str) -> AsyncIterator[Store]:
    async with divided(plane, namespace, cluster) as store:
        yield store


@pytest.fixture
async def rival(plane: ControlPlane, namespace: str, cluster: str) -> AsyncIterator[Store]:
    async with divided(plane, namespace, cluster) as store:
        yield store
