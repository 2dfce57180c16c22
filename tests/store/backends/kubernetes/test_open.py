"""Where a store in Kubernetes may be opened, and what becomes of its connections."""

import asyncio
import secrets

import pytest

from clusterstate.errors import CredentialsInvalid, EndpointRefused, SpecInvalid, StoreNotAllowed
from clusterstate.kube.client import connect
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.store.backends.kubernetes.clients import Shared
from clusterstate.store.backends.kubernetes.config import make_config
from clusterstate.store.backends.kubernetes.opening import open_namespace
from clusterstate.store.clients import Clients
from clusterstate.store.credentials import NO_CREDENTIALS, Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.kubernetes.stores import ca_of, far, near
from tests.store.conformance import keys_of
from tests.store.opening import LOOPBACK, opened


@pytest.mark.apiserver
async def test_a_namespace_of_this_cluster_must_be_allowed(control_plane: ControlPlane, namespace: str) -> None:
    url = f"k8s:///{namespace}/a"
    for allowed in ((namespace,), ("other", "test-*")):
        async with near(control_plane, url, allowed=allowed) as store:
            assert await keys_of(store) == []
    for refused in ((), ("other",), (namespace[:-1],)):
        with pytest.raises(StoreNotAllowed, match=rf"k8s:///{namespace}/a is in a namespace .*policy"):
            async with near(control_plane, url, allowed=refused):
                pass


@pytest.mark.apiserver
async def test_another_cluster_decides_itself(control_plane: ControlPlane, namespace: str) -> None:
    credentials = far(
        control_plane.url, control_plane.admin_token, **{"certificate-authority-data": ca_of(control_plane)}
    )
    async with opened(f"k8s:///{namespace}", credentials) as store:
        assert await keys_of(store) == []
        assert store.endpoint == control_plane.url


@pytest.mark.apiserver
async def test_this_cluster_has_no_address(control_plane: ControlPlane, namespace: str) -> None:
    async with near(control_plane, f"k8s:///{namespace}") as store:
        assert store.endpoint == ""


async def test_this_cluster_may_not_be_at_hand() -> None:
    policy = EndpointPolicy(namespaces=("*",))
    with pytest.raises(SpecInvalid, match="kubeconfigSecretRef"):
        async with opened("k8s:///namespace", NO_CREDENTIALS, policy=policy):
            pass


@pytest.mark.parametrize("url", ["k8s://", "k8s:///", "k8s:///a%3Fb", "k8s:///..%2Fx", "k8s:///UPPER/x", "k8s:///a.b"])
async def test_a_url_names_a_namespace(url: str) -> None:
    with pytest.raises(SpecInvalid):
        async with opened(url, far("http://127.0.0.1:9", "token")):
            pass


@pytest.mark.parametrize(
    "server",
    ["https://169.254.169.254", "http://localhost:8080", "https://metadata.google.internal", "https://[::1]:6443"],
)
async def test_a_tenant_cannot_send_the_operator_to_its_own_network(server: str) -> None:
    with pytest.raises(EndpointRefused):
        async with opened("k8s:///namespace", far(server, "token"), policy=EndpointPolicy()):
            pass


async def test_nobody_on_the_way_reads_the_token() -> None:
    with pytest.raises(EndpointRefused, match="no TLS"):
        async with opened("k8s:///namespace", far("http://192.0.2.1", "token"), policy=EndpointPolicy()):
            pass
    for allowed in (("192.0.2.1",), ("192.0.2.0/24",)):
        async with opened("k8s:///n", far("http://192.0.2.1", "token"), policy=EndpointPolicy(allowed)):
            pass


@pytest.mark.parametrize("proxy", ["http://169.254.169.254:3128", "http://user:canary@localhost:3128"])
async def test_nor_through_a_proxy_there(proxy: str) -> None:
    credentials = far("https://192.0.2.1", "token", **{"proxy-url": proxy})
    with pytest.raises(EndpointRefused) as caught:
        async with opened("k8s:///namespace", credentials, policy=EndpointPolicy()):
            pass
    assert "canary" not in caught.value.message


async def test_a_proxy_that_is_none_is_told() -> None:
    with pytest.raises(SpecInvalid, match="proxy"):
        async with opened("k8s:///n", far("https://192.0.2.1", "token", **{"proxy-url": "socks5://proxy"})):
            pass


@pytest.mark.parametrize("field", ["certificate-authority-data", "client"])
async def test_certificates_that_are_none_are_told(field: str) -> None:
    nonsense = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmNhbmFyeQotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg=="
    credentials = far("https://192.0.2.1", "token", **{"certificate-authority-data": nonsense})
    if field == "client":
        text = f'{{"client-certificate-data": "{nonsense}", "client-key-data": "{nonsense}", "token": "token"}}'
        value = credentials.get("kubeconfig").replace('{"token": "token"}', text)
        value = value.replace(f', "certificate-authority-data": "{nonsense}"', "")
        credentials = Credentials(credentials.source, (("kubeconfig", value),))
    with pytest.raises(CredentialsInvalid, match=field) as caught:
        async with opened("k8s:///namespace", credentials):
            pass
    assert "canary" not in caught.value.message


def opening(credentials: Credentials, **options: str) -> Opening:
    return Opening(Location.parse("k8s:///namespace"), StoreOptions(**options), credentials, LOOPBACK)


async def test_equal_inputs_share_a_client_and_others_never_do() -> None:
    clients = Clients()
    token = secrets.token_hex(8)
    openings = [
        opening(far("http://127.0.0.1:9", token)),
        opening(far("http://127.0.0.1:9/", token)),
        opening(far("http://127.0.0.1:9", "other")),
        opening(far("http://127.0.0.1:8", token)),
        opening(far("http://127.0.0.1:9", token, **{"tls-server-name": "x"})),
        opening(far("http://127.0.0.1:9", token), proxy="http://127.0.0.1:7"),
    ]
    found = [await open_namespace(each, clients) for each in openings]
    transports = [each._client._transport for each in found]
    assert transports[0] is transports[1]
    assert len({id(each) for each in transports}) == len(openings) - 1
    for each in found:
        await each.close()


async def test_the_last_store_closes_the_connections() -> None:
    config = make_config(opening(far("http://127.0.0.1:9", "token")))
    assert config.inputs is not None
    shared = Shared(config.inputs)
    client = shared.enter()
    assert shared.enter() is client
    session = client._transport._door._session  # type: ignore[attr-defined]
    await shared.leave()
    assert not session.closed
    await shared.leave()
    assert session.closed
    other = shared.enter()
    assert other is not client
    await shared.leave()


def test_each_event_loop_has_its_own_connections() -> None:
    config = make_config(opening(far("http://127.0.0.1:9", "token")))
    assert config.inputs is not None
    shared = Shared(config.inputs)

    async def use() -> object:
        client = shared.enter()
        await shared.leave()
        return client

    assert asyncio.run(use()) is not asyncio.run(use())


@pytest.mark.apiserver
async def test_the_operator_s_own_client_stays_open(control_plane: ControlPlane, namespace: str) -> None:
    policy = EndpointPolicy(namespaces=("*",))
    async with await connect(control_plane.kubeconfig) as client:
        for _ in range(2):
            async with opened(f"k8s:///{namespace}", NO_CREDENTIALS, policy=policy, kube=client) as store:
                assert await keys_of(store) == []
