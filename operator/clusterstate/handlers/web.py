"""What a process answers by HTTP: `/metrics`, `/healthz`, and `/readyz` where it can say that.

No answer holds up the event loop, whoever asks and however often.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest

from clusterstate.errors import SpecInvalid
from clusterstate.settings import Address

log = logging.getLogger(__name__)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
IDLE = 75.0
"""Seconds that a connection stays open without a request: longer than Prometheus waits between two."""


@asynccontextmanager
async def serving(
    address: Address | None, registry: CollectorRegistry, is_ready: Callable[[], bool] | None = None
) -> AsyncGenerator[None, None]:
    """Answer at an address as long as the block lasts; without one answer nobody.

    Raises `SpecInvalid` where nothing can listen there.
    """
    if address is None:
        yield
        return
    application = web.Application()
    application.router.add_get("/metrics", _metrics(registry))
    application.router.add_get("/healthz", _health)
    if is_ready is not None:
        application.router.add_get("/readyz", _readiness(is_ready))
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


def render(registry: CollectorRegistry) -> bytes:
    """Give all metrics in Prometheus's text format, the one that everybody reads."""
    return generate_latest(registry)


async def _health(_: web.Request) -> web.StreamResponse:
    """Answer at all: a loop that is stuck doesn't."""
    return web.Response(text="alive\n")


def _readiness(is_ready: Callable[[], bool]) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text="ready\n") if is_ready() else web.Response(status=503, text="not ready\n")

    return answer


def _metrics(registry: CollectorRegistry) -> Answer:
    one_at_a_time = asyncio.Lock()

    async def answer(_: web.Request) -> web.StreamResponse:
        async with one_at_a_time:
            body = await asyncio.to_thread(render, registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    return answer
