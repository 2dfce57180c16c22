"""What stands between a client and an API server in these tests."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from clusterstate.sandbox.controlplane import ControlPlane


class TcpProxy:
    """Passes bytes on until it is told to break, to refuse or to freeze connections."""

    def __init__(self, host: str, port: int) -> None:
        self.connections = 0
        self._target = host, port
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._accepting = True
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    @property
    def port(self) -> int:
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @classmethod
    @asynccontextmanager
    async def before(cls, url: str) -> AsyncIterator["TcpProxy"]:
        host, port = url.removeprefix("https://").split(":")
        proxy = cls(host, int(port))
        proxy._server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        try:
            yield proxy
        finally:
            proxy._server.close()
            await proxy.cut()

    async def cut(self) -> None:
        """Break every connection that there is."""
        for task in (tasks := tuple(self._tasks)):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def refuse(self) -> None:
        """Break every connection, and new ones at once."""
        self._accepting = False
        await self.cut()

    def accept(self) -> None:
        self._accepting = True

    def freeze(self) -> None:
        """Pass nothing more on over the present connections, and leave them open."""
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self._accepting:
                await self._join(reader, writer)
        except (asyncio.CancelledError, OSError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        flowing = self._flowing
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, far_writer, flowing))
                group.create_task(self._pump(far_reader, writer, flowing))
        finally:
            far_writer.transport.abort()

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        while data := await reader.read(65536):
            await flowing.wait()
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def scripted(answer: Answer) -> AsyncIterator[str]:
    """Serve whatever `answer` says to every request, and give the URL."""
    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1, handler_cancellation=True)  # type: ignore[arg-type]
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def write_kubeconfig(path: Path, url: str, *, user: dict[str, Any] | None = None, ca_file: Path | None = None) -> Path:
    cluster = {"server": url} | ({"certificate-authority": str(ca_file)} if ca_file else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }
    path.write_text(yaml.safe_dump(config))
    return path


@asynccontextmanager
async def forgetful(control_plane: ControlPlane) -> AsyncIterator[tuple[str, list[str]]]:
    """Give the URL of an API server that, at the second watch, doesn't remember that far back."""
    watches: list[str] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {control_plane.admin_token}"}) as session:

        async def forward(request: web.Request) -> web.StreamResponse:
            query = dict(request.query)
            if "watch" in query:
                watches.append(query["resourceVersion"])
                query |= {"timeoutSeconds": "1"} if len(watches) == 1 else {}
                if len(watches) == 2:
                    return web.json_response({"type": "ERROR", "object": {"kind": "Status", "code": 410}})
            url, headers = control_plane.url + request.path, {"Accept": request.headers["Accept"]}
            async with session.get(url, params=query, headers=headers, ssl=False) as answer:
                response = web.StreamResponse(status=answer.status)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        async with scripted(forward) as url:
            yield url, watches
