"""S3 under AWS's own names, which a proxy leads to moto: addresses, regions, partitions, roles and identities."""

import json
import secrets
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from clusterstate.api.store import Encryption
from clusterstate.errors import (
    AccessDenied,
    AuthenticationFailed,
    CredentialsInvalid,
    KubeForbidden,
    LostRace,
    StoreError,
    StoreRefused,
)
from clusterstate.sandbox.s3server import S3User
from clusterstate.store.backends.s3.store import open_bucket
from clusterstate.store.base import ABSENT, Streamed, streams, typed
from clusterstate.store.clients import Clients
from clusterstate.store.credentials import Credentials, Given, ServiceAccount, TokenIssuer, choose_credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import backend_of
from clusterstate.store.opening import Opening
from clusterstate.store.options import Role, StoreOptions
from clusterstate.store.sinks import PART
from tests.store.backends.s3.stores import secret
from tests.store.canned import canned, error
from tests.store.conformance import keys_of
from tests.store.opening import ambient, opened
from tests.store.streaming import LARGE, Parts, Watched, large
from tests.support.awsfront import AwsFront, Trust
from tests.support.forwardproxy import ForwardProxy
from tests.support.moto import EVERYTHING, MotoServer
from tests.support.tokens import Issuer

pytestmark = pytest.mark.objectstore
ACCOUNT = "123456789012"
ANYBODY = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [{**ANYBODY, "Principal": {"AWS": "*"}}]})


@pytest.fixture
def front(moto_server: MotoServer, tls: ssl.SSLContext) -> Iterator[AwsFront]:
    with AwsFront(moto_server, context=tls) as front:
        yield front


@pytest.fixture
def aws(front: AwsFront) -> Iterator[ForwardProxy]:
    """The way to AWS, as it is here."""
    target = front.endpoint.removeprefix("https://")
    with ForwardProxy(routes={"*.amazonaws.com:443": target, "*.amazonaws.com.cn:443": target}) as proxy:
        yield proxy


@pytest.fixture
def options(aws: ForwardProxy, certificates: Path) -> StoreOptions:
    return StoreOptions(proxy=aws.url, ca_bundle=(certificates / "ca.crt").read_text())


def make_bucket(moto_server: MotoServer, region: str = "us-east-1") -> str:
    name, s3 = f"test-{secrets.token_hex(5)}", moto_server.client("s3")
    s3.create_bucket(Bucket=name, **located(region))
    return name


def located(region: str) -> dict[str, Any]:
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


@pytest.fixture
def bucket(moto_server: MotoServer) -> str:
    return make_bucket(moto_server)


def keys_for(user: S3User | MotoServer, **more: str) -> Credentials:
    return secret({"AWS_ACCESS_KEY_ID": user.access_key, "AWS_SECRET_ACCESS_KEY": user.secret_key, **more})


ADDRESSES = [
    ("us-east-1", {}, "s3.dualstack.us-east-1.amazonaws.com"),
    ("eu-central-1", {"AWS_USE_DUALSTACK_ENDPOINT": "false"}, "s3.eu-central-1.amazonaws.com"),
    ("us-gov-west-1", {}, "s3.dualstack.us-gov-west-1.amazonaws.com"),
    ("cn-north-1", {}, "s3.dualstack.cn-north-1.amazonaws.com.cn"),
]


@pytest.mark.parametrize(("region", "variables", "host"), ADDRESSES)
async def test_every_partition_has_its_addresses(
    moto_server: MotoServer,
    options: StoreOptions,
    aws: ForwardProxy,
    region: str,
    variables: Mapping[str, str],
    host: str,
) -> None:
    user, bucket = moto_server.owner_of(region), f"test-{secrets.token_hex(5)}"
    moto_server.client("s3", user, region=region).create_bucket(Bucket=bucket, **located(region))
    async with opened(f"s3://{bucket}", keys_for(user, AWS_REGION=region, **variables), options) as store:
        await store.write("file", b"x")
        assert await keys_of(store) == ["file"]
        assert store.capabilities.atomic_create, "AWS keeps conditions, whatever its address"
        assert store.endpoint == ""
    assert set(aws.targets) == {f"{host}:443", f"{bucket}.{host}:443"}


@pytest.mark.parametrize(
    ("variables", "host"),
    [
        ({"AWS_USE_FIPS_ENDPOINT": "true"}, "s3-fips.dualstack.us-gov-west-1.amazonaws.com"),
        (
            {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "false"},
            "s3-fips.us-gov-west-1.amazonaws.com",
        ),
    ],
)
async def test_fips_has_addresses_of_its_own(
    moto_server: MotoServer, options: StoreOptions, aws: ForwardProxy, variables: Mapping[str, str], host: str
) -> None:
    """moto doesn't know these names: what counts is who was called."""
    keys = keys_for(moto_server, AWS_REGION="us-gov-west-1", **variables)
    async with opened("s3://acme-state", keys, replace(options, region="us-gov-west-1")) as store:
        with pytest.raises(StoreError):
            await keys_of(store)
        assert store.capabilities.atomic_create
    assert f"acme-state.{host}:443" in aws.targets
    assert all("fips" in target for target in aws.targets)


async def test_fips_where_there_is_none_is_told(moto_server: MotoServer, options: StoreOptions) -> None:
    keys = keys_for(moto_server, AWS_REGION="cn-north-1", AWS_USE_FIPS_ENDPOINT="true")
    with pytest.raises(StoreRefused, match="s3://acme"):
        async with opened("s3://acme", keys, options) as store:
            await keys_of(store)


@pytest.mark.parametrize("name", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
async def test_a_switch_is_true_or_false(moto_server: MotoServer, name: str) -> None:
    with pytest.raises(CredentialsInvalid, match=f"{name} is neither true nor false"):
        async with opened("s3://acme", keys_for(moto_server, **{name: "yes"})):
            pass


async def test_a_bucket_elsewhere_is_found(moto_server: MotoServer, options: StoreOptions, aws: ForwardProxy) -> None:
    bucket = make_bucket(moto_server, "eu-central-1")
    async with opened(f"s3://{bucket}", keys_for(moto_server), options) as store:
        await store.write("file", b"x")
    assert set(aws.targets) == {
        "s3.dualstack.us-east-1.amazonaws.com:443",
        f"{bucket}.s3.dualstack.eu-central-1.amazonaws.com:443",
    }


async def test_a_large_file_goes_in_one_request_with_its_checksum_behind_it(
    moto_server: MotoServer, bucket: str, options: StoreOptions
) -> None:
    """Over TLS the SDK signs no body: it sends the checksum as trailer of a body in pieces."""
    asked = replace(options, encryption=Encryption.AES256, acl="bucket-owner-full-control")
    async with opened(f"s3://{bucket}", keys_for(moto_server), asked) as store:
        with Watched.of(large(1)) as body:
            version = await streams(typed(store, "application/gzip")).upload("file", body, expect=ABSENT)
            with pytest.raises(LostRace):
                await streams(store).upload("file", body, expect=ABSENT)
            assert max(body.parts) <= PART
        parts = Parts()
        assert await streams(store).download("file", parts, size=LARGE) == Streamed(version, "application/gzip")
        assert parts.data == large(1)
    found = moto_server.client("s3").head_object(Bucket=bucket, Key="file", ChecksumMode="ENABLED")
    assert (found["ContentLength"], found["ServerSideEncryption"]) == (LARGE, "AES256")
    assert found["ChecksumCRC32"]


def make_role(moto_server: MotoServer, *statements: object) -> str:
    """Give the ARN of a role that may do what the statements say."""
    iam, name = moto_server.client("iam"), f"role-{secrets.token_hex(4)}"
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=document)
    return arn


def asked(front: AwsFront) -> list[dict[str, str]]:
    """Give the forms that STS was sent."""
    return [{name: values[0] for name, values in parse_qs(body).items()} for body in front.posted]


async def test_roles_are_assumed_one_after_the_other(
    moto_server: MotoServer, bucket: str, options: StoreOptions, front: AwsFront, aws: ForwardProxy
) -> None:
    """Each may do nothing but the next step, so only the whole chain leads to the files."""
    user = moto_server.create_user([ANYBODY])
    middle, last = make_role(moto_server, ANYBODY), make_role(moto_server, EVERYTHING)
    chain = StoreOptions(
        roles=(Role(middle), Role(last, "external-1")), proxy=options.proxy, ca_bundle=options.ca_bundle
    )
    async with opened(f"s3://{bucket}", keys_for(user), chain) as store:
        await store.write("file", b"x")
        assert (await store.read("file")).data == b"x"
    forms = asked(front)
    assert [(form["Action"], form["RoleArn"], form.get("ExternalId")) for form in forms] == [
        ("AssumeRole", middle, None),
        ("AssumeRole", last, "external-1"),
    ]
    assert "sts.us-east-1.amazonaws.com:443" in aws.targets


async def test_a_role_that_is_not_given_is_told(moto_server: MotoServer, bucket: str, options: StoreOptions) -> None:
    user = moto_server.create_user()
    role = make_role(moto_server, EVERYTHING)
    chain = StoreOptions(roles=(Role(role),), proxy=options.proxy, ca_bundle=options.ca_bundle)
    async with opened(f"s3://{bucket}", keys_for(user), chain) as store:
        with pytest.raises(AccessDenied, match=r"AssumeRole .*Grant sts:AssumeRole to ") as caught:
            await keys_of(store)
    assert bucket in caught.value.message


async def test_who_a_role_denies_is_the_role(moto_server: MotoServer, bucket: str, options: StoreOptions) -> None:
    user, role = moto_server.create_user([ANYBODY]), make_role(moto_server)
    chain = StoreOptions(roles=(Role(role),), region="us-east-1", proxy=options.proxy, ca_bundle=options.ca_bundle)
    async with opened(f"s3://{bucket}", keys_for(user), chain) as store:
        with pytest.raises(AccessDenied, match=f"Grant s3:ListBucket to {role}."):
            await keys_of(store)


async def test_who_is_denied_is_asked_of_sts_once(
    moto_server: MotoServer, bucket: str, options: StoreOptions, front: AwsFront
) -> None:
    user = moto_server.create_user()
    async with opened(f"s3://{bucket}", keys_for(user), options) as store:
        for _ in range(2):
            with pytest.raises(AccessDenied, match=rf"Grant s3:GetBucketLocation to arn:aws:iam::{ACCOUNT}:user/user-"):
                await keys_of(store)
    assert [form["Action"] for form in asked(front)] == ["GetCallerIdentity"]


async def test_at_a_custom_endpoint_sts_is_asked_there(moto_server: MotoServer, bucket: str, aws: ForwardProxy) -> None:
    user = moto_server.create_user([ANYBODY])
    chain = StoreOptions(endpoint=moto_server.endpoint, roles=(Role(make_role(moto_server, EVERYTHING)),))
    async with opened(f"s3://{bucket}", keys_for(user), chain) as store:
        await store.write("file", b"x")
    assert aws.targets == []


SUBJECT = "system:serviceaccount:clusters:state"
ISSUER = Issuer()


class Tokens:
    """Gives tokens as the API server does, and remembers for whom."""

    def __init__(self, token: str = "", *, seconds: int = 600, forbidden: bool = False) -> None:
        self.audiences: list[str] = []
        self.token, self._seconds, self._forbidden = token, seconds, forbidden

    def issue(self, audience: str) -> str:
        self.audiences.append(audience)
        if self._forbidden:
            raise KubeForbidden("Could not create serviceaccounts/token clusters/state.")
        return self.token or ISSUER.issue(audience, SUBJECT, self._seconds)


def trusting_role(moto_server: MotoServer, front: AwsFront, *statements: object, **trust: str) -> str:
    role = make_role(moto_server, *statements)
    front.trusts[role] = Trust(ISSUER, **{"subject": SUBJECT, **trust})
    return role


def identity(issuer: TokenIssuer, **annotations: str) -> Credentials:
    account = ServiceAccount("clusters", "state", "uid-1", annotations)
    given = Given(account=account, issuer=issuer)
    return choose_credentials("s3", backend_of("s3").rules, given, {}, ambient_allowed=False)


def irsa(issuer: TokenIssuer, role: str, **annotations: str) -> Credentials:
    return identity(issuer, **{"eks.amazonaws.com/role-arn": role, **annotations})


async def test_a_service_account_is_exchanged_for_its_role(
    moto_server: MotoServer, bucket: str, options: StoreOptions, front: AwsFront
) -> None:
    tokens, role = Tokens(), trusting_role(moto_server, front, EVERYTHING)
    async with opened(f"s3://{bucket}", irsa(tokens, role), options) as store:
        await store.write("file", b"x")
        assert await keys_of(store) == ["file"]
    assert tokens.audiences == ["sts.amazonaws.com"], "one token for many requests"
    (form,) = asked(front)
    assert form["Action"] == "AssumeRoleWithWebIdentity"
    assert form["RoleArn"] == role
    assert form["RoleSessionName"] == "clusterstate-clusters-state"


async def test_the_audience_is_the_annotations(
    moto_server: MotoServer, bucket: str, options: StoreOptions, front: AwsFront
) -> None:
    tokens, role = Tokens(), trusting_role(moto_server, front, EVERYTHING, audience="our-own")
    credentials = irsa(tokens, role, **{"eks.amazonaws.com/audience": "our-own"})
    async with opened(f"s3://{bucket}", credentials, options) as store:
        await keys_of(store)
    assert tokens.audiences == ["our-own"]


async def test_roles_may_follow_a_service_account(
    moto_server: MotoServer, bucket: str, options: StoreOptions, front: AwsFront
) -> None:
    first, last = trusting_role(moto_server, front, ANYBODY), make_role(moto_server, EVERYTHING)
    chain = StoreOptions(roles=(Role(last),), proxy=options.proxy, ca_bundle=options.ca_bundle)
    async with opened(f"s3://{bucket}", irsa(Tokens(), first), chain) as store:
        await store.write("file", b"x")
    assert [form["RoleArn"] for form in asked(front)] == [first, last]


@pytest.mark.parametrize("trust", [{"subject": "system:serviceaccount:other:state"}, {"audience": "other"}])
async def test_a_role_that_trusts_others_is_told(
    moto_server: MotoServer, bucket: str, options: StoreOptions, front: AwsFront, trust: dict[str, str]
) -> None:
    role = trusting_role(moto_server, front, EVERYTHING, **trust)
    async with opened(f"s3://{bucket}", irsa(Tokens(), role), options) as store:
        with pytest.raises((AccessDenied, AuthenticationFailed), match="AssumeRoleWithWebIdentity"):
            await keys_of(store)


async def test_a_token_that_is_over_is_told(
    moto_server: MotoServer, bucket: str, options: StoreOptions, front: AwsFront
) -> None:
    role = trusting_role(moto_server, front, EVERYTHING)
    async with opened(f"s3://{bucket}", irsa(Tokens(seconds=-60), role), options) as store:
        with pytest.raises(AuthenticationFailed, match="time is over"):
            await keys_of(store)


async def test_a_token_that_nobody_gives_is_told(bucket: str, options: StoreOptions) -> None:
    async with opened(
        f"s3://{bucket}", irsa(Tokens(forbidden=True), f"arn:aws:iam::{ACCOUNT}:role/a"), options
    ) as store:
        with pytest.raises(KubeForbidden, match="serviceaccounts/token"):
            await keys_of(store)


def test_a_service_account_without_role_is_told() -> None:
    with pytest.raises(CredentialsInvalid, match=r"no annotation eks\.amazonaws\.com/role-arn"):
        identity(Tokens())


async def test_a_token_that_sts_refuses_is_told_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """A hostile endpoint repeats the token; neither message nor log does."""
    caplog.set_level("DEBUG")
    tokens = Tokens(ISSUER.issue("sts.amazonaws.com"))

    def answer(_: web.Request) -> web.Response:
        said = f"<Code>InvalidIdentityToken</Code><Message>{tokens.token} isn't ours</Message>"
        return web.Response(status=400, text=f"<ErrorResponse><Error>{said}</Error></ErrorResponse>")

    async with canned(answer) as server:
        options = StoreOptions(endpoint=server.endpoint)
        async with opened("s3://acme", irsa(tokens, f"arn:aws:iam::{ACCOUNT}:role/a"), options) as store:
            with pytest.raises(
                AuthenticationFailed, match="AssumeRoleWithWebIdentity: 400 InvalidIdentityToken"
            ) as caught:
                await keys_of(store)
    assert "*** isn't ours" in caught.value.message
    assert tokens.token not in caught.value.message + caplog.text


async def test_a_refused_write_tells_why_it_was_encrypted() -> None:
    keys = secret({"S3_ACCESS_KEY_ID": "AKIDENTIFIER", "S3_SECRET_ACCESS_KEY": "canary"})
    async with (
        canned(lambda _: error(403, "AccessDenied", "Access Denied")) as server,
        opened("s3://acme", keys, StoreOptions(endpoint=server.endpoint)) as store,
    ):
        with pytest.raises(AccessDenied) as caught:
            await store.write("file", b"x")
    assert caught.value.message.endswith(
        "Grant s3:PutObject to access key AKIDENTIFIER. The request carried ServerSideEncryption=AES256. AES256 was "
        "chosen since s3:GetEncryptionConfiguration is denied to access key AKIDENTIFIER, so that the bucket's own "
        "default isn't known."
    )


def contained(user: S3User) -> dict[str, str]:
    return {
        "AccessKeyId": user.access_key,
        "SecretAccessKey": user.secret_key,
        "Token": "",
        "Expiration": "2099-01-01T00:00:00Z",
    }


@pytest.fixture
def plain(moto_server: MotoServer) -> Iterator[AwsFront]:
    with AwsFront(moto_server) as front:
        yield front


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, plain: AwsFront, tmp_path: Path) -> None:
    """The operator's environment without any credentials, at moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for service in ("S3", "STS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", plain.endpoint)


async def use_ambient(bucket: str, options: StoreOptions | None = None) -> None:
    credentials = ambient("s3", {"AWS_REGION": "us-east-1"})
    opening = Opening(Location.parse(f"s3://{bucket}"), options or StoreOptions(), credentials, EndpointPolicy())
    store = await open_bucket(opening, Clients())
    await store.write("file", b"x")
    assert await keys_of(store) == ["file"]
    await store.close()


@pytest.mark.usefixtures("nobody")
async def test_the_operator_s_pod_identity(
    moto_server: MotoServer, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """EKS Pod Identity: an agent on the node gives credentials to whoever brings the Pod's token."""
    user = moto_server.create_user([EVERYTHING])
    (tmp_path / "token").write_text("the-pods-token")

    def answer(request: web.Request) -> web.Response:
        fine = request.headers.get("Authorization") == "the-pods-token"
        return web.json_response(contained(user)) if fine else error(403, "AccessDenied")

    async with canned(answer) as agent:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{agent.endpoint}/v1/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(tmp_path / "token"))
        await use_ambient(bucket)
        assert [request.path for request in agent.requests] == ["/v1/credentials"]


@pytest.mark.usefixtures("nobody")
async def test_the_operator_s_own_service_account(
    moto_server: MotoServer, bucket: str, plain: AwsFront, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """IAM roles for service accounts, as EKS's webhook sets them up in the operator's Pod."""
    (tmp_path / "token").write_text(Tokens().issue("sts.amazonaws.com"))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", trusting_role(moto_server, plain, EVERYTHING))
    await use_ambient(bucket)


@pytest.mark.usefixtures("nobody")
async def test_the_operator_s_profile_and_a_role_from_there(
    moto_server: MotoServer, bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user = moto_server.create_user([ANYBODY])
    keys = f"aws_access_key_id = {user.access_key}\naws_secret_access_key = {user.secret_key}\n"
    (tmp_path / "credentials").write_text(f"[state]\n{keys}")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "state")
    await use_ambient(bucket, StoreOptions(roles=(Role(make_role(moto_server, EVERYTHING)),)))


@pytest.mark.usefixtures("nobody")
async def test_the_operator_s_instance(moto_server: MotoServer, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user = moto_server.create_user([EVERYTHING])

    def answer(request: web.Request) -> web.Response:
        if request.method == "PUT":
            return web.Response(text="session")
        if request.path.endswith("/security-credentials/"):
            return web.Response(text="node-role")
        return web.json_response({**contained(user), "Code": "Success"})

    async with canned(answer) as metadata:
        monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint)
        await use_ambient(bucket)
