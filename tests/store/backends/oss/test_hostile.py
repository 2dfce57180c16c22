"""OSS's row of the exam on endpoints that mean harm, and what is of its own kind."""

import pytest
from aiohttp import web

from clusterstate.errors import EndpointRefused, IntegrityFailed, StoreRefused
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.options import StoreOptions
from clusterstate.store.resolver import RESOLVER
from clusterstate.store.wire import Wire
from tests.store.backends.oss.stores import bare, custom, oss_secret
from tests.store.canned import canned
from tests.store.conformance import keys_of
from tests.store.hostile import BareAt, HostileConformance, OpenAt
from tests.store.opening import SomeKeys, opened

KEYS = SomeKeys("access", "canary")


class TestOssHostile(HostileConformance):
    row = "oss"
    url = "oss://bucket"
    page = "<ListBucketResult>{follows}<IsTruncated>{more}</IsTruncated></ListBucketResult>"

    @pytest.fixture
    def open_at(self) -> OpenAt:
        return lambda endpoint: opened(self.url, oss_secret(KEYS, endpoint))

    @pytest.fixture
    def bare_at(self) -> BareAt:
        return lambda endpoint, wire: bare("bucket", custom(endpoint, wire))


async def test_a_listing_that_unfolds_is_damage_and_no_memory() -> None:
    layers = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY e0 "ha">{layers}]><ListBucketResult><Name>&e9;</Name></ListBucketResult>'
    async with canned(lambda _: web.Response(text=bomb)) as server, bare("bucket", custom(server.endpoint)) as store:
        with pytest.raises(IntegrityFailed, match="ParseError"):
            await keys_of(store)


async def test_a_redirect_leads_nowhere() -> None:
    async with canned(lambda _: web.Response(text="secret")) as elsewhere:

        def redirect(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"{elsewhere.endpoint}/latest"})

        async with canned(redirect) as server, bare("bucket", custom(server.endpoint)) as store:
            with pytest.raises(StoreRefused, match="TooManyRedirects"):
                await store.read("file")
        assert elsewhere.requests == []


async def test_no_cookie_is_kept() -> None:
    async with (
        canned(lambda _: web.Response(headers={"ETag": '"1"', "Set-Cookie": "heavy=load"})) as server,
        bare("bucket", custom(server.endpoint)) as store,
    ):
        await store.write("file", b"x")
        await store.write("file", b"x")
    assert "Cookie" not in server.requests[1].headers


async def test_the_buckets_own_name_is_judged_before_anything_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        RESOLVER, "_lookup", lambda host: ("127.0.0.1",) if host.startswith("bucket.") else ("192.0.2.1",)
    )
    with pytest.raises(EndpointRefused, match=r"bucket\.half\.example is loopback"):
        async with opened("oss://bucket", oss_secret(KEYS, "https://half.example"), policy=EndpointPolicy()):
            pass


@pytest.mark.parametrize("endpoint", ["http://169.254.169.254", "http://localhost:9000", "http://100.100.100.200"])
async def test_a_tenant_cannot_send_the_operator_to_its_own_network(endpoint: str) -> None:
    for credentials, options in (
        (oss_secret(KEYS, endpoint), StoreOptions()),
        (oss_secret(KEYS), StoreOptions(endpoint=endpoint)),
        (oss_secret(KEYS, OSS_REGION="cn-hangzhou"), StoreOptions(proxy=endpoint)),
        (oss_secret(KEYS, OSS_REGION="cn-hangzhou", HTTPS_PROXY=endpoint), StoreOptions()),
    ):
        with pytest.raises(EndpointRefused):
            async with opened("oss://bucket", credentials, options, policy=EndpointPolicy()):
                pass


async def test_a_name_that_turns_to_loopback_after_the_check_gets_no_request() -> None:
    async with (
        canned(lambda _: web.Response(text="secret of the metadata service")) as server,
        bare("latest", custom(server.endpoint, Wire(guard=EndpointPolicy()))) as store,
    ):
        with pytest.raises(EndpointRefused, match="loopback"):
            await store.read("meta-data/ram")
    assert server.requests == []
