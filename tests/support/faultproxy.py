"""A server that stands before another one, passes everything on, and misbehaves on request.

It passes on method, path, query and headers unchanged (Host too, so that signatures hold), adds whether its own side
is TLS (X-Forwarded-Proto), and works in a thread with an event loop of its own: a test may block its own loop, or use
a blocking client.
"""

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from clusterstate.sandbox.process import free_port

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}
"""Headers that concern one connection only (RFC 9110, section 7.6.1), and those that aiohttp writes itself."""
LARGEST_REQUEST = 1 << 30
Result = TypeVar("Result")


@dataclass
class Fault:
    """What goes wrong with the requests that it matches; where several match, the first one counts."""

    method: str | None = None
    path: str = ""
    """The beginning of the path, which starts with "/"."""
    times: int | None = None
    """How many more requests it hits; None means all."""
    delay: float = 0
    """Seconds before anything else happens."""
    held: bool = False
    """Nothing else happens as long as this is true."""
    status: int | None = None
    """Answer this instead of asking the server."""
    retry_after: int | None = None
    """Seconds, as a header of that answer."""
    body: str = ""
    """What that answer says, in XML or JSON."""
    cut_after: int | None = None
    """Break the connection when so many bytes of the body are out; the headers promise all of them."""
    truncate_to: int | None = None
    """End the body after so many bytes, with headers that promise no more."""
    corrupt: bool = False
    """Turn over a bit in the middle of the answer's body."""
    corrupt_request: bool = False
    """Turn over a bit in the middle of what is sent to the server."""

    def hits(self, request: web.BaseRequest) -> bool:
        """Tell whether the request is its concern; each hit counts."""
        if self.method not in (None, request.method) or not request.path.startswith(self.path) or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class FaultProxy:
    """A face of `upstream`, a URL such as http://127.0.0.1:7070; a context manager.

    With a context its own side is TLS; `trust` is for an upstream that has TLS.
    """

    def __init__(
        self, upstream: str, *, context: ssl.SSLContext | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        self.upstream = upstream
        self._context = context
        self._trust = trust
        self.counts: Counter[tuple[str, str]] = Counter()
        """How many requests came in, by method and path (without query), faulty ones included."""
        self.posted: list[str] = []
        """Bodies of the POST requests among them: forms, for the services that speak so."""
        self.faults: list[Fault] = []
        self._port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def endpoint(self) -> str:
        """The proxy's own URL."""
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self.accept()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextmanager
    def failing(self, fault: Fault) -> Iterator[Fault]:
        """Misbehave inside a `with` block."""
        self.faults.append(fault)
        try:
            yield fault
        finally:
            self.faults.remove(fault)

    def refuse(self) -> None:
        """Refuse connections from now on, and break those that there are."""
        self._do(self._close())

    def accept(self) -> None:
        """Take connections, again after `refuse`, on the same port."""
        self._do(self._open())

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _open(self) -> None:
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_route("*", "/{rest:.*}", self._handle)
        self._session = aiohttp.ClientSession(auto_decompress=False)
        self._runner = web.AppRunner(app, auto_decompress=False, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True, ssl_context=self._context)
        await site.start()

    async def _close(self) -> None:
        if self._runner is not None and self._session is not None:
            for connection in self._runner.server.connections if self._runner.server else ():
                if connection.transport is not None:
                    connection.transport.abort()  # TLS would wait for the other side to say good-bye
            await self._runner.cleanup()
            await self._session.close()
            self._runner = self._session = None
            await asyncio.sleep(0.05)  # what was aborted ends in the loop's next rounds

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.counts[request.method, request.path] += 1
        fault = next((fault for fault in self.faults if fault.hits(request)), Fault())
        await asyncio.sleep(fault.delay)
        while fault.held:  # noqa: ASYNC110 - another thread lets go
            await asyncio.sleep(0.02)
        if fault.status is not None:
            again = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            kind = "application/json" if fault.body.startswith("{") else "application/xml"
            return web.Response(status=fault.status, headers=again, text=fault.body, content_type=kind)
        return await self._forward(request, fault)

    async def _forward(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        assert self._session is not None
        body = await request.read()
        if request.method == "POST":
            self.posted.append(body.decode(errors="replace"))
        body = _turned_over(body, when=fault.corrupt_request)
        async with self._session.request(
            request.method,
            URL(self.upstream + request.raw_path, encoded=True),
            headers=[*_end_to_end(request.headers), ("X-Forwarded-Proto", request.scheme)],
            data=BytesIO(body) if body else None,
            allow_redirects=False,
            ssl=self._trust or True,
        ) as answer:
            return await _pass_on(request, answer, fault)


async def _pass_on(request: web.Request, answer: aiohttp.ClientResponse, fault: Fault) -> web.StreamResponse:
    body = _turned_over(await answer.read(), when=fault.corrupt)
    response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer.headers))
    if fault.truncate_to is not None:
        body = body[: fault.truncate_to]
    if request.method == "HEAD":
        response.headers["Content-Length"] = answer.headers.get("Content-Length", "0")
    else:
        response.content_length = len(body) or int(fault.cut_after is not None)  # an empty body can't break off
    await response.prepare(request)
    if fault.cut_after is not None:
        await response.write(body[: fault.cut_after])
        await asyncio.sleep(0.05)  # let the bytes leave before the connection breaks
        if request.transport is not None:
            request.transport.abort()
        return response
    with suppress(ConnectionError):  # the client has lost patience
        await response.write(body)
        await response.write_eof()
    return response


def _turned_over(body: bytes, *, when: bool) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if when and body else body


def _end_to_end(headers: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP]
