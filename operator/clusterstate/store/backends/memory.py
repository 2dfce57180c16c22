"""`memfs://NAME`: files that live and die with this process, for tests and trials.

Stores of one name share their files, whoever opens them, and nothing frees a file but its deletion: so
`EndpointPolicy.memory_allowed` decides who may open one at all. Safe to use from many threads.
"""

import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from clusterstate.errors import KeyNotFound, LostRace
from clusterstate.store.base import (
    ANYTHING,
    LARGEST_FILE,
    Absent,
    Anything,
    Blob,
    Capabilities,
    Entry,
    Expect,
    Page,
    Sink,
    Streamed,
    Version,
)
from clusterstate.store.body import Body
from clusterstate.store.failures import too_large
from clusterstate.store.key import check_key, check_prefix
from clusterstate.store.listing import make_pages
from clusterstate.store.sinks import PART


@dataclass(slots=True)
class _Files:
    """The files of one name."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    blobs: dict[str, tuple[Blob, datetime]] = field(default_factory=dict)
    versions: "count[int]" = field(default_factory=lambda: count(1))


_SHARED: dict[str, _Files] = {}
_SHARED_LOCK = threading.Lock()


class MemoryStore:
    """The store `memfs://NAME`."""

    def __init__(self, name: str) -> None:
        self._name = name
        with _SHARED_LOCK:
            self._files = _SHARED.setdefault(name, _Files())

    @property
    def capabilities(self) -> Capabilities:
        """Everything but shared."""
        return Capabilities(atomic_create=True, atomic_update=True, atomic_delete=True, shared=False, streams=True)

    @property
    def endpoint(self) -> str:
        """None: it is here."""
        return ""

    async def read(self, key: str) -> Blob:
        """See `Store.read`."""
        blob = self._find(check_key(key))
        if len(blob.data) > LARGEST_FILE:
            raise too_large(f"memfs://{self._name}/{key}")
        return blob

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """See `Streams.download`."""
        del size
        blob = self._find(check_key(key))
        for start in range(0, len(blob.data), PART):
            to.write(blob.data[start : start + PART])
        return Streamed(blob.version)

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """See `Streams.upload`; a store that is memory holds it there."""
        with body.open() as source:
            return await self.write(key, source.read(), expect=expect)

    def _find(self, key: str) -> Blob:
        found = self._files.blobs.get(key)
        if found is None:
            raise KeyNotFound(f"There is no file {key} in memfs://{self._name}.")
        return found[0]

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """See `Store.write`."""
        check_key(key)
        with self._files.lock:
            self._check(key, expect)
            version = Version(str(next(self._files.versions)))
            self._files.blobs[key] = (Blob(bytes(data), version), datetime.now(UTC))
        return version

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """See `Store.delete`."""
        check_key(key)
        with self._files.lock:
            if key in self._files.blobs:
                self._check(key, expect)
                del self._files.blobs[key]

    async def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """See `Store.list`."""
        check_prefix(prefix)
        with self._files.lock:
            entries = [_entry(key, *found) for key, found in self._files.blobs.items()]
        for page in make_pages(entries, prefix, after, shallow=shallow):
            yield page

    async def close(self) -> None:
        """Keep the files: others may share them."""

    def _check(self, key: str, expect: Expect) -> None:
        found = self._files.blobs.get(key)
        version = found[0].version if found else None
        match expect:
            case Anything():
                return
            case Absent():
                if version is None:
                    return
            case Version():
                if version == expect:
                    return
        raise LostRace(f"The file {key} of memfs://{self._name} was changed by somebody else.")


def _entry(key: str, blob: Blob, modified: datetime) -> Entry:
    return Entry(key, blob.version, len(blob.data), modified)
