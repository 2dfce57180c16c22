"""The operator's own environment: Google's application default credentials, and what explicit ones see of it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web

from clusterstate.errors import AccessDenied, AuthenticationFailed
from clusterstate.store.backends.gcs.store import open_bucket
from clusterstate.store.base import Store
from clusterstate.store.clients import Clients
from clusterstate.store.credentials import Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.gcs.stores import federation, open_as
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.opening import ambient
from tests.support.faultproxy import FaultProxy
from tests.support.forwardproxy import ForwardProxy
from tests.support.gcs.server import GcsServer
from tests.support.tokens import Issuer

pytestmark = pytest.mark.objectstore
NOBODY = "127.0.0.1:9"
"""Where nobody listens."""


METADATA = ("169.254.169.254:80", "metadata.google.internal:80")


class Environment:
    """The operator's environment, which leads to Google by its own proxy."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path, routes: dict[str, str]) -> None:
        self._monkeypatch = monkeypatch
        self._routes = routes
        self.home = home

    def set(self, name: str, value: str) -> None:
        self._monkeypatch.setenv(name, value)

    def write(self, name: str, text: str) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def serve_metadata(self, url: str) -> None:
        self._routes.update(dict.fromkeys(METADATA, url.removeprefix("http://")))


@pytest.fixture
def routes(face: FaultProxy) -> dict[str, str]:
    """The way to Google, and to a machine without metadata service."""
    return {"*.googleapis.com:443": face.endpoint.removeprefix("https://"), **dict.fromkeys(METADATA, NOBODY)}


@pytest.fixture
def google(routes: dict[str, str]) -> Iterator[ForwardProxy]:
    with ForwardProxy(routes=routes) as proxy:
        yield proxy


@pytest.fixture
def environment(
    monkeypatch: pytest.MonkeyPatch, google: ForwardProxy, routes: dict[str, str], certificates: Path, tmp_path: Path
) -> Environment:
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "GCLOUD", "CLOUDSDK_", "NO_PROXY"))]:
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, google.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.crt"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return Environment(monkeypatch, tmp_path, routes)


async def open_own(bucket: str, credentials: Credentials | None = None) -> Store:
    credentials = credentials or ambient("gs", dict(os.environ))
    opening = Opening(Location.parse(f"gs://{bucket}"), StoreOptions(), credentials, EndpointPolicy())
    return await open_bucket(opening, Clients())


async def use(bucket: str) -> None:
    store = await open_own(bucket)
    await store.write("file", b"x")
    assert await keys_of(store) == ["file"]
    assert store.endpoint == ""
    await store.close()


async def test_a_key_of_the_operators_own(gcs_server: GcsServer, bucket: str, environment: Environment) -> None:
    document = gcs_server.create_account().changed(token_uri="https://oauth2.googleapis.com/token")
    environment.set("GOOGLE_APPLICATION_CREDENTIALS", str(environment.write("key.json", document)))
    await use(bucket)


async def test_a_federation_of_the_operators_own_may_read_files(
    gcs_server: GcsServer, bucket: str, environment: Environment, google: ForwardProxy
) -> None:
    """What a tenant may not: a token in a file. Nothing is asked for but tokens and files."""
    issuer = Issuer()
    exchange = federation(gcs_server, issuer.key, url="https://sts.googleapis.com")
    token = environment.write("token", issuer.issue(exchange.audience))
    document = json.dumps({**json.loads(exchange.document), "credential_source": {"file": str(token)}})
    environment.set("GOOGLE_APPLICATION_CREDENTIALS", str(environment.write("federation.json", document)))
    await use(bucket)
    assert set(google.targets) == {"sts.googleapis.com:443", "storage.googleapis.com:443"}


async def test_what_gcloud_left_there(gcs_server: GcsServer, bucket: str, environment: Environment) -> None:
    document = gcs_server.create_account().changed(token_uri="https://oauth2.googleapis.com/token")
    environment.write("gcloud/application_default_credentials.json", document)
    environment.set("CLOUDSDK_CONFIG", str(environment.home / "gcloud"))
    await use(bucket)


async def test_an_account_that_the_operator_impersonates(
    gcs_server: GcsServer, bucket: str, environment: Environment
) -> None:
    who, target = gcs_server.create_account([]), gcs_server.create_account()
    gcs_server.let_impersonate(who.email, target.email)
    document = who.changed(token_uri="https://oauth2.googleapis.com/token")
    environment.set("GOOGLE_APPLICATION_CREDENTIALS", str(environment.write("key.json", document)))
    environment.set("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", target.email)
    await use(bucket)


async def test_the_machines_account(gcs_server: GcsServer, bucket: str, environment: Environment) -> None:
    """Compute Engine and GKE: the metadata service gives tokens, and the name of whose they are."""
    account = gcs_server.create_account(["storage.objects.list"])

    def answer(request: web.Request) -> web.Response:
        told = {
            "/": web.Response(text="computeMetadata/"),
            "/computeMetadata/v1/project/project-id": web.Response(text="acme"),
            "/computeMetadata/v1/instance/service-accounts/default/": web.json_response({"email": account.email}),
            "/computeMetadata/v1/instance/service-accounts/default/token": web.json_response(token),
        }
        told[request.path].headers["Metadata-Flavor"] = "Google"
        return told[request.path]

    token = gcs_server.give_token(account.email)
    async with canned(answer) as metadata:
        environment.serve_metadata(metadata.endpoint)
        store = await open_own(bucket)
        assert await keys_of(store) == []
        with pytest.raises(AccessDenied, match=rf"Grant storage\.objects\.get to {account.email}\."):
            await store.read("file")
        await store.close()


async def test_an_environment_without_credentials_is_told(bucket: str, environment: Environment) -> None:
    environment.set("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/canary.json")
    store = await open_own(bucket)
    with pytest.raises(AuthenticationFailed, match="environment has no credentials for Google") as caught:
        await keys_of(store)
    assert "canary" not in caught.value.message
    await store.close()


@pytest.mark.usefixtures("environment")
async def test_a_machine_without_metadata_service_is_told(bucket: str) -> None:
    store = await open_own(bucket)
    with pytest.raises(AuthenticationFailed, match="DefaultCredentialsError"):
        await keys_of(store)
    await store.close()


async def test_an_emulator_is_asked_as_nobody(gcs_server: GcsServer, bucket: str) -> None:
    store = await open_own(bucket, ambient("gs", {"STORAGE_EMULATOR_HOST": gcs_server.upstream}))
    version = await store.write("file", b"x")
    assert (await store.read("file")).version == version
    assert store.endpoint == gcs_server.upstream
    assert not store.capabilities.atomic_update
    await store.close()


HOSTILE = {
    "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere",
    "GOOGLE_CLOUD_PROJECT": "canary",
    "GOOGLE_CLOUD_QUOTA_PROJECT": "canary",
    "STORAGE_EMULATOR_HOST": f"http://{NOBODY}",
    "API_ENDPOINT_OVERRIDE": f"http://{NOBODY}",
    "GOOGLE_API_USE_MTLS_ENDPOINT": "always",
    "GOOGLE_API_USE_CLIENT_CERTIFICATE": "true",
    "GOOGLE_SDK_EXPERIMENTAL_PYTHON_REGIONAL_ACCESS_BOUNDARY_LOOKUP_ENABLED": "true",
    "AWS_ACCESS_KEY_ID": "canary",
    "AWS_SECRET_ACCESS_KEY": "canary",
    "HTTP_PROXY": f"http://{NOBODY}",
    "HTTPS_PROXY": f"http://{NOBODY}",
    "REQUESTS_CA_BUNDLE": "/nowhere",
}


async def test_explicit_credentials_never_see_the_environment(
    gcs_server: GcsServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    with FaultProxy(gcs_server.endpoint) as face:
        account = gcs_server.create_account()
        async with open_as(gcs_server, f"gs://{bucket}", account, StoreOptions(endpoint=face.endpoint)) as store:
            version = await store.write("file", b"x")
            await store.write("file", b"y", expect=version)
            assert await keys_of(store) == ["file"]
        asked = {path.split("/")[1] for _, path in face.counts}
        assert asked == {"storage", "upload", "download"}
        assert face.counts["GET", f"/storage/v1/b/{bucket}"] == 1, "by us, and by no thread of the SDK's"
