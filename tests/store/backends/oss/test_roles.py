"""A role for a service account (RRSA): a token of the real API server, exchanged and used at OSS's own names."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from clusterstate.api.store import CaBundleReference, ServiceAccountReference, StoreSpec
from clusterstate.errors import AccessDenied, AuthenticationFailed, CredentialsInvalid
from clusterstate.gather import Reader
from clusterstate.kube.client import Client, connect
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.settings import Settings
from clusterstate.store.backends.oss.rules import (
    PROVIDER,
    PROVIDER_ANNOTATION,
    ROLE,
    ROLE_ANNOTATION,
    ROLE_NAME_ANNOTATION,
    TOKEN_FILE,
)
from clusterstate.store.base import Store
from clusterstate.store.options import StoreOptions
from tests.store.backends.oss.stores import OwnNames
from tests.store.conformance import keys_of
from tests.store.opening import LOOPBACK, ambient, opened
from tests.support.oss.server import EVERYTHING, REGION, OssServer

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

AUDIENCE = "sts.aliyuncs.com"


@pytest.fixture
async def client(control_plane: ControlPlane) -> AsyncIterator[Client]:
    async with await connect(control_plane.kubeconfig) as client:
        yield client


@pytest.fixture
def provider(oss_server: OssServer, control_plane: ControlPlane) -> str:
    """The identity provider that stands for the cluster, with the API server's own public keys."""
    api = control_plane.api()
    issuer = api.request("GET", "/.well-known/openid-configuration")["issuer"]
    keys = api.request("GET", "/openid/v1/jwks")["keys"]
    return oss_server.create_provider(f"ack-{secrets.token_hex(4)}", issuer, keys, [AUDIENCE])


class Scene:
    """A namespace with a service account, and stores opened by it as the operator does."""

    def __init__(self, plane: ControlPlane, server: OssServer, client: Client, namespace: str, own: OwnNames) -> None:
        self.plane, self.server, self.client, self.namespace, self.own = plane, server, client, namespace, own
        data = {"ca.crt": own.ca_bundle}
        self._create("configmaps", {"metadata": {"name": "authority"}, "data": data})

    def create_role(self, provider: str, subject: str = "state", name: str = "") -> str:
        subjects = [f"system:serviceaccount:{self.namespace}:{subject}"]
        return self.server.create_role(name or f"role-{secrets.token_hex(4)}", provider, subjects, [EVERYTHING])

    def create_account(self, **annotations: str) -> None:
        self._create("serviceaccounts", {"metadata": {"name": "state", "annotations": annotations}})

    async def open(self, bucket: str, environ: dict[str, str]) -> AbstractAsyncContextManager[Store]:
        spec = StoreSpec(
            url=f"oss://{bucket}",
            region=REGION,
            proxy=self.own.proxy.url,
            ca_bundle_ref=CaBundleReference(name="authority"),
            service_account_ref=ServiceAccountReference(name="state"),
        )
        reader = Reader(self.client, Settings(allowed_endpoints=("127.0.0.1",)), environ, self.namespace)
        access = await reader.access(spec, "prod.example.com")
        return opened(spec.url, access.credentials, access.options, access.policy)

    def _create(self, plural: str, body: dict[str, object]) -> None:
        self.plane.api().request("POST", f"/api/v1/namespaces/{self.namespace}/{plural}", body)


@pytest.fixture
def scene(control_plane: ControlPlane, oss_server: OssServer, client: Client, namespace: str, own: OwnNames) -> Scene:
    return Scene(control_plane, oss_server, client, namespace, own)


async def test_a_service_account_has_its_role(scene: Scene, provider: str, bucket: str) -> None:
    role = scene.create_role(provider)
    scene.create_account(**{ROLE_NAME_ANNOTATION: role.rpartition("/")[2]})
    async with await scene.open(bucket, {PROVIDER: provider}) as store:
        await store.write("file", b"x")
        assert await keys_of(store) == ["file"]
    async with await scene.open(bucket, {PROVIDER: provider}) as store:
        assert await keys_of(store) == ["file"]
    counts = scene.own.front.counts
    assert [target for target in scene.own.proxy.targets if target.startswith("sts")] == ["sts.aliyuncs.com:443"]
    assert counts == {("POST", "/"): 1, ("PUT", "/file"): 1, ("GET", "/"): 2}


async def test_the_annotations_may_name_everything(scene: Scene, provider: str, bucket: str) -> None:
    scene.create_account(**{ROLE_ANNOTATION: scene.create_role(provider), PROVIDER_ANNOTATION: provider})
    async with await scene.open(bucket, {}) as store:
        await store.write("file", b"x")


async def test_a_role_that_was_made_anew_is_lent_anew(scene: Scene, provider: str, bucket: str) -> None:
    role = scene.create_role(provider)
    scene.create_account(**{ROLE_ANNOTATION: role})
    async with await scene.open(bucket, {PROVIDER: provider}) as store:
        await store.write("file", b"x")
        scene.create_role(provider, name=role.rpartition("/")[2])
        assert await keys_of(store) == ["file"]


async def test_a_role_that_trusts_another_account_is_told(scene: Scene, provider: str, bucket: str) -> None:
    role = scene.create_role(provider, "other")
    scene.create_account(**{ROLE_ANNOTATION: role})
    async with await scene.open(bucket, {PROVIDER: provider}) as store:
        words = rf"Grant sts:AssumeRole in the trust policy of {role} to service account {scene.namespace}/state\."
        with pytest.raises(AccessDenied, match=words):
            await keys_of(store)


async def test_a_role_that_is_not_there_is_told(scene: Scene, provider: str, bucket: str) -> None:
    scene.create_account(**{ROLE_NAME_ANNOTATION: "no-such-role"})
    async with await scene.open(bucket, {PROVIDER: provider}) as store:
        with pytest.raises(AuthenticationFailed, match=r"EntityNotExist\.Role"):
            await keys_of(store)


async def test_a_role_that_may_nothing_is_named(
    scene: Scene, oss_server: OssServer, provider: str, bucket: str
) -> None:
    subject = f"system:serviceaccount:{scene.namespace}:state"
    role = oss_server.create_role(f"role-{secrets.token_hex(4)}", provider, [subject], [])
    scene.create_account(**{ROLE_ANNOTATION: role})
    async with await scene.open(bucket, {PROVIDER: provider}) as store:
        with pytest.raises(AccessDenied, match=rf"Grant oss:ListObjects to {role}\."):
            await keys_of(store)


async def test_an_account_without_a_role_is_told(scene: Scene, bucket: str) -> None:
    scene.create_account()
    with pytest.raises(CredentialsInvalid, match=ROLE_NAME_ANNOTATION):
        await scene.open(bucket, {})


async def test_the_operators_own_pod_has_its_role(
    scene: Scene, oss_server: OssServer, provider: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ACK's webhook sets it up; the way through the proxy is the environment's."""
    scene.create_account()
    file = tmp_path / "oidc-token"
    file.write_text(scene.plane.service_account_token(scene.namespace, "state", audiences=[AUDIENCE]))
    variables = {ROLE: scene.create_role(provider), PROVIDER: provider, TOKEN_FILE: str(file), "OSS_REGION": REGION}
    bundle = tmp_path / "ca.crt"
    bundle.write_text(scene.own.ca_bundle)
    monkeypatch.setenv("HTTPS_PROXY", scene.own.proxy.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    async with opened(f"oss://{bucket}", ambient("oss", variables), StoreOptions(), LOOPBACK) as store:
        await store.write("file", b"x")
        assert await keys_of(store) == ["file"]
    assert oss_server.bucket(bucket).get_object("file").read() == b"x"
    assert "sts.aliyuncs.com:443" in scene.own.proxy.targets
