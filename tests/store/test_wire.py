"""How a service is reached: what may be asked for, and what the sessions of `requests` make of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from aiohttp import web

from clusterstate.errors import EndpointRefused, SpecInvalid, StoreRefused, StoreUnavailable
from clusterstate.store.connections import LARGEST_ANSWER
from clusterstate.store.credentials import Credentials, Source
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.options import StoreOptions
from clusterstate.store.resolver import RESOLVER
from clusterstate.store.sessions import wired
from clusterstate.store.threads import Lane
from clusterstate.store.wire import Wire, make_wire, parse_proxy
from tests.store.canned import canned
from tests.support.forwardproxy import ForwardProxy

STRICT = EndpointPolicy()
HERE = EndpointPolicy(allowed=("127.0.0.1",))
LANE = Lane()
THEIRS = Credentials(Source.SECRET)
OURS = Credentials(Source.AMBIENT)


@pytest.mark.parametrize(
    "options", [StoreOptions(proxy="http://proxy:3128"), StoreOptions(ca_bundle="-----BEGIN CERTIFICATE-----")]
)
def test_nobody_leads_the_operators_own_credentials_elsewhere(options: StoreOptions) -> None:
    with pytest.raises(EndpointRefused, match="operator's own credentials"):
        make_wire(options, OURS, STRICT, named=False)
    assert make_wire(options, THEIRS, STRICT, named=False).sealed


def test_the_field_wins_over_the_variable() -> None:
    credentials = Credentials(Source.SECRET, (("HTTPS_PROXY", "http://me:word@one:3128"),))
    assert make_wire(StoreOptions(), credentials, STRICT, named=False).proxy == "http://me:word@one:3128"
    both = make_wire(StoreOptions(proxy="http://two:3128"), credentials, STRICT, named=False)
    assert both.proxy == "http://two:3128"
    assert "word" not in repr(make_wire(StoreOptions(), credentials, STRICT, named=False))


def test_what_a_tenant_names_is_judged() -> None:
    assert make_wire(StoreOptions(), THEIRS, STRICT, named=False).guard is None
    assert make_wire(StoreOptions(), THEIRS, STRICT, named=True).guard == STRICT
    assert make_wire(StoreOptions(proxy="http://proxy:3128"), THEIRS, STRICT, named=False).guard == STRICT
    assert make_wire(StoreOptions(), OURS, STRICT, named=True).guard is None


@pytest.mark.parametrize(
    "url", ["proxy", "socks5://proxy:1080", "http://", "http://proxy:x", "http://proxy:3128/path", "http://proxy?a=b"]
)
def test_what_is_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(SpecInvalid, match="http://HOST:PORT"):
        make_wire(StoreOptions(proxy=url), THEIRS, STRICT, named=False)


def test_a_proxy_is_known_without_its_password() -> None:
    assert parse_proxy("http://me:word@[::1]:3128/").url == "http://[::1]:3128"
    assert parse_proxy("https://proxy").url == "https://proxy"
    with pytest.raises(SpecInvalid) as caught:
        parse_proxy("ftp://me:canary@proxy")
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:3128", "http://me:word@169.254.169.254", "http://metadata"])
async def test_a_proxy_may_not_lead_to_the_operators_own_network(proxy: str) -> None:
    with pytest.raises(EndpointRefused) as caught:
        await Wire(guard=STRICT, proxy=proxy).admit("https://s3.example.com")
    assert "word" not in caught.value.message


async def test_behind_a_proxy_names_are_the_proxys_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"proxy": ("10.0.0.1",), "169.254.169.254": ("169.254.169.254",)}
    monkeypatch.setattr(RESOLVER, "_lookup", lambda host: known.get(host, ()))
    with pytest.raises(StoreUnavailable, match="doesn't resolve"):
        await Wire(guard=STRICT).admit("https://inside.example.corp")
    behind = Wire(guard=STRICT, proxy="http://proxy:3128")
    await behind.admit("https://inside.example.corp")
    with pytest.raises(EndpointRefused):
        await behind.admit("https://169.254.169.254")


async def test_what_a_service_names_is_judged_in_a_thread_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RESOLVER, "_lookup", lambda host: (host,) if host[0].isdigit() else ())
    behind = Wire(guard=STRICT, proxy="http://proxy:3128")
    for wire in (Wire(guard=STRICT), behind):
        for url in ("http://metadata.google.internal/v1", "https://169.254.169.254/v1"):
            with pytest.raises(EndpointRefused):
                await LANE.run(wire.admit_blocking, url)
    with pytest.raises(StoreUnavailable, match="doesn't resolve"):
        await LANE.run(Wire(guard=STRICT).admit_blocking, "https://far.example.corp")
    await LANE.run(behind.admit_blocking, "https://far.example.corp")
    await LANE.run(Wire().admit_blocking, "https://169.254.169.254/v1")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An environment that would lead requests astray."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password canary\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    return


async def get(wire: Wire, url: str) -> requests.Response:
    return await LANE.run(wired(requests.Session(), wire).get, url)


@pytest.mark.usefixtures("environment")
async def test_a_sealed_session_does_not_see_the_environment() -> None:
    async with canned(lambda _: web.Response(text="here")) as server:
        assert (await get(Wire(guard=HERE), server.endpoint)).text == "here"
        assert "Authorization" not in server.requests[0].headers
        with pytest.raises(requests.exceptions.ProxyError):
            await get(Wire(sealed=False), server.endpoint)


async def test_no_redirect_is_followed() -> None:
    answer = web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})
    async with canned(lambda _: answer) as server:
        with pytest.raises(requests.exceptions.TooManyRedirects):
            await get(Wire(guard=HERE), server.endpoint)
        assert len(server.requests) == 1


async def test_nothing_is_tried_again() -> None:
    async with canned(lambda _: web.Response(status=503)) as server:
        assert (await get(Wire(guard=HERE), server.endpoint)).status_code == 503
        assert len(server.requests) == 1


async def test_each_connection_is_judged() -> None:
    async with canned(lambda _: web.Response()) as server:
        with pytest.raises(EndpointRefused, match="loopback"):
            await get(Wire(guard=STRICT), server.endpoint)
        assert server.requests == []


async def test_an_answer_is_bounded() -> None:
    body = bytes(LARGEST_ANSWER + 1)
    async with canned(lambda _: web.Response(body=body)) as server:
        with pytest.raises(StoreRefused, match=str(LARGEST_ANSWER)):
            await get(Wire(guard=HERE), server.endpoint)


async def test_a_packed_answer_is_bounded_unpacked() -> None:
    def answer(_: web.Request) -> web.Response:
        response = web.Response(body=bytes(LARGEST_ANSWER + 1))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with canned(answer) as server:
        with pytest.raises(StoreRefused, match=str(LARGEST_ANSWER)):
            await get(Wire(guard=HERE), server.endpoint)


async def test_the_wires_time_counts_whatever_is_asked_for() -> None:
    gone = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    session = wired(requests.Session(), Wire(guard=HERE, read_seconds=0.1))
    with pytest.raises(requests.exceptions.ReadTimeout):
        await LANE.run(session.get, f"http://127.0.0.1:{port}", timeout=60)
    session.close()
    await gone.wait()
    server.close()


async def test_a_session_goes_through_its_proxy() -> None:
    async with canned(lambda _: web.Response(text="here")) as server:
        with ForwardProxy("me", "word") as proxy:
            url = proxy.url.replace("//", "//me:word@")
            assert (await get(Wire(guard=HERE, proxy=url), server.endpoint)).text == "here"
            assert proxy.targets == [server.endpoint.removeprefix("http://")]


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://sts.example.com/v1/token", True),
        ("https://sts.example.com/v1/token/more", True),
        ("https://sts.example.com/v1/tokens", False),
        ("https://sts.example.com.evil/v1/token", False),
        ("https://sts.example.com@evil/v1/token", False),
        ("http://sts.example.com/v1/token", False),
        ("https://ours.example/anything", True),
        ("https://ours.example", True),
        ("https://ours.example.evil", False),
    ],
)
def test_token_services_are_known_by_whole_parts_of_their_url(url: str, known: bool) -> None:  # noqa: FBT001 - a column
    policy = EndpointPolicy(token_urls=("https://ours.example/",))
    assert policy.knows_token_url(url, ("https://sts.example.com/v1/token",)) is known
