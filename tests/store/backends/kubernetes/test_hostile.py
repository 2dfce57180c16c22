"""Servers that a tenant names and that mean no good, an environment that has no say, and odd refusals."""

import asyncio
import base64
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    EndpointRefused,
    IntegrityFailed,
    LostRace,
    StoreError,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.store.backends.kubernetes.clients import Shared
from clusterstate.store.backends.kubernetes.config import make_config
from clusterstate.store.backends.kubernetes.namespace import Namespace
from clusterstate.store.backends.kubernetes.store import KubernetesStore
from clusterstate.store.base import ABSENT, Store
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.kube.proxies import Answer, scripted
from tests.store.backends.kubernetes.stores import ca_of, far, kubeconfig, objects, served_head
from tests.store.conformance import keys_of
from tests.store.opening import LOOPBACK, opened, secret
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.forwardproxy import ForwardProxy

CANARY = "canary-token"


def always(response: Any) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(**response)

    return answer


async def test_nobody_is_sent_elsewhere() -> None:
    asked: list[str] = []

    async def target(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.json_response({"metadata": {}, "items": []})

    async with scripted(target) as elsewhere:
        redirect = {"status": 307, "headers": {"Location": f"{elsewhere}/latest/meta-data"}}
        async with scripted(always(redirect)) as url, opened("k8s:///namespace", far(url, CANARY)) as store:
            with pytest.raises(StoreRefused, match="307"):
                await keys_of(store)
            with pytest.raises(StoreRefused, match="307"):
                await store.write("file", b"x")
    assert asked == []


async def test_an_answer_without_end_is_left() -> None:
    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(64):
            await response.write(b" " * (1 << 20))
        return response

    async with scripted(flood) as url, opened("k8s:///namespace", far(url, CANARY)) as store:
        with pytest.raises(StoreRefused, match="the most that is read"):
            await store.read("file")


async def test_a_list_without_end_is_left() -> None:
    item = {"metadata": served_head()["metadata"]}
    page = web.json_response({"metadata": {"continue": "more"}, "items": [item] * 2000}).body

    async with (
        scripted(always({"body": page, "content_type": "application/json"})) as url,
        opened("k8s:///namespace", far(url, CANARY)) as store,
    ):
        with pytest.raises(StoreRefused, match="no end"):
            await keys_of(store)


async def test_a_slow_drip_is_cut_off() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    async with scripted(drip) as url:
        config = make_config(Opening(Location.parse("k8s:///n"), StoreOptions(), far(url, CANARY), LOOPBACK))
        assert config.inputs is not None
        shared = Shared(replace(config.inputs, wire=replace(config.inputs.wire, call_seconds=0.5)))
        store = KubernetesStore(Namespace(shared.enter(), "n", leave=shared.leave))
        with pytest.raises(StoreUnavailable, match="Time"):
            await store.read("file")
        await store.close()


async def test_each_connection_is_judged_by_where_it_goes() -> None:
    """As if a name had resolved to something harmless when the store was opened."""
    credentials = far("https://localhost:9", CANARY)
    config = make_config(Opening(Location.parse("k8s:///n"), StoreOptions(), credentials, EndpointPolicy()))
    assert config.inputs is not None
    shared = Shared(config.inputs)
    store = KubernetesStore(Namespace(shared.enter(), "n", leave=shared.leave))
    with pytest.raises(EndpointRefused, match="localhost is loopback"):
        await store.read("file")
    await store.close()


@pytest.mark.parametrize(
    "body",
    [
        f'{{"kind": "Status", "message": "{CANARY}", "reason": "{CANARY}"}}',
        f'{{"kind": "Status", "message": "User \\"{CANARY}\\" cannot get resource \\"x\\" in API group \\"\\""}}',
        CANARY,
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
async def test_a_server_that_repeats_the_token_is_not_repeated(status: int, body: str) -> None:
    answer = {"status": status, "text": body, "headers": {"Retry-After": "60"}}
    async with scripted(always(answer)) as url, opened("k8s:///namespace", far(url, CANARY)) as store:
        for work in (store.read("file"), store.write("file", b"x"), keys_of(store)):
            with pytest.raises(StoreError) as caught:
                await work
            assert CANARY not in caught.value.message
            assert caught.value.__suppress_context__


async def test_a_proxy_that_does_not_answer_is_told_without_its_password() -> None:
    proxy = {"proxy-url": f"http://user:{CANARY}@127.0.0.1:9"}
    async with opened("k8s:///namespace", far("https://127.0.0.1:8", CANARY, **proxy)) as store:
        with pytest.raises(StoreUnavailable) as caught:
            await store.read("file")
    assert CANARY not in caught.value.message


async def test_no_text_of_a_store_shows_the_token() -> None:
    credentials = far("http://127.0.0.1:9", CANARY, **{"proxy-url": f"http://user:{CANARY}@127.0.0.1:8"})
    config = make_config(Opening(Location.parse("k8s:///n"), StoreOptions(), credentials, LOOPBACK))
    assert config.inputs is not None
    shared = Shared(config.inputs)
    client = shared.enter()
    server_texts = f"{config!r} {shared._server!r} {client._transport._door._way!r}"  # type: ignore[attr-defined]
    await shared.leave()
    assert CANARY not in server_texts


@pytest.mark.apiserver
async def test_the_operator_s_environment_has_no_say(
    control_plane: ControlPlane, namespace: str, trust: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login operator password {CANARY}\n")
    with ForwardProxy() as ours, FaultProxy(control_plane.url, trust=trust) as front:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, ours.url)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("KUBECONFIG", str(control_plane.kubeconfig))
        async with opened(f"k8s:///{namespace}", far(front.endpoint, control_plane.admin_token)) as store:
            await store.write("file", b"x")
        async with opened(f"k8s:///{namespace}", far(front.endpoint, "wrong")) as store:
            with pytest.raises(AuthenticationFailed):
                await keys_of(store)
        assert ours.targets == []


@pytest.mark.apiserver
async def test_a_client_certificate_is_shown(
    control_plane: ControlPlane, namespace: str, certificates: Path, trust: ssl.SSLContext
) -> None:
    """The control plane asks for none, so a face before it does."""
    certificate, key = make_client()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=certificate)
    authority = base64.b64encode((certificates / "ca.crt").read_bytes()).decode()
    shown = {
        name: base64.b64encode(text.encode()).decode() for name, text in (("certificate", certificate), ("key", key))
    }
    who = {f"client-{name}-data": text for name, text in shown.items()}
    with FaultProxy(control_plane.url, context=context, trust=trust) as front:
        for user, fine in (({"token": control_plane.admin_token, **who}, True), ({"token": "x"}, False)):
            text = kubeconfig(front.endpoint, user, **{"certificate-authority-data": authority})
            async with opened(f"k8s:///{namespace}", secret("k8s", {"kubeconfig": text})) as store:
                if fine:
                    await store.write("file", b"x")
                else:
                    with pytest.raises(StoreUnavailable):
                        await keys_of(store)


def make_client() -> tuple[str, str]:
    """Give a certificate that vouches for itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - dt.timedelta(hours=1))
    builder = builder.not_valid_after(now + dt.timedelta(hours=1))
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), pem.decode()


@pytest.fixture
async def store(control_plane: ControlPlane, namespace: str) -> AsyncIterator[Store]:
    data = {"certificate-authority-data": ca_of(control_plane)}
    async with opened(f"k8s:///{namespace}", far(control_plane.url, control_plane.admin_token, **data)) as store:
        yield store


@pytest.mark.apiserver
async def test_bytes_that_arrive_damaged_are_told_and_never_given(
    control_plane: ControlPlane, namespace: str, trust: ssl.SSLContext
) -> None:
    """TLS guards the way; here is none. In base64 these bytes are a row of b, and one becomes another letter."""
    data = base64.b64decode(b"b" * 4096)
    with FaultProxy(control_plane.url, trust=trust) as proxy:
        async with opened(f"k8s:///{namespace}", far(proxy.endpoint, control_plane.admin_token)) as store:
            with (
                proxy.failing(Fault(method="POST", corrupt_request=True)),
                pytest.raises(IntegrityFailed, match="file can't be used"),
            ):
                await store.write("file", data, expect=ABSENT)
            with pytest.raises(IntegrityFailed, match="file"):
                await store.read("file")
            await store.write("file", data)
            assert (await store.read("file")).data == data


@pytest.mark.apiserver
async def test_a_quota_is_no_matter_of_rights(control_plane: ControlPlane, namespace: str, store: Store) -> None:
    path, kind = f"/api/v1/namespaces/{namespace}/resourcequotas", "application/merge-patch+json"
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"secrets": "0"}}}
    control_plane.api().request("POST", path, quota)
    counted = {"status": {"hard": {"secrets": "0"}, "used": {"secrets": "0"}}}  # no controller does it here
    control_plane.api().request("PATCH", f"{path}/none/status", counted, content_type=kind)
    with pytest.raises(StoreRefused, match=r"create secrets.*a quota") as caught:
        await write_many(store)
    assert "Grant" not in caught.value.message


async def write_many(store: Store) -> None:
    """Write until admission has heard of it."""
    for number in range(1000):
        await store.write(f"file-{number}", b"x")


@pytest.mark.apiserver
async def test_a_namespace_that_goes_is_no_matter_of_rights(
    control_plane: ControlPlane, namespace: str, store: Store
) -> None:
    """A Secret with a finalizer holds it up."""
    held = {"metadata": {"name": "held", "finalizers": ["example.com/test"]}}
    control_plane.api().request("POST", f"/api/v1/namespaces/{namespace}/secrets", held)
    control_plane.api().request("DELETE", f"/api/v1/namespaces/{namespace}")
    try:
        with pytest.raises(StoreRefused, match=r"create secrets.*being deleted"):
            await store.write("file", b"x")
    finally:
        path, kind = f"/api/v1/namespaces/{namespace}/secrets/held", "application/merge-patch+json"
        control_plane.api().request("PATCH", path, {"metadata": {"finalizers": None}}, content_type=kind)


@pytest.mark.apiserver
async def test_rights_on_one_verb_are_told_apart(control_plane: ControlPlane, namespace: str) -> None:
    token = control_plane.service_account_token(namespace, "reader")
    grant(control_plane, namespace, "reader", [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}])
    data = {"certificate-authority-data": ca_of(control_plane)}
    async with opened(f"k8s:///{namespace}", far(control_plane.url, token, **data)) as store:
        assert await keys_of(store) == []
        user = f"system:serviceaccount:{namespace}:reader"
        for verb, work in (("get", store.read("file")), ("create", store.write("file", b"x"))):
            with pytest.raises(AccessDenied, match=rf"Grant {verb} secrets in namespace {namespace} to {user}\."):
                await work


def grant(plane: ControlPlane, namespace: str, account: str, rules: list[dict[str, Any]]) -> None:
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    plane.api().request("POST", f"{path}/roles", {"metadata": {"name": account}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": account}
    subjects = [{"kind": "ServiceAccount", "name": account, "namespace": namespace}]
    body = {"metadata": {"name": account}, "roleRef": role, "subjects": subjects}
    plane.api().request("POST", f"{path}/rolebindings", body)


@pytest.mark.apiserver
async def test_a_label_that_somebody_changes_is_a_new_version(
    control_plane: ControlPlane, namespace: str, store: Store
) -> None:
    version = await store.write("file", b"x")
    (found,) = objects(control_plane, namespace)
    path, kind = f"/api/v1/namespaces/{namespace}/secrets/{found['metadata']['name']}", "application/merge-patch+json"
    control_plane.api().request("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, content_type=kind)
    with pytest.raises(LostRace):
        await store.write("file", b"y", expect=version)
