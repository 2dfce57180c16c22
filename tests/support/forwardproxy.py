"""A forward proxy as companies have it: HTTP requests and CONNECT tunnels, with a password if one is set.

It works in a thread with an event loop of its own, like `faultproxy`.
"""

import asyncio
import base64
import threading
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from clusterstate.sandbox.process import free_port

Result = TypeVar("Result")
DENIED = (
    b'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n'
)


class ForwardProxy:
    """A running proxy; a context manager."""

    def __init__(self, user: str = "", password: str = "", routes: Mapping[str, str] | None = None) -> None:
        """Take who may use it (empty: anybody), and where some HOST:PORT lead instead (`*` may stand in the key)."""
        self._routes = routes or {}
        self._login = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}" if user else ""
        self.targets: list[str] = []
        """HOST:PORT of each request or tunnel that was let through."""
        self.denied = 0
        self._port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="forward-proxy")
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", self._port))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.05)  # what was aborted ends in the loop's next rounds

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection: one tunnel, or one request, since both sides are told to close after it."""
        try:
            with suppress(OSError, EOFError):
                await self._serve_one(reader, writer)
        finally:
            writer.transport.abort()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if self._login and headers.get("proxy-authorization") != self._login:
            self.denied += 1
            writer.write(DENIED)
            await writer.drain()
            return
        host, port = _address_of(method, target)
        target_host, target_port = self._route(host, port)
        far_reader, far_writer = await asyncio.open_connection(target_host, target_port)
        self.targets.append(f"{host}:{port}")
        try:
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            else:
                far_writer.write(_head_of(method, target, headers))
                if "100-continue" in headers.get("expect", ""):
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                far_writer.write(await reader.readexactly(int(headers.get("content-length", "0"))))
                await _pump(far_reader, writer)
        finally:
            far_writer.transport.abort()

    def _route(self, host: str, port: int) -> tuple[str, int]:
        for pattern, target in self._routes.items():
            if fnmatchcase(f"{host}:{port}", pattern):
                new_host, _, new_port = target.rpartition(":")
                return new_host, int(new_port)
        return host, port


def _address_of(method: str, target: str) -> tuple[str, int]:
    url = urlsplit(f"//{target}" if method == "CONNECT" else target)
    return url.hostname or "", url.port or 80


def _head_of(method: str, target: str, headers: dict[str, str]) -> bytes:
    """Give a request's head as the server wants it."""
    path = target.split(urlsplit(target).netloc, 1)[1] or "/"
    kept = {name: value for name, value in headers.items() if not name.startswith("proxy-")}
    kept |= {"connection": "close"}
    kept.pop("expect", None)
    return "\r\n".join([f"{method} {path} HTTP/1.1", *map(": ".join, kept.items()), "", ""]).encode("latin-1")


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes until the one side ends, then end the other."""
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
