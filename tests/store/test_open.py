import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clusterstate.errors import (
    AuthenticationFailed,
    CredentialsInvalid,
    EndpointRefused,
    SpecInvalid,
    StoreRefused,
    StoreUnsupported,
)
from clusterstate.store.base import ABSENT
from clusterstate.store.credentials import NO_CREDENTIALS, from_environment
from clusterstate.store.location import Location
from clusterstate.store.open import OPENERS, Encryption, EndpointPolicy, StoreOptions, endpoint_of, open_store
from clusterstate.store.wrappers import RequestCounts
from tests.store.s3 import LOOPBACK, SomeKeys, opened, s3_secret, secret

KEYS = SomeKeys("access", "canary")
AWS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "canary"}

LOADS_NO_SDK = """
import asyncio, sys
from clusterstate.store.open import EndpointPolicy, StoreOptions, open_store
from clusterstate.store.credentials import NO_CREDENTIALS
from clusterstate.store.location import Location

def sdks():
    return sorted({"boto3", "botocore", "google", "oss2", "openstack", "kubernetes"} & sys.modules.keys())

async def main():
    for url in ("memfs://x", "file:///srv"):
        await open_store(Location.parse(url), StoreOptions(), NO_CREDENTIALS, EndpointPolicy.trusting())

asyncio.run(main())
assert sdks() == [], sdks()
import clusterstate.store.s3
assert sdks() == ["botocore"], sdks()
"""


def test_an_sdk_is_loaded_by_its_scheme_only() -> None:
    environment = {**os.environ, "PYTHONPATH": "operator"}
    done = subprocess.run(
        [sys.executable, "-c", LOADS_NO_SDK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("scheme", ["do", "gs", "oss", "swift", "k8s", "linode", "hos", "scw", "azureblob"])
async def test_known_stores_that_are_not_there_yet_say_so(scheme: str) -> None:
    with pytest.raises(StoreUnsupported, match=f"{scheme}:// stores are not supported yet"):
        async with opened(f"{scheme}://bucket", NO_CREDENTIALS):
            pass


async def test_unknown_stores_are_refused_with_the_known_ones() -> None:
    with pytest.raises(StoreUnsupported, match="ftp") as caught:
        async with opened("ftp://bucket", NO_CREDENTIALS):
            pass
    assert all(scheme in caught.value.message for scheme in OPENERS)


async def test_memory_is_shared_by_name_below_prefixes() -> None:
    async with (
        opened("memfs://open-test/a", NO_CREDENTIALS) as store,
        opened("memfs://open-test", NO_CREDENTIALS) as root,
    ):
        await store.write("file", b"x", expect=ABSENT)
        assert (await root.read("a/file")).data == b"x"


async def test_the_operators_disk_is_closed_unless_opened(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/state"
    for policy in (EndpointPolicy(), EndpointPolicy(file_roots=(f"{tmp_path}/other", "/srv"))):
        with pytest.raises(EndpointRefused, match="operator's own disk"):
            async with opened(url, NO_CREDENTIALS, policy=policy):
                pass
    for root in (str(tmp_path), f"{tmp_path}/state", "/"):
        async with opened(url, NO_CREDENTIALS, policy=EndpointPolicy(file_roots=(root,))) as store:
            await store.write("file", b"x")


async def test_the_operators_memory_is_closed_unless_opened() -> None:
    with pytest.raises(EndpointRefused, match=r"memfs://open-test.*CLUSTERSTATE_ALLOW_MEMORY"):
        async with opened("memfs://open-test", NO_CREDENTIALS, policy=EndpointPolicy()):
            pass
    for policy in (EndpointPolicy(memory_allowed=True), EndpointPolicy.trusting()):
        async with opened("memfs://open-test", NO_CREDENTIALS, policy=policy) as store:
            await store.write("file", b"x")


async def test_what_is_asked_is_counted() -> None:
    counts = RequestCounts()
    async with opened("memfs://counted", NO_CREDENTIALS, counts=counts) as store:
        await store.write("file", b"x")
    assert counts.writes == 1


@pytest.mark.parametrize(
    "endpoint", ["http://169.254.169.254", "http://localhost:9000", "http://metadata.google.internal"]
)
async def test_a_tenant_cannot_send_the_operator_to_its_own_network(endpoint: str) -> None:
    with pytest.raises(EndpointRefused):
        async with opened("s3://bucket", s3_secret(KEYS, endpoint), policy=EndpointPolicy()):
            pass
    with pytest.raises(EndpointRefused):
        async with opened("s3://bucket", secret(AWS), StoreOptions(endpoint=endpoint), policy=EndpointPolicy()):
            pass


async def test_the_operators_keys_are_not_sent_where_a_tenant_says() -> None:
    ambient = from_environment("s3", {"AWS_REGION": "us-east-1"})
    with pytest.raises(EndpointRefused, match="own credentials"):
        async with opened("s3://bucket", ambient, StoreOptions(endpoint="https://evil.example")):
            pass


async def test_the_operators_own_endpoint_may_be_repeated_and_is_not_judged() -> None:
    environ = {"S3_ENDPOINT": "http://127.0.0.1:9", "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}
    for options in (StoreOptions(), StoreOptions(endpoint="http://127.0.0.1:9/")):
        async with opened("s3://bucket", from_environment("s3", environ), options, policy=EndpointPolicy()):
            pass


async def test_keys_for_a_custom_endpoint_are_not_sent_to_amazon() -> None:
    keys = secret({"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "canary"})
    with pytest.raises(CredentialsInvalid, match="S3_ENDPOINT"):
        async with opened("s3://bucket", keys):
            pass
    async with opened("s3://bucket", keys, StoreOptions(endpoint="http://127.0.0.1:9")):
        pass


async def test_a_kms_key_needs_kms() -> None:
    with pytest.raises(SpecInvalid, match="aws:kms"):
        async with opened("s3://bucket", secret(AWS), StoreOptions(encryption=Encryption.AES256, kms_key_id="k")):
            pass


async def test_what_is_no_region_is_refused() -> None:
    for region in ("eu west", "evil.example/"):
        with pytest.raises(StoreRefused, match="s3://bucket"):
            async with opened("s3://bucket", secret(AWS), StoreOptions(region=region)):
                pass


async def test_an_environment_that_the_sdk_cannot_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    ambient = from_environment("s3", {"AWS_REGION": "us-east-1"})
    with pytest.raises(AuthenticationFailed, match="ProfileNotFound"):
        async with opened("s3://bucket", ambient):
            pass


async def test_opening_asks_nothing_of_the_store() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.close()

    asked: list[int] = []
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    store = await open_store(
        Location.parse("s3://bucket"), StoreOptions(), s3_secret(KEYS, f"http://127.0.0.1:{port}"), LOOPBACK
    )
    await store.close()
    server.close()
    assert asked == []


def test_the_endpoint_for_claims_is_the_one_in_use() -> None:
    assert endpoint_of(StoreOptions(), NO_CREDENTIALS) == ""
    assert endpoint_of(StoreOptions(), s3_secret(KEYS, "https://one")) == "https://one"
    assert endpoint_of(StoreOptions(endpoint="https://two"), s3_secret(KEYS, "https://one")) == "https://two"
