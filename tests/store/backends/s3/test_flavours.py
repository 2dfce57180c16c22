"""S3's flavours: custom endpoints always, path style, no encryption unless asked for."""

import pytest
from aiohttp import web

from clusterstate.api.store import Encryption
from clusterstate.errors import SpecInvalid
from clusterstate.sandbox.s3server import S3Server
from clusterstate.store.options import StoreOptions
from tests.store.backends.s3.exams import Conformance, Faults, OnTheWire, Refusals
from tests.store.backends.s3.stores import s3_secret
from tests.store.canned import EMPTY_LIST, canned
from tests.store.conformance import TWO_PAGES, keys_of
from tests.store.opening import SomeKeys, opened, secret

pytestmark = pytest.mark.objectstore
FLAVOURS = ["do", "linode", "hos", "scw"]
KEYS = SomeKeys("access", "canary")


class TestDigitalOcean(Conformance):
    scheme = row = "do"
    listed = TWO_PAGES


class TestDigitalOceanFaults(Faults):
    scheme = row = "do"


class TestDigitalOceanRefusals(Refusals):
    scheme = row = "do"


class TestDigitalOceanOnTheWire(OnTheWire):
    scheme = row = "do"


class TestLinode(Conformance):
    scheme = row = "linode"
    listed = TWO_PAGES


class TestLinodeFaults(Faults):
    scheme = row = "linode"


class TestLinodeRefusals(Refusals):
    scheme = row = "linode"


class TestLinodeOnTheWire(OnTheWire):
    scheme = row = "linode"


class TestHetzner(Conformance):
    scheme = row = "hos"
    listed = TWO_PAGES


class TestHetznerFaults(Faults):
    scheme = row = "hos"


class TestHetznerRefusals(Refusals):
    scheme = row = "hos"


class TestHetznerOnTheWire(OnTheWire):
    scheme = row = "hos"


class TestScaleway(Conformance):
    scheme = row = "scw"
    listed = TWO_PAGES


class TestScalewayFaults(Faults):
    scheme = row = "scw"


class TestScalewayRefusals(Refusals):
    scheme = row = "scw"


class TestScalewayOnTheWire(OnTheWire):
    scheme = row = "scw"


@pytest.mark.parametrize("scheme", FLAVOURS)
async def test_an_endpoint_must_be_given(scheme: str) -> None:
    keys = secret(scheme, {"S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "canary"})
    with pytest.raises(SpecInvalid, match=rf"{scheme}:// stores need an endpoint.*S3_ENDPOINT"):
        async with opened(f"{scheme}://bucket", keys):
            pass
    async with opened(f"{scheme}://bucket", keys, StoreOptions(endpoint="https://127.0.0.1:9")) as store:
        assert store.endpoint == "https://127.0.0.1:9"


@pytest.mark.parametrize("scheme", FLAVOURS)
async def test_a_bare_host_means_https(scheme: str) -> None:
    async with opened(f"{scheme}://bucket", s3_secret(KEYS, "localhost:9", scheme=scheme)) as store:
        assert store.endpoint == "https://localhost:9"


@pytest.mark.parametrize("scheme", FLAVOURS)
async def test_nothing_is_asked_or_sent_that_a_service_might_not_know(scheme: str) -> None:
    def answer(request: web.Request) -> web.Response:
        text = EMPTY_LIST if request.method == "GET" else ""
        return web.Response(text=text, content_type="application/xml", headers={"ETag": '"1"'})

    async with (
        canned(answer) as server,
        opened(f"{scheme}://bucket/p", s3_secret(KEYS, server.endpoint, scheme=scheme)) as store,
    ):
        await store.write("file", b"x")
        assert await keys_of(store) == []
    assert [(request.method, request.path) for request in server.requests] == [
        ("PUT", "/bucket/p/file"),
        ("GET", "/bucket"),
    ]
    sent = {name.lower() for request in server.requests for name in request.headers if name.lower().startswith("x-amz")}
    assert sent == {"x-amz-content-sha256", "x-amz-date"}


async def test_encryption_that_is_asked_for_is_sent() -> None:
    async with (
        canned(lambda _: web.Response(headers={"ETag": '"1"'})) as server,
        opened(
            "do://bucket", s3_secret(KEYS, server.endpoint, scheme="do"), StoreOptions(encryption=Encryption.AES256)
        ) as store,
    ):
        await store.write("file", b"x")
    assert server.requests[0].headers["x-amz-server-side-encryption"] == "AES256"


@pytest.mark.parametrize("scheme", FLAVOURS)
async def test_messages_name_the_store_as_it_was_written(scheme: str, s3_server: S3Server) -> None:
    async with opened(f"{scheme}://no-such-bucket", s3_secret(s3_server, s3_server.endpoint, scheme=scheme)) as store:
        with pytest.raises(Exception, match="no bucket no-such-bucket"):
            await keys_of(store)
