"""Stores around a store: retries, a prefix, no writes. Each does one thing and is a `Store` itself."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Final

from clusterstate.errors import IntegrityFailed, KeyNotFound, LostRace, StoreError, StoreRefused, StoreUnavailable
from clusterstate.store.around import Around
from clusterstate.store.base import (
    ANYTHING,
    LARGEST_COPY,
    LARGEST_FILE,
    Blob,
    Expect,
    Page,
    Sink,
    Store,
    Streamed,
    Version,
    streams,
    typed,
)
from clusterstate.store.body import Body
from clusterstate.store.failures import too_large
from clusterstate.store.key import check_key, check_prefix, join
from clusterstate.store.listing import check_pages
from clusterstate.store.sinks import Digest

ATTEMPTS: Final = 4
"""Most requests that one read, write, delete or page may take, the first one counted.

A conditional write may take one read more, to learn whether an attempt without answer had come through.
"""
FIRST_DELAY: Final = 0.2
"""Seconds before the second attempt; each further delay is twice as long, and chance takes up to half off."""
LONGEST_DELAY: Final = 5.0
"""Seconds; a store that asks for a longer pause ends the attempts: the run's own back-off waits that long."""

_LAST = "\U0010ffff"
"""The character that sorts behind all others."""


class Retrying(Around):
    """Repeats what failed by chance: `StoreUnavailable` and `IntegrityFailed`, nothing else.

    It is the only one who retries: SDKs are told not to. A write whose answer was lost may have happened, so
    when its repetition loses the race against itself, the file is read back and its bytes decide.
    """

    def __init__(self, inner: Store, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        super().__init__(inner)
        self._sleep = sleep

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        attempts = _Attempts(self._sleep)
        while True:
            try:
                return await self._inner.read(key)
            except (StoreUnavailable, IntegrityFailed) as error:
                await attempts.pause(error)

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`. What nobody could read back is refused, before an SDK sends it in parts."""
        if len(data) > LARGEST_FILE:
            raise too_large(key)

        async def look() -> Version | None:
            blob = await self.read(key)
            return blob.version if blob.data == data else None

        return await self._write(lambda: self._inner.write(key, data, expect=expect), look)

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """See `Streams.download`."""
        attempts = _Attempts(self._sleep)
        while True:
            try:
                return await streams(self._inner).download(key, to, size=size)
            except (StoreUnavailable, IntegrityFailed) as error:
                await attempts.pause(error)
                to.restart()

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """See `Streams.upload`."""

        async def look() -> Version | None:
            found = Digest(key, LARGEST_COPY)
            told = await self.download(key, found, size=body.size)
            return told.version if found.sha256 == body.sha256 else None

        return await self._write(lambda: streams(self._inner).upload(key, body, expect=expect), look)

    async def _write(
        self, send: Callable[[], Awaitable[Version]], look: Callable[[], Awaitable[Version | None]]
    ) -> Version:
        """Write; where a repetition loses, `look` tells whether it lost against an earlier attempt of ours."""
        attempts = _Attempts(self._sleep)
        while True:
            try:
                return await send()
            except (StoreUnavailable, IntegrityFailed) as error:
                await attempts.pause(error)
            except LostRace as lost:
                if not attempts.failed:
                    raise
                return await _own_write(look, lost)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`. A file that an earlier attempt deleted is gone, which is no error."""
        attempts = _Attempts(self._sleep)
        while True:
            try:
                return await self._inner.delete(key, expect=expect)
            except (StoreUnavailable, IntegrityFailed) as error:
                await attempts.pause(error)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`. After a failure the listing goes on behind the last page that arrived.

        Raise `StoreRefused` when there is no end after `MOST_PAGES`.
        """
        attempts, pages = _Attempts(self._sleep), 0
        while True:
            try:
                async for page in self._inner.list(prefix, after=after, shallow=shallow):
                    pages += 1
                    check_pages(pages, prefix)
                    yield page
                    attempts = _Attempts(self._sleep)
                    after = max(after, _end(page), key=str.encode)
            except (StoreUnavailable, IntegrityFailed) as error:
                await attempts.pause(error)
            else:
                return

    def typed(self, content_type: str) -> Store:
        """See `ContentTypes`."""
        return Retrying(typed(self._inner, content_type), self._sleep)


async def _own_write(look: Callable[[], Awaitable[Version | None]], lost: LostRace) -> Version:
    """Give the version that an earlier attempt of ours wrote; raise `lost` when the bytes are another's."""
    try:
        version = await look()
    except KeyNotFound:
        raise lost from None
    if version is None:
        raise lost
    return version


class _Attempts:
    """The attempts of one call."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._sleep = sleep
        self.failed = 0

    async def pause(self, error: StoreError) -> None:
        """Wait before the next attempt; raise the error when there should be none."""
        self.failed += 1
        asked = error.retry_after or 0.0
        if self.failed >= ATTEMPTS or asked > LONGEST_DELAY:
            raise error
        grown = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self.failed - 1))
        await self._sleep(max(asked, grown * random.uniform(0.5, 1.0)))  # noqa: S311 (spreads load, guards nothing)


def _end(page: Page) -> str:
    """Give what every key of the page, and every key in its folders, comes before or is."""
    names = [entry.key for entry in page.entries[-1:]] + [folder + _LAST for folder in page.prefixes[-1:]]
    return max(names, key=str.encode, default="")


class Prefixed(Around):
    """A store that shows what is below a prefix as if there were nothing else."""

    def __init__(self, inner: Store, prefix: str) -> None:
        super().__init__(inner)
        self._prefix = prefix

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        return await self._inner.read(self._full(key))

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        return await self._inner.write(self._full(key), data, expect=expect)

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """See `Streams.download`."""
        return await streams(self._inner).download(self._full(key), to, size=size)

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """See `Streams.upload`."""
        return await streams(self._inner).upload(self._full(key), body, expect=expect)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        await self._inner.delete(self._full(key), expect=expect)

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`."""
        base = f"{self._prefix}/" if self._prefix else ""
        behind = base + after if after else ""
        async for page in self._inner.list(base + check_prefix(prefix), after=behind, shallow=shallow):
            entries = tuple(replace(entry, key=entry.key.removeprefix(base)) for entry in page.entries)
            yield Page(entries, tuple(folder.removeprefix(base) for folder in page.prefixes))

    def typed(self, content_type: str) -> Store:
        """See `ContentTypes`."""
        return Prefixed(typed(self._inner, content_type), self._prefix)

    def _full(self, key: str) -> str:
        return join(self._prefix, check_key(key))


class ReadOnly(Around):
    """A store that refuses every write, for runs that promise none: dry runs and Pull.

    Their plans hold no write, so one that comes here is a bug; the store is safe from it.
    """

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """Raise `StoreRefused`."""
        del data, expect
        raise _forbidden("written", key)

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """Raise `StoreRefused`."""
        del body, expect
        raise _forbidden("written", key)

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """Raise `StoreRefused`."""
        del expect
        raise _forbidden("deleted", key)


def _forbidden(what: str, key: str) -> StoreRefused:
    return StoreRefused(
        f"By a bug of ours, a run that must not write would have {what} the file {key}. The store is as it was. "
        "Please report this."
    )
