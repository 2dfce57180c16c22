import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clusterstate.api.store import Encryption
from clusterstate.errors import (
    AuthenticationFailed,
    CredentialsInvalid,
    EndpointRefused,
    KeyNotFound,
    SpecInvalid,
    StoreRefused,
    StoreUnsupported,
)
from clusterstate.store.base import ABSENT
from clusterstate.store.counting import RequestCounts
from clusterstate.store.credentials import NO_CREDENTIALS
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.open import BACKENDS
from clusterstate.store.options import StoreOptions
from tests.store.backends.s3.stores import s3_secret, secret
from tests.store.conformance import keys_of
from tests.store.opening import SomeKeys, ambient, opened

DOCS = Path(__file__).parents[2] / "docs"
KEYS = SomeKeys("access", "canary")
AWS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "canary"}

LOADS_NO_SDK = """
import asyncio, sys
from clusterstate.store.credentials import NO_CREDENTIALS
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions

def sdks():
    known = {"boto3", "botocore", "google", "keystoneauth1", "kubernetes", "openstack", "oss2", "swiftclient"}
    return sorted(known & sys.modules.keys())

async def main():
    for url in ("memfs://x", "file:///srv"):
        await open_store(Opening(Location.parse(url), StoreOptions(), NO_CREDENTIALS, EndpointPolicy.trusting()))

asyncio.run(main())
assert sdks() == [], sdks()
import clusterstate.store.backends.s3.store
assert sdks() == ["botocore"], sdks()
import clusterstate.store.backends.swift.store
assert sdks() == ["botocore", "keystoneauth1"], sdks()
import clusterstate.store.backends.oss.store
assert sdks() == ["botocore", "keystoneauth1", "oss2"], sdks()
import clusterstate.store.backends.gcs.store
assert sdks() == ["botocore", "google", "keystoneauth1", "oss2"], sdks()
"""

HAS_NO_SDK = """
import asyncio, sys
sys.modules["{module}"] = None
from clusterstate.errors import StoreUnsupported
from clusterstate.store.credentials import from_environment
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import backend_of, open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions

credentials = from_environment(backend_of("{scheme}").rules, {environ})
opening = Opening(Location.parse("{scheme}://x"), StoreOptions(), credentials, EndpointPolicy())
try:
    asyncio.run(open_store(opening))
except StoreUnsupported as error:
    assert "clusterstate[{extra}]" in error.message, error.message
else:
    raise AssertionError
"""
IMPORTS_BESIDE_THE_LOOP = """
import asyncio, sys, threading
from clusterstate.store.credentials import from_environment
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.open import backend_of, open_store
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions

class Watcher:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            seen.append(threading.current_thread() is threading.main_thread())

seen = []
sys.meta_path.insert(0, Watcher())
credentials = from_environment(backend_of("{scheme}").rules, {environ})
opening = Opening(Location.parse("{scheme}://bucket"), StoreOptions(region="r-1"), credentials, EndpointPolicy())
asyncio.run(open_store(opening))
assert seen == [False], seen
"""
LEGACY = {"OS_AUTH_URL": "https://swift/auth/v1.0", "OS_USERNAME": "me", "OS_PASSWORD": "x"}

OSS = {"ALIYUN_ACCESS_KEY_ID": "LTAI1", "ALIYUN_ACCESS_KEY_SECRET": "canary", "OSS_REGION": "oss-cn-beijing"}
SWIFT = {"OS_AUTH_URL": "https://keystone/v3", "OS_USERID": "17", "OS_PASSWORD": "canary", "OS_PROJECT_ID": "p"}


def run(script: str) -> None:
    environment = {**os.environ, "PYTHONPATH": "operator"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_sdk_is_loaded_by_its_scheme_only() -> None:
    run(LOADS_NO_SDK)


@pytest.mark.parametrize(
    ("scheme", "extra", "module", "environ"),
    [
        ("gs", "gcs", "google.cloud.storage", {}),
        ("oss", "oss", "oss2", {}),
        ("swift", "swift", "keystoneauth1", {}),
        ("swift", "swift", "swiftclient", LEGACY),
        ("swift", "swift", "openstack", {"OS_CLOUD": "acme"}),
    ],
)
def test_an_extra_that_is_missing_is_named(scheme: str, extra: str, module: str, environ: dict[str, str]) -> None:
    run(HAS_NO_SDK.format(scheme=scheme, extra=extra, module=module, environ=environ))


@pytest.mark.parametrize("scheme", BACKENDS)
def test_every_scheme_has_its_page(scheme: str) -> None:
    rows = re.findall(rf"^\|.*`{scheme}://.*\[(\S+\.md)\].*\|$", (DOCS / "stores/README.md").read_text(), re.MULTILINE)
    assert len(rows) == 1
    page = (DOCS / "stores" / rows[0]).read_text()
    assert all(f"\n{part}\n" in page for part in ("## Permissions", "## What is atomic", "## Try it"))
    assert "\n**URL.**" in page


@pytest.mark.parametrize(
    ("scheme", "module", "environ"),
    [("gs", "google.cloud.storage", {}), ("oss", "oss2", OSS), ("swift", "keystoneauth1", SWIFT)],
)
def test_nobody_waits_while_an_sdk_is_loaded(scheme: str, module: str, environ: dict[str, str]) -> None:
    """The loop is everybody's: loading Google's takes a fifth of a second."""
    run(IMPORTS_BESIDE_THE_LOOP.format(scheme=scheme, module=module, environ=environ))


async def test_a_known_store_that_is_not_there_yet_says_so() -> None:
    with pytest.raises(StoreUnsupported, match="azureblob:// stores are not supported yet"):
        async with opened("azureblob://bucket", NO_CREDENTIALS):
            pass


async def test_unknown_stores_are_refused_with_the_known_ones() -> None:
    with pytest.raises(StoreUnsupported, match="ftp") as caught:
        async with opened("ftp://bucket", NO_CREDENTIALS):
            pass
    assert all(scheme in caught.value.message for scheme in BACKENDS)


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


@pytest.mark.parametrize("link", ["review/prod", "review"])
async def test_a_link_on_the_way_to_a_state_leads_nowhere(tmp_path: Path, link: str) -> None:
    """Whoever fills the folder, by a checkout of a branch for example, would else choose what the operator reads."""
    (tmp_path / "elsewhere/prod").mkdir(parents=True)
    (tmp_path / "elsewhere/prod/secret").write_bytes(b"x")
    (tmp_path / "elsewhere/secret").write_bytes(b"x")
    (tmp_path / "open" / link).parent.mkdir(parents=True)
    (tmp_path / "open" / link).symlink_to(tmp_path / "elsewhere")
    policy = EndpointPolicy(file_roots=(f"{tmp_path}/open",))
    async with opened(f"file://{tmp_path}/open/review/prod", NO_CREDENTIALS, policy=policy) as store:
        assert await keys_of(store) == []
        with pytest.raises(KeyNotFound):
            await store.read("secret")
        with pytest.raises(StoreRefused, match="in the way"):
            await store.write("written", b"x")
    assert not list((tmp_path / "elsewhere").glob("**/written"))


async def test_a_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "open").symlink_to(tmp_path / "disk")
    policy = EndpointPolicy(file_roots=(f"{tmp_path}/open",))
    async with opened(f"file://{tmp_path}/open/prod", NO_CREDENTIALS, policy=policy) as store:
        await store.write("file", b"x")
    assert (tmp_path / "disk/prod/file").read_bytes() == b"x"


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
    with pytest.raises(EndpointRefused, match="own credentials"):
        async with opened(
            "s3://bucket", ambient("s3", {"AWS_REGION": "us-east-1"}), StoreOptions(endpoint="https://evil.example")
        ):
            pass


async def test_the_operators_own_endpoint_may_be_repeated_and_is_not_judged() -> None:
    environ = {"S3_ENDPOINT": "http://127.0.0.1:9", "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}
    for options in (StoreOptions(), StoreOptions(endpoint="http://127.0.0.1:9/")):
        async with opened("s3://bucket", ambient("s3", environ), options, policy=EndpointPolicy()):
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
    with pytest.raises(AuthenticationFailed, match="ProfileNotFound"):
        async with opened("s3://bucket", ambient("s3", {"AWS_REGION": "us-east-1"})):
            pass


async def test_opening_asks_nothing_of_the_store() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(1)
        writer.close()

    asked: list[int] = []
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with opened("s3://bucket", s3_secret(KEYS, f"http://127.0.0.1:{port}")):
        pass
    server.close()
    assert asked == []


async def test_the_endpoint_for_claims_is_the_one_in_use() -> None:
    async with opened("s3://bucket", secret(AWS)) as store:
        assert store.endpoint == ""
    async with opened("s3://bucket", s3_secret(KEYS, "127.0.0.1:9/")) as store:
        assert store.endpoint == "https://127.0.0.1:9"
    options = StoreOptions(endpoint="http://127.0.0.1:8")
    async with opened("s3://bucket", s3_secret(KEYS, "127.0.0.1:9/"), options) as store:
        assert store.endpoint == "http://127.0.0.1:8"
