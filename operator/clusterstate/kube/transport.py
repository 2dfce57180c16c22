"""Requests and answers as bytes: bounded in time and number, tried again only where the server asks for it.

A request that the API server turned down with 429 was not carried out, so it may be sent again. Everything else
is for the caller to decide, who knows whether a second time is harmless.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from kubernetes.aio.client.rest import RESTClientObject

from clusterstate.kube.calls import Call
from clusterstate.kube.failures import TOO_MANY_REQUESTS, UNAUTHORIZED, from_answer, from_exception, retry_after
from clusterstate.kube.login import Login

ERRORS: Final = 400
"""HTTP statuses from here on are errors."""
CONNECT_SECONDS: Final = 10.0


class Transport:
    """One server, one user, one pool of connections."""

    def __init__(self, login: Login, *, patience: float, parallel: int) -> None:
        """Take the seconds that one request may last, waiting included, and how many may run at once."""
        self._login = login
        self._rest = RESTClientObject(login.configuration)
        self._patience = patience
        self._slots = asyncio.Semaphore(parallel)

    async def send(self, call: Call) -> bytes:
        """Give the body of the answer; raise a `KubeError` when it isn't a success."""
        try:
            async with asyncio.timeout(self._patience), self._slots:
                return await self._send_patiently(call)
        except (aiohttp.ClientError, OSError) as error:
            raise from_exception(call, error) from None

    @asynccontextmanager
    async def stream(self, call: Call, silence: float) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """Give the answer's chunks as they come; it ends by `KubeUnavailable` after `silence` seconds without any."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        try:
            response = await self._request(call, limits)
            async with response:
                if response.status >= ERRORS:
                    raise from_answer(call, response.status, response.headers, await response.read())
                yield response.content.iter_any()
        except (aiohttp.ClientError, OSError) as error:
            raise from_exception(call, error) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    async def _send_patiently(self, call: Call) -> bytes:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        deadline = asyncio.get_running_loop().time() + self._patience
        while True:
            async with await self._request(call, limits) as response:
                body = await response.read()
            if response.status < ERRORS:
                return body
            wait = retry_after(response.headers) or 1.0
            late = asyncio.get_running_loop().time() + wait > deadline
            if response.status != TOO_MANY_REQUESTS or late:
                raise from_answer(call, response.status, response.headers, body)
            await asyncio.sleep(wait)

    async def _request(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        response = await self._ask(call, limits)
        if response.status == UNAUTHORIZED:
            response.release()
            await self._login.renew()
            response = await self._ask(call, limits)
        return response

    async def _ask(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        answer = await self._rest.request(  # type: ignore[no-untyped-call] # generated code
            call.method,
            self._login.configuration.host + call.target,
            headers={**call.headers, **await self._login.authorization()},
            body=call.body,
            _request_timeout=limits,
        )
        response: aiohttp.ClientResponse = answer.response
        return response
