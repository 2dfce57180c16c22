"""Requests and answers as bytes: bounded in time, number and size, tried again only where the server asks for it.

A request that the API server turned down with 429 was not carried out, so it may be sent again. Everything else
is for the caller to decide, who knows whether a second time is harmless.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

import aiohttp

from clusterstate.errors import KubeRefused
from clusterstate.kube.calls import Call
from clusterstate.kube.doors import Door
from clusterstate.kube.failures import TOO_MANY_REQUESTS, UNAUTHORIZED, from_answer, from_exception, retry_after

ERRORS: Final = 300
"""HTTP statuses from here on are no success: a server that sends us elsewhere isn't followed."""
CONNECT_SECONDS: Final = 10.0
UNLIMITED: Final = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, how many, how much."""

    patience: float
    """Seconds that one request may last, waiting for its turn included."""
    parallel: int
    """Requests that may run at once."""
    silence: float | None = None
    """Seconds without a byte after which a request has failed; None: only `patience` ends it."""
    largest: int = UNLIMITED
    """Bytes of one answer."""
    repeats: bool = True
    """Whether what was turned down with 429 is sent again, as long as `patience` lasts."""


class Transport:
    """One server, one user, one pool of connections."""

    def __init__(self, door: Door, limits: Limits, slots: asyncio.Semaphore | None = None) -> None:
        """Take the way there, and the places for requests at once where others share them."""
        self._door = door
        self._limits = limits
        self._slots = slots or asyncio.Semaphore(limits.parallel)
        self._slots_beside = asyncio.Semaphore(limits.parallel)

    def once(self, largest: int = UNLIMITED) -> "Transport":
        """Give the same connections for callers who repeat by themselves; closing them is their opener's work.

        All of them have places for requests in common, beside those of this one: neither waits for the other's.
        """
        return Transport(self._door, replace(self._limits, repeats=False, largest=largest), self._slots_beside)

    async def send(self, call: Call) -> bytes:
        """Give the body of the answer; raise a `KubeError` when it isn't a success."""
        try:
            async with asyncio.timeout(self._limits.patience), self._slots:
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
        await self._door.close()

    async def _send_patiently(self, call: Call) -> bytes:
        silence = self._limits.silence
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        deadline = asyncio.get_running_loop().time() + self._limits.patience
        while True:
            async with await self._request(call, limits) as response:
                body = await self._read(call, response)
            if response.status < ERRORS:
                return body
            wait = retry_after(response.headers) or 1.0
            late = asyncio.get_running_loop().time() + wait > deadline
            if response.status != TOO_MANY_REQUESTS or late or not self._limits.repeats:
                raise from_answer(call, response.status, response.headers, body)
            await asyncio.sleep(wait)

    async def _read(self, call: Call, response: aiohttp.ClientResponse) -> bytes:
        largest = self._limits.largest
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if largest and len(body) > largest:
                words = f"the answer has more than {largest} bytes, the most that is read."
                raise KubeRefused(f"Could not {call.text}: {words}", words=words)
        return bytes(body)

    async def _request(self, call: Call, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        response = await self._door.ask(call, limits)
        if response.status == UNAUTHORIZED and await self._door.renew():
            response.release()
            response = await self._door.ask(call, limits)
        return response
