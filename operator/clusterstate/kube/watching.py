"""A watch: the lines of one long answer, as events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Final, Literal, TypeAlias

import msgspec

from clusterstate.kube.answers import decode_answer
from clusterstate.kube.calls import Call
from clusterstate.kube.failures import from_status
from clusterstate.kube.kinds import JsonObject
from clusterstate.kube.transport import Transport

SERVER_SECONDS: Final = 300
"""When the API server ends a watch by itself, so that no watch outlives its authorization for long."""
SILENCE: Final = 100.0
"""Seconds without a byte after which a connection counts as dead: the API server sends a bookmark each minute."""

Happening: TypeAlias = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]


class WatchEvent(msgspec.Struct, frozen=True):
    """One line: what happened to which object; a bookmark says only that time went on."""

    type: Happening
    object: JsonObject
    """The object as it is now, or was before it was deleted; a Status where the type is ERROR."""

    @property
    def resource_version(self) -> str:
        """Where a later watch goes on from."""
        version: str = self.object["metadata"]["resourceVersion"]
        return version


async def watch_events(transport: Transport, call: Call, silence: float = SILENCE) -> AsyncGenerator[WatchEvent, None]:
    """Give the events until the server ends the answer; raise a `KubeError` when something else does."""
    query = {**call.query, "watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(SERVER_SECONDS)}
    call = replace(call, query=query)
    async with transport.stream(call, silence) as chunks, aclosing(_lines(chunks)) as lines:
        async for line in lines:
            yield _event(call, line)


def _event(call: Call, line: bytes) -> WatchEvent:
    event = decode_answer(call, line, WatchEvent)
    if event.type == "ERROR":
        code = event.object.get("code")
        raise from_status(call, code if isinstance(code, int) else 0, event.object)
    return event


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Cut chunks at newlines; what follows the last one comes last."""
    pieces: list[bytes] = []
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        pieces.append(first)
        for other in others:
            yield b"".join(pieces)
            pieces = [other]
    rest = b"".join(pieces)
    if rest:
        yield rest
