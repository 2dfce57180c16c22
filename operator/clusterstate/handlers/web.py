"""What the process answers by HTTP: `/metrics`. No answer holds up the event loop, whoever asks and however often."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry

from clusterstate.errors import SpecInvalid
from clusterstate.handlers.metrics import render
from clusterstate.settings import Address

log = logging.getLogger(__name__)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
IDLE = 75.0
"""Seconds that a connection stays open without a request: longer than Prometheus waits between two."""


@asynccontextmanager
async def serving(address: Address | None, registry: CollectorRegistry) -> AsyncGenerator[None, None]:
    """Answer at an address as long as the block lasts; without one answer nobody.

    Raises `SpecInvalid` where nothing can listen there.
    """
    if address is None:
        yield
        return
    application = web.Application()
    application.router.add_get("/metrics", _metrics(registry))
    runner = web.AppRunner(application, access_log=None, keepalive_timeout=IDLE)
    await runner.setup()
    try:
        await _listen(runner, address)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, address: Address) -> None:
    try:
        await web.TCPSite(runner, address.host or None, address.port).start()
    except OSError as error:
        raise SpecInvalid(
            f"CLUSTERSTATE_METRICS_ADDRESS is {address}, where nothing can listen: {error.strerror or error}. "
            "Name another address."
        ) from None
    for host, port, *_ in runner.addresses:
        log.info("metrics are at %s", Address(host, port))


def _metrics(registry: CollectorRegistry) -> Answer:
    one_at_a_time = asyncio.Lock()

    async def answer(_: web.Request) -> web.StreamResponse:
        async with one_at_a_time:
            body = await asyncio.to_thread(render, registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    return answer
