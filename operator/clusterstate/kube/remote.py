"""An API server that somebody else names: only what was checked before counts, and nothing of our environment.

No redirect is followed, no proxy, file or program of the environment is used, and each connection goes to an address
that the caller's own resolver has judged. An address that the URL spells out needs no resolver: whoever checked the
URL has judged it.
"""

import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from clusterstate.kube.calls import Call
from clusterstate.kube.client import Client
from clusterstate.kube.doors import Way, send
from clusterstate.kube.requests import FencedRequest
from clusterstate.kube.transport import UNLIMITED, Limits, Transport

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]
"""Name of a host -> its addresses; raises an error of ours for one that nobody may be sent to."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server, and who we are there."""

    url: str
    trust: ssl.SSLContext
    """Holds the client's certificate too, where there is one."""
    resolve: Resolve
    token: str = field(default="", repr=False)
    """A bearer token; empty: none."""
    proxy: str = field(default="", repr=False)
    """URL of a proxy, maybe with user and password; empty: none."""
    tls_name: str = ""
    """The name that the server's certificate must have; empty: that of the URL."""


def connect_remote(server: Server, limits: Limits) -> Client:
    """Give a client in the running event loop. Sends nothing yet."""
    return Client(Transport(RemoteDoor(server), limits))


class RemoteDoor:
    """The way to a server that somebody else names; see `doors.Door`."""

    def __init__(self, server: Server) -> None:
        authorization = {"Authorization": f"Bearer {server.token}"} if server.token else {}
        self._way = Way(server.url, authorization, server.proxy or None, server.tls_name or None)
        connector = aiohttp.TCPConnector(
            ssl=server.trust, limit=UNLIMITED, resolver=_Resolver(server.resolve), use_dns_cache=False
        )
        self._session = aiohttp.ClientSession(
            connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), request_class=FencedRequest
        )

    async def ask(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """See `doors.Door.ask`."""
        return await send(self._session, self._way, call, limits)

    async def renew(self) -> bool:
        """Tell that there is nothing to read again."""
        return False

    async def close(self) -> None:
        """See `doors.Door.close`."""
        await self._session.close()


class _Resolver(AbstractResolver):
    """A resolver of ours in aiohttp's terms."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        del family
        return [_result(host, address, port) for address in await self._resolve(host)]

    async def close(self) -> None:
        """Keep nothing."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
