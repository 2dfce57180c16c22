"""A web server that gives whatever answers a test has written down."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from clusterstate.errors import StoreError
from clusterstate.store.base import Store

Answer = Callable[[web.Request], web.Response]


@dataclass
class Canned:
    """A running server and what it was asked."""

    endpoint: str
    requests: list[web.Request] = field(default_factory=list)


@asynccontextmanager
async def canned(answer: Answer) -> AsyncIterator[Canned]:
    """Serve on a free port of loopback."""
    server = Canned("")

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        server.requests.append(request)
        return answer(request)

    app = web.Application(client_max_size=1 << 24)
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.endpoint = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def error(status: int, code: str, message: str = "no", **headers: str) -> web.Response:
    """Give an error as S3 has it."""
    text = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>1</RequestId></Error>" if code else ""
    return web.Response(status=status, text=text, content_type="application/xml", headers=headers)


async def check_answer(acme: AbstractAsyncContextManager[Store], kind: type[StoreError]) -> None:
    """See that a write to this store of the bucket acme fails so, in words for a person."""
    async with acme as store:
        with pytest.raises(StoreError) as caught:
            await store.write("folder/file", b"x")
    assert type(caught.value) is kind
    assert "acme" in caught.value.message
    assert caught.value.message.endswith(".")


EMPTY_LIST = (
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><KeyCount>0</KeyCount>'
    "<IsTruncated>false</IsTruncated></ListBucketResult>"
)
