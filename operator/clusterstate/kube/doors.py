"""Where requests leave for a server: as which user, by which connections. The operator's own door stands here.

The server that somebody else names has its door in `remote`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

import aiohttp
import msgspec
from kubernetes.aio.client.rest import RESTClientObject

from clusterstate.kube.calls import Call
from clusterstate.kube.login import Login


class Door(Protocol):
    """One server, one user, one pool of connections."""

    async def ask(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """Send a request and give the answer as soon as its head is there; errors are aiohttp's."""
        ...

    async def renew(self) -> bool:
        """Read the credentials again, since they were turned down; tell whether a second attempt makes sense."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """Where requests go, and what they say about who asks."""

    url: str
    authorization: Mapping[str, str] = field(repr=False)
    """The header that says who asks; empty where a client certificate does."""
    proxy: str | None = field(default=None, repr=False)
    tls_name: str | None = None
    """The name that the server's certificate must have; None: that of the URL."""


async def send(
    session: aiohttp.ClientSession, way: Way, call: Call, limits: aiohttp.ClientTimeout
) -> aiohttp.ClientResponse:
    """Send a request and give the answer as soon as its head is there; a redirect isn't followed."""
    body = None if call.body is None else BytesIO(msgspec.json.encode(call.body))
    return await session.request(
        call.method,
        way.url + call.target,
        headers={**call.headers, **way.authorization},
        data=body,
        timeout=limits,
        allow_redirects=False,
        proxy=way.proxy,
        server_hostname=way.tls_name,
    )


class OwnDoor:
    """The way that a kubeconfig or a Pod's service account names, by the Kubernetes client's own connections."""

    def __init__(self, login: Login) -> None:
        self._login = login
        rest = RESTClientObject(login.configuration)
        # Its own requests know no body in one piece: aiohttp warns of each that is larger than a mebibyte.
        self._session: aiohttp.ClientSession = rest._create_pool_manager()  # noqa: SLF001 - what subclasses override

    async def ask(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """See `Door.ask`."""
        configuration = self._login.configuration
        way = Way(
            configuration.host,
            await self._login.authorization(),
            configuration.proxy,
            configuration.tls_server_name,
        )
        return await send(self._session, way, call, limits)

    async def renew(self) -> bool:
        """See `Door.renew`."""
        await self._login.renew()
        return True

    async def close(self) -> None:
        """See `Door.close`."""
        await self._session.close()
