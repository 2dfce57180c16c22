"""Where requests leave for a server: as which user, by which connections. The operator's own door stands here.

The server that somebody else names has its door in `remote`.
"""

from typing import Protocol

import aiohttp
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


class OwnDoor:
    """The way that a kubeconfig or a Pod's service account names, by the Kubernetes client's own connections."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._rest = RESTClientObject(login.configuration)

    async def ask(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        """See `Door.ask`."""
        answer = await self._rest.request(  # type: ignore[no-untyped-call] # generated code
            call.method,
            self._login.configuration.host + call.target,
            headers={**call.headers, **await self._login.authorization()},
            body=call.body,
            _request_timeout=limits,
        )
        response: aiohttp.ClientResponse = answer.response
        return response

    async def renew(self) -> bool:
        """See `Door.renew`."""
        await self._login.renew()
        return True

    async def close(self) -> None:
        """See `Door.close`."""
        await self._rest.close()
