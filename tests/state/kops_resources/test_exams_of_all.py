"""The exams of all stores, taken by kops's objects of another cluster.

They want bytes kept under any key; a Keyset of kops's type Secret is what keeps bytes. So the store is shown as its
secrets are: a file's bytes are a secret's value. Left out is what can't hold by nature, each with its reason.
"""

import base64
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import ClassVar

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.state.kops_resources.objects import ResourceStore
from clusterstate.store.backends.kubernetes.clients import Shared
from clusterstate.store.backends.kubernetes.config import make_config
from clusterstate.store.backends.kubernetes.namespace import Namespace
from clusterstate.store.base import ANYTHING, Blob, Expect, Store, Version
from clusterstate.store.credentials import Credentials
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.store.wrappers import Prefixed
from tests.state.kops_resources.conftest import divided
from tests.state.kops_resources.samples import secret
from tests.store.backends.kubernetes.stores import expired_token, far
from tests.store.faults import ExpiryConformance, FaultConformance, Reach, RefusalConformance, WireConformance
from tests.store.opening import LOOPBACK
from tests.support.faultproxy import Fault, FaultProxy

pytestmark = pytest.mark.apiserver
ROW = "k8s (KopsResources)"
CONFLICT = '{"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409, "message": "try again"}'


class Secrets(Prefixed):
    """The secrets of a state: a key is a secret's name, the bytes are its value."""

    def __init__(self, state: Store) -> None:
        super().__init__(state, "secrets")

    async def read(self, key: str) -> Blob:
        blob = await super().read(key)
        return replace(blob, data=base64.b64decode(json.loads(blob.data)["Data"]))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        return await super().write(key, secret(data), expect=expect)


@asynccontextmanager
async def beyond(
    plane: ControlPlane,
    namespace: str,
    credentials: Credentials,
    options: StoreOptions | None = None,
) -> AsyncIterator[Store]:
    """Open the secrets of another cluster."""
    async with divided(plane, namespace, namespace, credentials, options) as store:
        yield Secrets(store)


class Faced:
    @pytest.fixture
    def proxy(self, plane: ControlPlane, trust: ssl.SSLContext) -> Iterator[FaultProxy]:
        with FaultProxy(plane.url, trust=trust) as proxy:
            yield proxy


class TestFaults(Faced, FaultConformance):
    """A write and a delete look first for what is there."""

    row = ROW
    conflict = Fault(method="PUT", status=409, body=CONFLICT)
    requests: ClassVar = {"read": 1, "write": 2, "list": 6, "delete": 2}
    """No file is a Secret here, so a list asks whether the namespace is there at all."""
    questions = 1
    write_method = "POST"

    # Meaning is kept in objects, no bytes: so there is no digest that tells of a bit which turned over on the way.
    test_a_bit_that_turns_over_on_the_way_here_is_damage = None  # type: ignore[assignment]
    test_a_bit_that_turns_over_on_the_way_there_is_refused = None  # type: ignore[assignment]

    @pytest.fixture
    async def store(self, plane: ControlPlane, namespace: str, proxy: FaultProxy) -> AsyncIterator[Store]:
        async with beyond(plane, namespace, far(proxy.endpoint, plane.admin_token)) as store:
            yield store

    @pytest.fixture
    async def hurried(self, plane: ControlPlane, namespace: str, proxy: FaultProxy) -> AsyncIterator[Store]:
        credentials = far(proxy.endpoint, plane.admin_token)
        config = make_config(Opening(Location.parse(f"k8s:///{namespace}"), StoreOptions(), credentials, LOOPBACK))
        assert config.inputs is not None
        shared = Shared(replace(config.inputs, wire=replace(config.inputs.wire, read_seconds=0.3)))
        store = ResourceStore(Namespace(shared.enter(), namespace, leave=shared.leave), namespace)
        yield Secrets(store)
        await store.close()


class TestRefusals(Faced, RefusalConformance):
    """Where nothing is found, the namespace is asked for, by both halves where a list finds nothing."""

    row = ROW
    permissions: ClassVar = {
        "list": r"Grant list clusters\.kops\.k8s\.io in namespace \S+ to system:serviceaccount:\S+:denied\.",
        "read": r"Grant get keysets\.kops\.k8s\.io in namespace \S+ to system:serviceaccount:\S+:denied\.",
        "write": r"Grant get keysets\.kops\.k8s\.io in namespace \S+ to system:serviceaccount:\S+:denied\.",
    }

    requests: ClassVar = {"stranger": (1, 1, 1), "denied": (1, 1, 1), "nowhere": (6, 2, 3)}

    @pytest.fixture
    async def stranger(
        self, plane: ControlPlane, proxy: FaultProxy, namespace: str, canary: str
    ) -> AsyncIterator[Store]:
        async with beyond(plane, namespace, far(proxy.endpoint, canary)) as store:
            yield store

    @pytest.fixture
    async def denied(self, plane: ControlPlane, proxy: FaultProxy, namespace: str) -> AsyncIterator[Store]:
        token = plane.service_account_token(namespace, "denied")
        async with beyond(plane, namespace, far(proxy.endpoint, token)) as store:
            yield store

    @pytest.fixture
    async def nowhere(self, plane: ControlPlane, proxy: FaultProxy) -> AsyncIterator[Store]:
        async with beyond(plane, "no-such-namespace", far(proxy.endpoint, plane.admin_token)) as store:
            yield store


class TestExpiry(Faced, ExpiryConformance):
    row = ROW

    @pytest.fixture
    async def expired(self, plane: ControlPlane, proxy: FaultProxy, namespace: str) -> AsyncIterator[Store]:
        credentials = far(proxy.endpoint, expired_token(plane, namespace))
        async with beyond(plane, namespace, credentials) as store:
            yield store


class TestOnTheWire(WireConformance):
    row = ROW

    @pytest.fixture
    def reach(self, plane: ControlPlane, namespace: str, tls: ssl.SSLContext, trust: ssl.SSLContext) -> Iterator[Reach]:
        with FaultProxy(plane.url, context=tls, trust=trust) as front:
            credentials = far(front.endpoint, plane.admin_token)

            def reach(options: StoreOptions) -> AbstractAsyncContextManager[Store]:
                return beyond(plane, namespace, credentials, options)

            yield reach
