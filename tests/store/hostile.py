"""Bare servers that mean harm: they drip, pour, or never finish what they begin."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from clusterstate.store.threads import HOST_LANE, host_lane

ENDLESS = b'HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nETag: "1"\r\nTransfer-Encoding: chunked\r\n\r\n'
DRIP = b'HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nETag: "1"\r\nContent-Length: 100000\r\n\r\n'

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(speak: Speak) -> AsyncIterator[str]:
    """Serve bare connections; what goes wrong with one is nobody's concern."""
    speaking: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speaking.add(asyncio.ensure_future(speak_once(reader, writer)))

    async def speak_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError):
                await speak(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in speaking:
            task.cancel()
        await asyncio.gather(*speaking, return_exceptions=True)


async def all_threads_come_back() -> None:
    """Wait until the host's threads, all of them, can be had at the same time."""
    lane, together = host_lane("127.0.0.1", named=True), threading.Barrier(HOST_LANE)
    await asyncio.gather(*(lane.run(together.wait) for _ in range(HOST_LANE)))


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(DRIP)
    await dribble(reader, writer)


async def drip_handshake(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")  # a ServerHello of 16 KiB begins
    await dribble(reader, writer)


async def dribble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ENDLESS)
    while True:
        writer.write(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
        await writer.drain()
