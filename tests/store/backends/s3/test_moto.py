"""S3 as Amazon has it: policies, ACLs, encryption, regions, the environment's chain."""

import json
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from clusterstate.api.store import Encryption
from clusterstate.errors import AccessDenied, AuthenticationFailed, StoreNotFound
from clusterstate.store.backends.s3.config import ClientInputs, Config, Keys
from clusterstate.store.backends.s3.store import open_bucket
from clusterstate.store.base import Store
from clusterstate.store.clients import Clients
from clusterstate.store.credentials import Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.s3.stores import bare, config_of, s3_secret, secret
from tests.store.conformance import TWO_PAGES, Mark, StoreConformance, keys_of
from tests.store.opening import SomeKeys, ambient, opened
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.moto import MotoServer

pytestmark = pytest.mark.objectstore
EU = {"LocationConstraint": "eu-central-1"}


@pytest.fixture
def bucket(moto_server: MotoServer) -> str:
    name = f"test-{secrets.token_hex(5)}"
    moto_server.client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def eu_bucket(moto_server: MotoServer) -> str:
    name = f"test-{secrets.token_hex(5)}"
    moto_server.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=EU)
    return name


@pytest.fixture
def proxy(moto_server: MotoServer) -> Iterator[FaultProxy]:
    with FaultProxy(moto_server.endpoint) as proxy:
        yield proxy


class TestS3OnMoto(StoreConformance):
    row = "s3 (moto)"
    listed = TWO_PAGES

    @pytest.fixture
    def mark(self, moto_server: MotoServer, bucket: str) -> Mark:
        s3 = moto_server.client("s3")
        return lambda key: s3.put_object(Bucket=bucket, Key=key)

    @pytest.fixture
    async def store(self, moto_server: MotoServer, bucket: str) -> AsyncIterator[Store]:
        async with opened(f"s3://{bucket}", s3_secret(moto_server, moto_server.endpoint)) as store:
            yield store

    @pytest.fixture
    async def rival(self, moto_server: MotoServer, bucket: str) -> AsyncIterator[Store]:
        user = moto_server.create_user([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
        async with opened(f"s3://{bucket}", s3_secret(user, moto_server.endpoint)) as store:
            yield store


def head(moto_server: MotoServer, bucket: str) -> dict[str, str]:
    answer: dict[str, str] = moto_server.client("s3").head_object(Bucket=bucket, Key="file")
    return answer


async def write_file(moto_server: MotoServer, bucket: str, options: StoreOptions, **variables: str) -> None:
    async with opened(f"s3://{bucket}", s3_secret(moto_server, moto_server.endpoint, **variables), options) as store:
        await store.write("file", b"x")


async def test_a_file_and_a_folder_of_one_name_live_together(moto_server: MotoServer, bucket: str) -> None:
    async with opened(f"s3://{bucket}", s3_secret(moto_server, moto_server.endpoint)) as store:
        await store.write("d1", b"x")
        await store.write("d1/x", b"y")
        assert await keys_of(store) == ["d1", "d1/x"]


def grants(moto_server: MotoServer, bucket: str) -> list[tuple[str, str]]:
    answer = moto_server.client("s3").get_object_acl(Bucket=bucket, Key="file")
    return [(grant["Grantee"].get("URI", "owner"), grant["Permission"]) for grant in answer["Grants"]]


async def test_the_acl_variable_is_trimmed_and_sent(moto_server: MotoServer, bucket: str) -> None:
    await write_file(moto_server, bucket, StoreOptions(), KOPS_STATE_S3_ACL=" public-read \n")
    assert ("http://acs.amazonaws.com/groups/global/AllUsers", "READ") in grants(moto_server, bucket)


async def test_the_acl_field_wins_over_the_variable(moto_server: MotoServer, bucket: str) -> None:
    await write_file(moto_server, bucket, StoreOptions(acl="authenticated-read"), KOPS_STATE_S3_ACL="public-read")
    assert grants(moto_server, bucket)[-1] == ("http://acs.amazonaws.com/groups/global/AuthenticatedUsers", "READ")


async def test_without_acl_only_the_owner_has_grants(moto_server: MotoServer, bucket: str) -> None:
    await write_file(moto_server, bucket, StoreOptions())
    assert grants(moto_server, bucket) == [("owner", "FULL_CONTROL")]


async def test_auto_asks_for_encryption_where_the_bucket_does_not_say(
    moto_server: MotoServer, bucket: str, proxy: FaultProxy
) -> None:
    async with opened(f"s3://{bucket}", s3_secret(moto_server, proxy.endpoint)) as store:
        assert proxy.counts.total() == 0
        for _ in range(3):
            await store.write("file", b"x")
    assert proxy.counts == {("GET", f"/{bucket}"): 1, ("PUT", f"/{bucket}/file"): 3}
    assert head(moto_server, bucket)["ServerSideEncryption"] == "AES256"


async def test_auto_leaves_it_to_a_bucket_that_encrypts(moto_server: MotoServer, bucket: str) -> None:
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    moto_server.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    await write_file(moto_server, bucket, StoreOptions())
    assert head(moto_server, bucket).get("ServerSideEncryption") != "AES256"


async def test_auto_asks_for_encryption_where_asking_is_denied(moto_server: MotoServer, bucket: str) -> None:
    user = moto_server.create_user([{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}])
    async with opened(f"s3://{bucket}", s3_secret(user, moto_server.endpoint)) as store:
        await store.write("file", b"x")
    assert head(moto_server, bucket)["ServerSideEncryption"] == "AES256"


async def test_auto_writes_nothing_before_the_bucket_was_asked(
    moto_server: MotoServer, bucket: str, proxy: FaultProxy
) -> None:
    """An outage of the question doesn't make it AES256, where the bucket has a key of its own."""
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    moto_server.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    async with opened(f"s3://{bucket}", s3_secret(moto_server, proxy.endpoint)) as store:
        with proxy.failing(Fault(method="GET", status=503, times=2)):
            await store.write("file", b"x")
    assert proxy.counts == {("GET", f"/{bucket}"): 3, ("PUT", f"/{bucket}/file"): 1}
    assert head(moto_server, bucket).get("ServerSideEncryption") != "AES256"


async def test_none_sends_no_header_and_asks_nothing(moto_server: MotoServer, bucket: str, proxy: FaultProxy) -> None:
    options = StoreOptions(encryption=Encryption.NONE)
    async with opened(f"s3://{bucket}", s3_secret(moto_server, proxy.endpoint), options) as store:
        await store.write("file", b"x")
    assert proxy.counts == {("PUT", f"/{bucket}/file"): 1}
    assert "ServerSideEncryption" not in head(moto_server, bucket)


async def test_kms_sends_its_key(moto_server: MotoServer, bucket: str) -> None:
    await write_file(moto_server, bucket, StoreOptions(encryption=Encryption.KMS, kms_key_id="alias/state"))
    answer = head(moto_server, bucket)
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", "alias/state")


async def test_a_wrong_secret_is_told(moto_server: MotoServer, bucket: str) -> None:
    wrong = SomeKeys(moto_server.access_key, "wrong" * 8)
    async with opened(f"s3://{bucket}", s3_secret(wrong, moto_server.endpoint)) as store:
        with pytest.raises(AuthenticationFailed, match="SignatureDoesNotMatch"):
            await keys_of(store)


async def test_a_user_without_rights_learns_the_permission(moto_server: MotoServer, bucket: str) -> None:
    user = moto_server.create_user()
    async with opened(f"s3://{bucket}", s3_secret(user, moto_server.endpoint)) as store:
        with pytest.raises(AccessDenied, match=r"s3:ListBucket"):
            await keys_of(store)
        with pytest.raises(AccessDenied, match=r"s3:PutObject.*ServerSideEncryption=AES256"):
            await store.write("file", b"x")
        with pytest.raises(AccessDenied, match=r"s3:DeleteObject"):
            await store.delete("file")


async def test_a_bucket_policy_denies_one_folder(moto_server: MotoServer, bucket: str) -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/no/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    moto_server.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    async with opened(f"s3://{bucket}", s3_secret(moto_server, moto_server.endpoint)) as store:
        await store.write("no/file", b"x")
        await store.write("yes/file", b"x")
        assert (await store.read("yes/file")).data == b"x"
        with pytest.raises(AccessDenied, match="no/file"):
            await store.read("no/file")


def aws_config(moto_server: MotoServer, keys: SomeKeys | MotoServer, endpoint: str = "") -> Config:
    """Give what explicit keys for AWS make, but with moto's address."""
    inputs = ClientInputs(Keys(keys.access_key, keys.secret_key), endpoint or moto_server.endpoint, "us-east-1")
    return config_of(inputs, ask_region=True)


async def test_a_bucket_is_asked_for_its_region_once(
    moto_server: MotoServer, eu_bucket: str, proxy: FaultProxy
) -> None:
    async with bare(eu_bucket, aws_config(moto_server, moto_server, proxy.endpoint)) as store:
        for _ in range(3):
            await keys_of(store)
        await store.write("file", b"x")
    assert proxy.counts == {("GET", f"/{eu_bucket}"): 1 + 3, ("PUT", f"/{eu_bucket}/file"): 1}


async def test_where_asking_is_denied_the_header_tells(
    moto_server: MotoServer, eu_bucket: str, proxy: FaultProxy
) -> None:
    allowed = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:HeadBucket", "s3:PutObject"], "Resource": "*"}
    user = moto_server.create_user([allowed])
    config = aws_config(moto_server, SomeKeys(user.access_key, user.secret_key), proxy.endpoint)
    async with bare(eu_bucket, config) as store:
        await store.write("file", b"x")
        assert await keys_of(store) == ["file"]
    assert proxy.counts["HEAD", f"/{eu_bucket}"] == 1


async def test_where_nothing_tells_the_permission_is_named(moto_server: MotoServer) -> None:
    user = moto_server.create_user()
    async with bare("no-such-bucket", aws_config(moto_server, SomeKeys(user.access_key, user.secret_key))) as store:
        with pytest.raises((AccessDenied, StoreNotFound), match=r"s3:GetBucketLocation|no bucket"):
            await keys_of(store)


def opening(bucket: str, credentials: Credentials) -> Opening:
    return Opening(Location.parse(f"s3://{bucket}"), StoreOptions(), credentials, EndpointPolicy())


@pytest.fixture
def chain(moto_server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's environment with keys for moto."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_server.secret_key)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_server.endpoint)
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.usefixtures("chain")
async def test_ambient_credentials_are_the_sdks_chain(moto_server: MotoServer, eu_bucket: str) -> None:
    store = await open_bucket(opening(eu_bucket, ambient("s3", {"AWS_REGION": "us-east-1"})), Clients())
    await store.write("file", b"x")
    assert await keys_of(store) == ["file"]
    assert store._bucket.endpoint == moto_server.endpoint
    await store.close()


@pytest.mark.usefixtures("chain")
async def test_explicit_keys_never_see_the_environment(
    moto_server: MotoServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "/nowhere")
    async with opened(f"s3://{bucket}", s3_secret(moto_server, moto_server.endpoint)) as store:
        await store.write("file", b"x")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    keys = secret({"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "eu-west-1"})
    aws = await open_bucket(opening("acme-state", keys), Clients())
    assert aws.capabilities.atomic_update
    assert aws._bucket.endpoint == "https://s3.dualstack.eu-west-1.amazonaws.com"
    await aws.close()
