"""The exams of stores in Kubernetes: the operator's own cluster, and another one by a kubeconfig."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import ClassVar

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.store.backends.kubernetes.clients import Shared
from clusterstate.store.backends.kubernetes.config import ClientInputs, make_config
from clusterstate.store.backends.kubernetes.namespace import Namespace
from clusterstate.store.backends.kubernetes.store import KubernetesStore
from clusterstate.store.base import Store
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.kubernetes.stores import ca_of, expired_token, far, near
from tests.store.conformance import TWO_PAGES, StoreConformance
from tests.store.faults import ExpiryConformance, FaultConformance, Reach, RefusalConformance, WireConformance
from tests.store.opening import LOOPBACK, opened
from tests.support.faultproxy import Fault, FaultProxy

pytestmark = pytest.mark.apiserver
OWN, OTHER = "k8s (Secrets)", "k8s (another cluster)"
CONFLICT = '{"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409, "message": "try again"}'


class TestOwnCluster(StoreConformance):
    row = OWN
    no_markers = "a Secret is a file by a key that can be one; any other is no file of a store"

    @pytest.fixture
    async def store(self, control_plane: ControlPlane, namespace: str) -> AsyncIterator[Store]:
        async with near(control_plane, f"k8s:///{namespace}/a%20team") as store:
            yield store

    @pytest.fixture
    async def rival(self, control_plane: ControlPlane, namespace: str) -> AsyncIterator[Store]:
        async with near(control_plane, f"k8s:///{namespace}/a%20team") as store:
            yield store


class TestAnotherCluster(StoreConformance):
    row = OTHER
    listed = TWO_PAGES
    no_markers = "a Secret is a file by a key that can be one; any other is no file of a store"

    @pytest.fixture
    async def store(self, control_plane: ControlPlane, namespace: str) -> AsyncIterator[Store]:
        async with _beyond(control_plane, namespace) as store:
            yield store

    @pytest.fixture
    async def rival(self, control_plane: ControlPlane, namespace: str) -> AsyncIterator[Store]:
        async with _beyond(control_plane, namespace) as store:
            yield store


def _beyond(plane: ControlPlane, namespace: str) -> AbstractAsyncContextManager[Store]:
    """Open a store by a kubeconfig, without anything before the API server."""
    authority = {"certificate-authority-data": ca_of(plane)}
    return opened(f"k8s:///{namespace}/a%20team", far(plane.url, plane.admin_token, **authority))


class Faced:
    @pytest.fixture
    def proxy(self, control_plane: ControlPlane, trust: ssl.SSLContext) -> Iterator[FaultProxy]:
        with FaultProxy(control_plane.url, trust=trust) as proxy:
            yield proxy


class TestFaults(Faced, FaultConformance):
    """A write and a delete look first for what is there."""

    row = OTHER
    conflict = Fault(method="PUT", status=409, body=CONFLICT)
    requests: ClassVar = {"read": 1, "write": 2, "list": 1, "delete": 2}
    questions = 1
    write_method = "POST"
    checks_uploads = False

    @pytest.fixture
    def opening(self, control_plane: ControlPlane, namespace: str, proxy: FaultProxy) -> Opening:
        credentials = far(proxy.endpoint, control_plane.admin_token)
        return Opening(Location.parse(f"k8s:///{namespace}"), StoreOptions(), credentials, LOOPBACK)

    @pytest.fixture
    async def store(self, opening: Opening) -> AsyncIterator[Store]:
        async with opened(opening.location.url, opening.credentials) as store:
            yield store

    @pytest.fixture
    async def hurried(self, opening: Opening) -> AsyncIterator[Store]:
        config = make_config(opening)
        assert config.inputs is not None
        shared = Shared(ClientInputs(config.inputs.who, replace(config.inputs.wire, read_seconds=0.3)))
        store = KubernetesStore(Namespace(shared.enter(), config.namespace, leave=shared.leave))
        yield store
        await store.close()


class TestRefusals(Faced, RefusalConformance):
    """Where nothing is found, the namespace is asked for; a write looks for the file, fails to create it, and asks."""

    row = OTHER
    permissions: ClassVar = {
        "list": r"Grant list secrets in namespace \S+ to system:serviceaccount:\S+:denied\.",
        "read": r"Grant get secrets in namespace \S+ to system:serviceaccount:\S+:denied\.",
        "write": r"Grant list secrets in namespace \S+ to system:serviceaccount:\S+:denied\.",
    }
    requests: ClassVar = {"stranger": (1, 1, 1), "denied": (1, 1, 1), "nowhere": (2, 2, 3)}

    @pytest.fixture
    async def stranger(self, proxy: FaultProxy, namespace: str, canary: str) -> AsyncIterator[Store]:
        async with opened(f"k8s:///{namespace}", far(proxy.endpoint, canary)) as store:
            yield store

    @pytest.fixture
    async def denied(self, control_plane: ControlPlane, proxy: FaultProxy, namespace: str) -> AsyncIterator[Store]:
        token = control_plane.service_account_token(namespace, "denied")
        async with opened(f"k8s:///{namespace}", far(proxy.endpoint, token)) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, control_plane: ControlPlane, proxy: FaultProxy) -> AsyncIterator[Store]:
        async with opened("k8s:///no-such-namespace", far(proxy.endpoint, control_plane.admin_token)) as store:
            yield store


class TestExpiry(Faced, ExpiryConformance):
    row = OTHER

    @pytest.fixture
    async def expired(self, control_plane: ControlPlane, proxy: FaultProxy, namespace: str) -> AsyncIterator[Store]:
        credentials = far(proxy.endpoint, expired_token(control_plane, namespace))
        async with opened(f"k8s:///{namespace}", credentials) as store:
            yield store


class TestOnTheWire(WireConformance):
    row = OTHER

    @pytest.fixture
    def reach(
        self, control_plane: ControlPlane, namespace: str, tls: ssl.SSLContext, trust: ssl.SSLContext
    ) -> Iterator[Reach]:
        with FaultProxy(control_plane.url, context=tls, trust=trust) as front:
            credentials = far(front.endpoint, control_plane.admin_token)

            def reach(options: StoreOptions) -> AbstractAsyncContextManager[Store]:
                return opened(f"k8s:///{namespace}", credentials, options)

            yield reach
