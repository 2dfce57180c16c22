"""Buckets on the server: their regions, what is sent and asked, and what OSS has of its own."""

import asyncio
import json
import secrets
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from clusterstate.errors import AccessDenied, AuthenticationFailed, LostRace, StoreRefused
from clusterstate.store.backends.oss.expect import proof_of
from clusterstate.store.backends.oss.store import open_bucket
from clusterstate.store.base import ABSENT, Store
from clusterstate.store.clients import Clients
from clusterstate.store.credentials import NO_CREDENTIALS
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.store.backends.oss.stores import OwnNames, oss_secret
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.opening import LOOPBACK, SomeKeys, ambient, opened
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.oss.server import REGION, OssServer

pytestmark = pytest.mark.objectstore
KEYS = SomeKeys("access", "canary")
PAGE = Path(__file__).parents[4] / "docs" / "stores" / "oss.md"


@pytest.fixture
def beijing(oss_server: OssServer) -> str:
    """A fresh bucket in another region than the default one."""
    return oss_server.create_bucket(f"test-{secrets.token_hex(5)}", region="cn-beijing")


@pytest.fixture
async def store(oss_server: OssServer, bucket: str, proxy: FaultProxy) -> AsyncIterator[Store]:
    async with opened(f"oss://{bucket}", oss_secret(oss_server, proxy.endpoint)) as store:
        yield store


async def test_looking_again_is_one_request(oss_server: OssServer, bucket: str, proxy: FaultProxy) -> None:
    credentials = oss_secret(oss_server, proxy.endpoint)
    async with opened(f"oss://{bucket}", credentials) as store:
        await store.write("c/config", b"x")
    proxy.counts.clear()
    for _ in range(3):
        async with opened(f"oss://{bucket}/c", credentials) as store:
            assert await keys_of(store) == ["config"]
    assert dict(proxy.counts) == {("GET", f"/{bucket}/"): 3}


async def test_elsewhere_an_endpoint_is_proven_by_the_first_update(
    store: Store, bucket: str, proxy: FaultProxy
) -> None:
    version = await store.write("file", b"one")
    assert not store.capabilities.atomic_create
    proxy.counts.clear()
    version = await store.write("file", b"two", expect=version)
    assert store.capabilities.atomic_create
    assert proxy.counts == {("GET", f"/{bucket}/file"): 1, ("PUT", f"/{bucket}/file"): 2}
    proxy.counts.clear()
    await store.write("file", b"three", expect=version)
    await store.write("new", b"x", expect=ABSENT)
    assert proxy.counts == {
        ("HEAD", f"/{bucket}/file"): 1,
        ("PUT", f"/{bucket}/file"): 1,
        ("PUT", f"/{bucket}/new"): 1,
    }


async def test_what_one_store_proved_its_neighbours_know(oss_server: OssServer, bucket: str, store: Store) -> None:
    version = await store.write("file", b"one")
    await store.write("file", b"two", expect=version)
    endpoint = store.endpoint or ""
    async with opened(f"oss://{bucket}/other", oss_secret(oss_server, endpoint)) as neighbour:
        assert neighbour.capabilities.atomic_create
    assert not proof_of(endpoint, "", "other-bucket").capabilities.atomic_create


async def test_at_its_own_names_the_first_write_tells(oss_server: OssServer, own: OwnNames, bucket: str) -> None:
    async with opened(f"oss://{bucket}", oss_secret(oss_server, OSS_REGION=f"oss-{REGION}"), own.options()) as store:
        assert store.endpoint == ""
        await store.write("file", b"one", expect=ABSENT)
        assert store.capabilities.atomic_create
        own.front.counts.clear()
        with pytest.raises(LostRace):
            await store.write("file", b"two", expect=ABSENT)
    assert own.front.counts == {("PUT", "/file"): 1}


async def test_a_bucket_with_versions_is_never_taken_for_one_that_refuses(oss_server: OssServer, own: OwnNames) -> None:
    bucket = oss_server.create_bucket(f"test-{secrets.token_hex(5)}", versioning="Suspended")
    async with opened(f"oss://{bucket}", oss_secret(oss_server), own.options(REGION)) as store:
        await store.write("file", b"one", expect=ABSENT)
        assert not store.capabilities.atomic_create
        with pytest.raises(LostRace):
            await store.write("file", b"two", expect=ABSENT)


async def test_a_region_that_nobody_says_is_found_out_once(
    oss_server: OssServer, own: OwnNames, bucket: str, beijing: str
) -> None:
    for name, region, asked in ((bucket, REGION, f"{bucket}.oss-{REGION}"), (beijing, "cn-beijing", "")):
        async with opened(f"oss://{name}", oss_secret(oss_server), own.options()) as store:
            await store.write("file", b"x")
            assert await keys_of(store) == ["file"]
        assert own.proxy.targets[-1] == f"{name}.oss-{region}.aliyuncs.com:443"
        assert asked in own.proxy.targets[0]
    assert own.front.counts == {("GET", "/"): 4, ("PUT", "/file"): 2}


async def test_a_bucket_that_was_created_elsewhere_is_found_again(oss_server: OssServer, own: OwnNames) -> None:
    name = oss_server.create_bucket(f"test-{secrets.token_hex(5)}", region="cn-beijing")
    url, credentials = f"oss://{name}", oss_secret(oss_server)
    async with opened(url, credentials, own.options()) as old, opened(url, credentials, own.options()) as other:
        for store in (old, other):
            await store.write("file", b"x")
        oss_server.create_bucket(name)
        own.front.counts.clear()
        for store in (old, other):
            assert await keys_of(store) == []
        await old.write("file", b"x")
    assert own.front.counts == {("GET", "/"): 4, ("PUT", "/file"): 1}, "one to the old place, one that asks, two lists"


async def test_a_bucket_that_is_never_where_it_should_be_is_told(
    oss_server: OssServer, own: OwnNames, bucket: str
) -> None:
    elsewhere = "<Error><Code>AccessDenied</Code><Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint></Error>"
    async with opened(f"oss://{bucket}", oss_secret(oss_server), own.options()) as store:
        words = r"The bucket is at oss-cn-beijing\.aliyuncs\.com\. Set spec"
        with own.front.failing(Fault(status=403, body=elsewhere)), pytest.raises(StoreRefused, match=words) as caught:
            await store.read("file")
        assert "declaration" not in caught.value.message
        assert own.front.counts == {("GET", "/"): 2, ("GET", "/file"): 2}
        await store.write("file", b"x")


@pytest.mark.parametrize("told", ["", "evil.example/", "accelerate", "oss-" + "a-" * 99 + "b", "hangzhou"])
async def test_a_region_that_is_none_is_told(oss_server: OssServer, own: OwnNames, bucket: str, told: str) -> None:
    answer = Fault(status=200, body=f"<LocationConstraint>{told}</LocationConstraint>")
    async with opened(f"oss://{bucket}", oss_secret(oss_server), own.options()) as store:
        with own.front.failing(answer), pytest.raises(StoreRefused, match="doesn't tell the region of oss://"):
            await store.read("file")


async def test_a_region_that_may_not_be_asked_for_is_told(oss_server: OssServer, own: OwnNames, bucket: str) -> None:
    async with opened(f"oss://{bucket}", oss_secret(oss_server.create_user()), own.options()) as store:
        with pytest.raises(AccessDenied, match=r"Grant oss:GetBucketLocation to RAM user \d+\. .*OSS_REGION can"):
            await keys_of(store)


async def test_a_wrong_region_is_told_with_the_right_one(oss_server: OssServer, own: OwnNames, beijing: str) -> None:
    async with opened(f"oss://{beijing}", oss_secret(oss_server), own.options(REGION)) as store:
        with pytest.raises(StoreRefused, match=r"The bucket is at oss-cn-beijing\.aliyuncs\.com"):
            await store.read("file")


async def test_a_wrong_signing_region_is_told(oss_server: OssServer, beijing: str) -> None:
    credentials = oss_secret(oss_server, oss_server.endpoint)
    async with opened(f"oss://{beijing}", credentials) as store:
        with pytest.raises(StoreRefused, match="Invalid signing region"):
            await keys_of(store)
    async with opened(f"oss://{beijing}", credentials, StoreOptions(region="oss-cn-beijing")) as store:
        assert await keys_of(store) == []


async def test_the_internal_endpoint_is_asked(oss_server: OssServer, own: OwnNames, bucket: str) -> None:
    credentials = oss_secret(oss_server, OSS_REGION=REGION, ALIYUN_OSS_INTERNAL="true")
    async with opened(f"oss://{bucket}", credentials, own.options()) as store:
        await store.write("file", b"x")
    assert set(own.proxy.targets) == {f"{bucket}.oss-{REGION}-internal.aliyuncs.com:443"}


async def test_an_endpoint_may_be_one_of_its_own_names(oss_server: OssServer, own: OwnNames, bucket: str) -> None:
    credentials = oss_secret(oss_server, f"oss-{REGION}-internal.aliyuncs.com")
    async with opened(f"oss://{bucket}", credentials, own.options()) as store:
        await store.write("file", b"x")
        assert store.endpoint == ""
    assert set(own.proxy.targets) == {f"{bucket}.oss-{REGION}-internal.aliyuncs.com:443"}


async def test_temporary_credentials_work(oss_server: OssServer, bucket: str) -> None:
    lent = oss_server.lend(seconds=900)
    async with opened(f"oss://{bucket}", oss_secret(lent, oss_server.endpoint)) as store:
        await store.write("file", b"x")
        assert await keys_of(store) == ["file"]


async def test_a_token_that_is_another_is_told(oss_server: OssServer, bucket: str) -> None:
    credentials = oss_secret(oss_server, oss_server.endpoint, ALIYUN_SECURITY_TOKEN="canary")
    async with opened(f"oss://{bucket}", credentials) as store:
        with pytest.raises(AuthenticationFailed, match="InvalidSecurityToken") as caught:
            await keys_of(store)
    assert "canary" not in caught.value.message


async def test_an_unknown_key_is_told(oss_server: OssServer, bucket: str) -> None:
    async with opened(f"oss://{bucket}", oss_secret(SomeKeys("nobody", "x" * 20), oss_server.endpoint)) as store:
        with pytest.raises(AuthenticationFailed, match="InvalidAccessKeyId"):
            await store.read("file")


async def test_a_policy_opens_one_folder(oss_server: OssServer, bucket: str) -> None:
    statements = [
        {"Effect": "Allow", "Action": ["oss:ListObjects"], "Resource": f"acs:oss:*:*:{bucket}"},
        {"Effect": "Allow", "Action": ["oss:*Object"], "Resource": f"acs:oss:*:*:{bucket}/prod/*"},
        {"Effect": "Deny", "Action": ["oss:GetObject"], "Resource": f"acs:oss:*:*:{bucket}/prod/pki/*"},
    ]
    user = oss_server.create_user(statements)
    async with opened(f"oss://{bucket}", oss_secret(user, oss_server.endpoint)) as store:
        version = await store.write("prod/config", b"x")
        await store.write("prod/config", b"y", expect=version)
        assert await keys_of(store) == ["prod/config"]
        with pytest.raises(AccessDenied, match=rf"GetObject on oss://{bucket}/prod/pki/key"):
            await store.read("prod/pki/key")
        with pytest.raises(AccessDenied, match="Grant oss:DeleteObject"):
            await store.delete("other/config")
        with pytest.raises(AccessDenied, match=r"HeadObject on .* Grant oss:GetObject to access key LTAI"):
            await store.write("prod/pki/key", b"x", expect=version)


async def test_the_pages_policy_is_enough(oss_server: OssServer, own: OwnNames, bucket: str) -> None:
    policy = PAGE.read_text().split("## Permissions")[1].split("```json")[1].split("```")[0]
    statements = json.loads(policy.replace("acme-state-store", bucket))["Statement"]
    user = oss_server.create_user(statements)
    async with opened(f"oss://{bucket}/prod.example.com", oss_secret(user), own.options()) as store:
        version = await store.write("config", b"x", expect=ABSENT)
        await store.write("config", b"y", expect=version)
        assert (await store.read("config")).data == b"y"
        assert await keys_of(store) == ["config"]
    async with opened(f"oss://{bucket}/other.example.com", oss_secret(user), own.options()) as store:
        with pytest.raises(AccessDenied):
            await store.write("config", b"x")


async def test_two_users_of_one_bucket_never_share_a_client(oss_server: OssServer, bucket: str) -> None:
    async with opened(f"oss://{bucket}", oss_secret(oss_server, oss_server.endpoint)) as store:
        await store.write("file", b"x")
    async with opened(f"oss://{bucket}", oss_secret(oss_server.create_user(), oss_server.endpoint)) as store:
        with pytest.raises(AccessDenied):
            await store.read("file")


async def test_what_was_put_together_from_parts_is_read_and_replaced(
    oss_server: OssServer, bucket: str, store: Store
) -> None:
    oss_server.put_multipart(bucket, "file", "from parts")
    blob = await store.read("file")
    assert blob.data == b"from parts"
    assert blob.version.token.endswith("-2")
    await store.write("file", b"whole", expect=blob.version)
    assert (await store.read("file")).data == b"whole"


async def test_the_longest_key_of_oss_is_one_byte_less(store: Store) -> None:
    longest = "/".join(["x" * 127] * 8)
    await store.write(longest, b"x")
    assert await keys_of(store) == [longest]
    with pytest.raises(StoreRefused, match="InvalidObjectName"):
        await store.write(longest + "x", b"x")


async def test_what_kops_wrote_is_read_and_what_we_write_too(oss_server: OssServer, bucket: str, store: Store) -> None:
    """By signatures of version 1, as kops up to 1.23 has them."""
    theirs = oss_server.bucket(bucket)
    theirs.put_object("prod/config", b"theirs")
    version = (await store.read("prod/config")).version
    await store.write("prod/config", b"ours", expect=version)
    answer = theirs.get_object("prod/config")
    assert answer.read() == b"ours"
    assert answer.content_type == "application/octet-stream"


async def test_the_operators_own_keys_work(oss_server: OssServer, bucket: str) -> None:
    variables = {
        "ALIYUN_ACCESS_KEY_ID": oss_server.access_key,
        "ALIYUN_ACCESS_KEY_SECRET": oss_server.secret_key,
        "OSS_ENDPOINT": oss_server.endpoint,
    }
    async with opened(f"oss://{bucket}", ambient("oss", variables), policy=EndpointPolicy()) as store:
        await store.write("file", b"x")
        assert await keys_of(store) == ["file"]


async def test_explicit_keys_never_see_the_environment(
    oss_server: OssServer, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OSS_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "OSS_SESSION_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN"):
        monkeypatch.setenv(name, "/nowhere")
    opening = Opening(Location("oss", bucket), StoreOptions(), oss_secret(oss_server, oss_server.endpoint), LOOPBACK)
    store = await open_bucket(opening, Clients())
    await store.write("file", b"x")
    assert await keys_of(store) == ["file"]


async def test_one_connection_serves_requests_of_every_kind() -> None:
    peers = set()

    def answer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(status=204 if request.method == "DELETE" else 200, headers={"ETag": '"1"'})

    async with canned(answer) as server, opened("oss://bucket", oss_secret(KEYS, server.endpoint)) as store:
        for _ in range(2):
            version = await store.write("file", b"x")
            await store.read("file")
            await store.delete("file", expect=version)
    assert len(peers) == 1


async def test_opening_asks_nothing_of_the_store(oss_server: OssServer, bucket: str, proxy: FaultProxy) -> None:
    async with opened(f"oss://{bucket}", oss_secret(oss_server, proxy.endpoint)):
        pass
    assert not proxy.counts


async def test_opening_holds_up_nobody_while_others_make_clients() -> None:
    clients, begun, done = Clients(), threading.Event(), threading.Event()

    def make(_: str) -> bool:
        begun.set()
        return done.wait(30)  # where the event loop is held up, nobody says so

    opening = Opening(Location("oss", "acme"), StoreOptions(region=REGION), oss_secret(KEYS), EndpointPolicy())
    other = asyncio.create_task(asyncio.to_thread(clients.get, "other", NO_CREDENTIALS, make))
    await asyncio.to_thread(begun.wait)
    ours = asyncio.create_task(open_bucket(opening, clients))
    await asyncio.sleep(0.1)
    done.set()
    assert await other, "the event loop went on"
    await (await ours).close()


LOADS_NO_SDK = """
import asyncio, sys
from clusterstate.store.credentials import NO_CREDENTIALS, Credentials, Source
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import BACKENDS, open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from clusterstate.errors import StoreUnsupported

keys = (("ALIYUN_ACCESS_KEY_ID", "a"), ("ALIYUN_ACCESS_KEY_SECRET", "b"), ("OSS_REGION", "cn-hangzhou"))

def opening(url, credentials):
    return Opening(Location.parse(url), StoreOptions(), credentials, EndpointPolicy.trusting())

async def main():
    await open_store(opening("memfs://x", NO_CREDENTIALS))
    assert "oss2" not in sys.modules
    own = opening("oss://acme-state", Credentials(Source.SECRET, keys))
    sys.modules["oss2"] = None
    try:
        await open_store(own)
    except StoreUnsupported as error:
        assert "clusterstate[oss]" in error.message, error.message
    else:
        raise AssertionError
    del sys.modules["oss2"]
    await open_store(own)
    assert "oss2" in sys.modules

asyncio.run(main())
"""


def test_the_sdk_is_loaded_by_who_needs_it_and_missed_by_name() -> None:
    command = [sys.executable, "-W", "error", "-c", LOADS_NO_SDK]
    done = subprocess.run(command, env={"PYTHONPATH": "operator"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
