"""Servers that speak on bare connections what no web server would."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Speak = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MEGABYTE = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
"""As one chunk of a body that comes in chunks."""


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


def dripping(head: bytes) -> Speak:
    """Answer with this head, and a body that comes byte by byte, for ever."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await dribble(reader, writer)

    return drip


async def dribble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


def pouring(head: bytes) -> Speak:
    """Answer with this head, and a body of megabytes without end, in chunks."""

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while True:
            writer.write(MEGABYTE)
            await writer.drain()

    return pour
