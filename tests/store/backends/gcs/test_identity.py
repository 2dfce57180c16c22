"""Who asks Google for a tenant, under Google's own names, which a proxy leads to the suite's Google Cloud."""

import json
import secrets
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web

from clusterstate.errors import AccessDenied, AuthenticationFailed, CredentialsInvalid, KubeForbidden, StoreUnavailable
from clusterstate.store.backends.gcs import cluster
from clusterstate.store.backends.gcs.rules import ACCOUNT_ANNOTATION, CLUSTER, METADATA_HOST, PROVIDER_ANNOTATION, RULES
from clusterstate.store.credentials import Credentials, Given, ServiceAccount, TokenIssuer, choose_credentials
from clusterstate.store.options import StoreOptions
from tests.store.backends.gcs.stores import federation, knowing, secret
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.opening import opened
from tests.support.faultproxy import FaultProxy
from tests.support.forwardproxy import ForwardProxy
from tests.support.gcs.server import GcsServer, GoogleAccount
from tests.support.tokens import Issuer

pytestmark = pytest.mark.objectstore
GOOGLE = "https://sts.googleapis.com"
IAM = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
ISSUER = Issuer()


async def use(bucket: str, credentials: Credentials, options: StoreOptions) -> None:
    async with opened(f"gs://{bucket}", credentials, options) as store:
        await store.write("file", b"x")
        assert await keys_of(store) == ["file"]


def key_of(account: GoogleAccount) -> dict[str, Any]:
    """Give the document of a key as Google makes it."""
    return {**json.loads(account.document), "token_uri": "https://oauth2.googleapis.com/token"}


def called(google: ForwardProxy) -> set[str]:
    return {target.removesuffix(".googleapis.com:443") for target in google.targets}


async def test_a_key_asks_googles_own_addresses(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, google: ForwardProxy
) -> None:
    credentials = secret(json.dumps(key_of(gcs_server.create_account())))
    async with opened(f"gs://{bucket}", credentials, options) as store:
        kept = store.capabilities
        assert (store.endpoint, kept.atomic_create, kept.atomic_update, kept.atomic_delete) == ("", True, True, True)
        version = await store.write("file", b"x")
        await store.write("file", b"y", expect=version)
    assert called(google) == {"oauth2", "storage"}


async def test_a_token_of_the_secret_is_exchanged(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, google: ForwardProxy
) -> None:
    exchange = federation(gcs_server, ISSUER.key, url=GOOGLE)
    credentials = secret(exchange.document, GOOGLE_SUBJECT_TOKEN=ISSUER.issue(exchange.audience))
    await use(bucket, credentials, options)
    assert called(google) == {"sts", "storage"}


async def test_a_token_for_somebody_else_is_told_and_not_shown(
    gcs_server: GcsServer, bucket: str, options: StoreOptions
) -> None:
    exchange = federation(gcs_server, ISSUER.key, url=GOOGLE)
    token = ISSUER.issue("somebody-else")
    async with opened(f"gs://{bucket}", secret(exchange.document, GOOGLE_SUBJECT_TOKEN=token), options) as store:
        with pytest.raises(AuthenticationFailed, match=rf"{GOOGLE} gave no access token for principalSet://") as caught:
            await keys_of(store)
    assert "invalid_grant" in caught.value.message
    assert token not in caught.value.message


async def test_a_federation_may_act_as_an_account(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, google: ForwardProxy
) -> None:
    exchange, account = federation(gcs_server, ISSUER.key, url=GOOGLE), gcs_server.create_account()
    gcs_server.permit(exchange.principal, [])
    gcs_server.let_impersonate(exchange.principal, account.email)
    document = {
        **json.loads(exchange.document),
        "service_account_impersonation_url": f"{IAM}{account.email}:generateAccessToken",
        "service_account_impersonation": {"token_lifetime_seconds": 900},
    }
    credentials = secret(json.dumps(document), GOOGLE_SUBJECT_TOKEN=ISSUER.issue(exchange.audience))
    await use(bucket, credentials, options)
    assert called(google) == {"sts", "iamcredentials", "storage"}


async def test_services_that_the_operator_lists_give_the_tokens(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, google: ForwardProxy
) -> None:
    who, target = gcs_server.create_account([]), gcs_server.create_account()
    gcs_server.let_impersonate(who.email, target.email)
    url = f"{gcs_server.endpoint}/v1/projects/-/serviceAccounts/{target.email}:generateAccessToken"
    document = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": url,
        "source_credentials": json.loads(who.document),
    }
    listed = knowing(gcs_server.endpoint)
    async with opened(f"gs://{bucket}", secret(json.dumps(document)), options, listed) as store:
        assert await keys_of(store) == []
    assert set(google.targets) == {gcs_server.endpoint.removeprefix("http://"), "storage.googleapis.com:443"}


async def test_accounts_are_impersonated_one_after_the_other(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, face: FaultProxy
) -> None:
    """Each may do nothing but the next step, so only the whole chain leads to the files."""
    first, hub, spoke = (gcs_server.create_account([]) for _ in range(3))
    last = gcs_server.create_account()
    chain = [first, hub, spoke, last]
    for who, target in pairwise(chain):
        gcs_server.let_impersonate(who.email, target.email)
    document = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"{IAM}{spoke.email}:generateAccessToken",
        "delegates": [f"projects/-/serviceAccounts/{hub.email}"],
        "source_credentials": key_of(first),
    }
    await use(bucket, secret(json.dumps(document), GOOGLE_IMPERSONATE_SERVICE_ACCOUNT=last.email), options)
    chained = f"{hub.email},{spoke.email},{last.email}"
    other = gcs_server.create_bucket()
    await use(other, secret(json.dumps(key_of(first)), GOOGLE_IMPERSONATE_SERVICE_ACCOUNT=chained), options)
    assert sum(path.endswith(f"{last.email}:generateAccessToken") for _, path in face.counts.elements()) == 2


async def test_an_impersonation_that_is_denied_names_who_lacks_what(
    gcs_server: GcsServer, bucket: str, options: StoreOptions
) -> None:
    who, target = gcs_server.create_account(), gcs_server.create_account()
    credentials = secret(json.dumps(key_of(who)), GOOGLE_IMPERSONATE_SERVICE_ACCOUNT=target.email)
    async with opened(f"gs://{bucket}", credentials, options) as store:
        with pytest.raises(AccessDenied) as caught:
            await keys_of(store)
    assert f"gave no access token for {target.email} (403 PERMISSION_DENIED" in caught.value.message
    assert f"Grant iam.serviceAccounts.getAccessToken on it to {who.email}" in caught.value.message


async def test_who_is_denied_files_is_the_account_impersonated(
    gcs_server: GcsServer, bucket: str, options: StoreOptions
) -> None:
    who, target = gcs_server.create_account(), gcs_server.create_account([])
    gcs_server.let_impersonate(who.email, target.email)
    credentials = secret(json.dumps(key_of(who)), GOOGLE_IMPERSONATE_SERVICE_ACCOUNT=target.email)
    async with opened(f"gs://{bucket}", credentials, options) as store:
        with pytest.raises(AccessDenied, match=rf"Grant storage\.objects\.list to {target.email}\."):
            await keys_of(store)


async def test_an_account_that_is_not_there_is_told(gcs_server: GcsServer, bucket: str, options: StoreOptions) -> None:
    who = secret(
        json.dumps(key_of(gcs_server.create_account())), GOOGLE_IMPERSONATE_SERVICE_ACCOUNT="nobody@acme.iam.example"
    )
    async with opened(f"gs://{bucket}", who, options) as store:
        with pytest.raises(AuthenticationFailed, match=r"404 NOT_FOUND.*nobody@acme"):
            await keys_of(store)


@pytest.mark.parametrize("more", [{}, {"AWS_SESSION_TOKEN": "canary-session"}])
async def test_keys_of_amazon_are_exchanged(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, more: dict[str, str]
) -> None:
    """They sign a request that only AWS could answer, and Google reads whose they are."""
    arn = "arn:aws:iam::123456789012:user/kops"
    exchange = federation(gcs_server, url=GOOGLE, aws={"AKIDENTIFIER": ("canary-secret", arn)})
    gcs_server.permit(exchange.principal.replace("system:serviceaccount:clusters:state", arn))
    kind = {"subject_token_type": "urn:ietf:params:aws:token-type:aws4_request"}
    document = json.dumps({**json.loads(exchange.document), **kind})
    keys = {"AWS_ACCESS_KEY_ID": "AKIDENTIFIER", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_REGION": "eu-west-1"}
    await use(bucket, secret(document, **keys, **more), options)
    wrong = secret(document, **{**keys, **more, "AWS_SECRET_ACCESS_KEY": "canary-wrong"})
    async with opened(f"gs://{bucket}", wrong, options) as store:
        with pytest.raises(AuthenticationFailed, match="invalid credentials of AWS") as caught:
            await keys_of(store)
    assert "canary" not in caught.value.message


class Tokens:
    """Gives tokens as the API server does, and remembers for whom."""

    def __init__(self, *, forbidden: bool = False) -> None:
        self.audiences: list[str] = []
        self._forbidden = forbidden

    def issue(self, audience: str) -> str:
        self.audiences.append(audience)
        if self._forbidden:
            raise KubeForbidden("Could not create serviceaccounts/token clusters/state.")
        return ISSUER.issue(audience)


def identity(issuer: TokenIssuer, environ: dict[str, str] | None = None, **annotations: str) -> Credentials:
    given = Given(account=ServiceAccount("clusters", "state", "uid-1", annotations), issuer=issuer)
    return choose_credentials("gs", RULES, given, environ or {}, ambient_allowed=False)


@pytest.fixture
def project() -> str:
    """A project of the test's own: its pool is on a server that others share."""
    return f"acme-{secrets.token_hex(4)}"


def create_pool(gcs_server: GcsServer, project: str) -> tuple[str, str]:
    """Give a GKE cluster of the project, and who its service account is for Google."""
    name = f"projects/{project}/locations/europe-west3/clusters/prod"
    pool = f"{project}.svc.id.goog"
    principal = (
        f"principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/{pool}/subject/"
    )
    audience = f"identitynamespace:{pool}:https://container.googleapis.com/v1/{name}"
    gcs_server.create_provider(audience, f"{principal}{{}}", ISSUER.key, token_audience=pool)
    return name, f"{principal}system:serviceaccount:clusters:state"


async def test_a_service_account_of_gke_acts_as_googles(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, google: ForwardProxy, project: str
) -> None:
    name, principal = create_pool(gcs_server, project)
    account, tokens = gcs_server.create_account(), Tokens()
    gcs_server.let_impersonate(principal, account.email)
    await use(bucket, identity(tokens, {CLUSTER: name}, **{ACCOUNT_ANNOTATION: account.email}), options)
    assert tokens.audiences == [f"{project}.svc.id.goog"]
    assert called(google) == {"sts", "iamcredentials", "storage"}


async def test_a_service_account_of_gke_may_be_a_principal_itself(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, google: ForwardProxy, project: str
) -> None:
    name, principal = create_pool(gcs_server, project)
    gcs_server.permit(principal, ["storage.buckets.get", "storage.objects.create"])
    async with opened(f"gs://{bucket}", identity(Tokens(), {CLUSTER: name}), options) as store:
        await store.write("file", b"x")
        with pytest.raises(AccessDenied) as caught:
            await keys_of(store)
    assert called(google) == {"sts", "storage"}
    subject = f"workloadIdentityPools/{project}.svc.id.goog/subject/ns/clusters/sa/state."
    assert (
        f"Grant storage.objects.list to principal://iam.googleapis.com/projects/PROJECT_NUMBER/locations/global/{subject}"
        in (caught.value.message)
    )


async def test_elsewhere_a_provider_takes_the_token(gcs_server: GcsServer, bucket: str, options: StoreOptions) -> None:
    exchange, tokens = federation(gcs_server, ISSUER.key), Tokens()
    provider = exchange.audience.removeprefix("//iam.googleapis.com/")
    credentials = identity(tokens, **{PROVIDER_ANNOTATION: provider})
    await use(bucket, credentials, options)
    assert tokens.audiences == [exchange.audience]
    gcs_server.permit(exchange.principal, [])
    async with opened(f"gs://{bucket}", credentials, options) as store:
        with pytest.raises(AccessDenied, match=f"Grant storage.objects.list to {exchange.principal}."):
            await keys_of(store)


async def test_a_token_that_nobody_gives_is_told(bucket: str, options: StoreOptions, project: str) -> None:
    name = f"projects/{project}/locations/europe-west3/clusters/prod"
    async with opened(f"gs://{bucket}", identity(Tokens(forbidden=True), {CLUSTER: name}), options) as store:
        with pytest.raises(KubeForbidden, match="serviceaccounts/token"):
            await keys_of(store)


@pytest.fixture
def nothing_known() -> Iterator[None]:
    """A process that hasn't asked for its cluster."""
    cluster._ask.cache_clear()
    yield
    cluster._ask.cache_clear()


@pytest.mark.usefixtures("nothing_known")
async def test_the_metadata_service_knows_the_cluster_and_is_asked_once(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, project: str
) -> None:
    facts = {
        "/computeMetadata/v1/project/project-id": project,
        "/computeMetadata/v1/instance/attributes/cluster-location": "europe-west3",
        "/computeMetadata/v1/instance/attributes/cluster-name": "prod\n",
    }

    def answer(request: web.Request) -> web.Response:
        assert request.headers["Metadata-Flavor"] == "Google"
        return web.Response(text=facts[request.path])

    _, principal = create_pool(gcs_server, project)
    gcs_server.permit(principal)
    async with canned(answer) as metadata:
        credentials = identity(Tokens(), {METADATA_HOST: metadata.endpoint.removeprefix("http://")})
        await use(bucket, credentials, options)
        await use(gcs_server.create_bucket(), credentials, options)
    assert [request.path for request in metadata.requests] == list(facts)


@pytest.mark.usefixtures("nothing_known")
@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (404, "", CredentialsInvalid),
        (503, "", StoreUnavailable),
        (200, "", StoreUnavailable),
        (200, "../secrets", StoreUnavailable),
    ],
)
async def test_a_cluster_that_is_not_found_is_told(
    bucket: str, options: StoreOptions, status: int, text: str, error: type[Exception]
) -> None:
    async with canned(lambda _: web.Response(status=status, text=text)) as metadata:
        credentials = identity(Tokens(), {METADATA_HOST: metadata.endpoint.removeprefix("http://")})
        with pytest.raises(error, match="metadata service"):
            async with opened(f"gs://{bucket}", credentials, options):
                pass


@pytest.mark.usefixtures("nothing_known")
async def test_where_there_is_no_metadata_service_the_annotation_is_asked_for(
    bucket: str, options: StoreOptions
) -> None:
    with pytest.raises(CredentialsInvalid, match=rf"no annotation {PROVIDER_ANNOTATION}.*{CLUSTER}"):
        async with opened(f"gs://{bucket}", identity(Tokens(), {METADATA_HOST: "127.0.0.1:9"}), options):
            pass


@pytest.mark.parametrize("key", ["canary", "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n"])
async def test_a_key_that_is_none_is_told_at_once(
    gcs_server: GcsServer, bucket: str, options: StoreOptions, key: str
) -> None:
    document = json.dumps({**key_of(gcs_server.create_account()), "private_key": key})
    with pytest.raises(CredentialsInvalid, match="private_key") as caught:
        async with opened(f"gs://{bucket}", secret(document), options):
            pass
    assert "canary" not in caught.value.message
