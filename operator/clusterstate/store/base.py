"""The contract of a store: keys and bytes, and what a write may assume.

A key is a relative path such as `prod.example.com/config`: segments joined by `/`, never empty, never `.` or
`..`, no leading or trailing slash. Backends are asynchronous and safe to use from many tasks of one event loop.
They raise only `StoreError`s (see `clusterstate.errors`) and hold no retry loop of ours: `wrappers.Retrying`
does that for all of them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeAlias, runtime_checkable

from clusterstate.errors import StoreUnsupported
from clusterstate.store.body import Body

LARGEST_FILE: Final = 8 << 20
"""Bytes of the largest file that is read; those that kops writes end far below. Larger ones are listed, and copied."""
LARGEST_COPY: Final = 5 << 30
"""Bytes of the largest file that is copied: what one PUT takes on S3 (Amazon S3 User Guide, "Uploading objects").

On OSS it is the same (API reference, "PutObject"), on Swift two bytes more (`max_file_size`), on Google far more.
"""


@dataclass(frozen=True, slots=True)
class Version:
    """An opaque token that changes whenever the file does (ETag, generation, resourceVersion)."""

    token: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as a listing shows it."""

    key: str
    version: Version
    size: int
    """Bytes."""
    modified: datetime
    """Time of the last change, with its zone."""


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of one file and the version that they are."""

    data: bytes = field(repr=False)
    version: Version
    content_type: str = field(default="", compare=False)
    """As the store tells it; empty where it keeps none."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a listing, in the order of the keys' UTF-8 bytes."""

    entries: tuple[Entry, ...]
    prefixes: tuple[str, ...] = ()
    """Only in a shallow listing: the folders below the prefix, each ending in `/`."""


@dataclass(frozen=True, slots=True)
class Anything:
    """Write or delete whatever is there."""


@dataclass(frozen=True, slots=True)
class Absent:
    """Write only where nothing is."""


Expect: TypeAlias = Anything | Absent | Version

ANYTHING: Final = Anything()
ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this store at this endpoint is known to guarantee; False means not proven."""

    atomic_create: bool
    """Of many writers that expect `Absent`, exactly one wins."""
    atomic_update: bool
    """A write that expects a `Version` fails once the file has another."""
    atomic_delete: bool
    """A delete that expects a `Version` fails once the file has another."""
    shared: bool = True
    """Nodes of a cluster can read the store: False for `file://` and `memfs://`."""
    creates_bucket: bool = False
    """A write that expects `Absent` makes the bucket too, where there is none."""
    streams: bool = False
    """It is one of `Streams`."""


class Store(Protocol):
    """Keys and bytes at one URL.

    Every method MAY raise any `StoreError`; those named at a method MUST be told apart. A call that is cancelled
    may still reach the service and do its work.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What is known at this moment; may grow while the store is used."""
        ...

    @property
    def endpoint(self) -> str | None:
        """Where the service is, the same for every way there; with the location it tells one store from another.

        Empty where the location alone does: the provider's own service, whose buckets have the world's only such
        names. None where only the service's first answer tells.
        """
        ...

    async def read(self, key: str) -> Blob:
        """Give the whole file, never a part of one.

        MUST raise `KeyNotFound` when it isn't there, and `StoreRefused` when it has more than `LARGEST_FILE` bytes,
        whatever a listing said: the operator's memory serves all.
        """
        ...

    async def write(self, key: str, data: bytes, *, expect: Expect = ANYTHING) -> Version:
        """Replace the whole file at once: a reader sees the old bytes or the new, never a mixture.

        MUST raise `LostRace` when the expectation doesn't hold, as far as `capabilities` promise.
        """
        ...

    async def delete(self, key: str, *, expect: Expect = ANYTHING) -> None:
        """Remove the file; a file that is gone already is no error. MUST raise `LostRace` like `write`."""
        ...

    def list(self, prefix: str = "", *, after: str = "", shallow: bool = False) -> AsyncIterator[Page]:
        """Give every file whose key starts with `prefix` and is greater than `after`, page by page.

        `prefix` is a plain string prefix, mostly ending in `/`. Keys come in the order of their UTF-8 bytes;
        zero-byte keys that end in `/` (folder markers) are left out. `shallow` stops at the next `/` behind
        the prefix and gives the folders in `Page.prefixes`. The iterator may be left early. Foreign files may have
        names that are no keys (`a//b`): an object store lists them, but they can't be read, written or deleted.
        """
        ...

    async def close(self) -> None:
        """Give back connections and threads. Nothing may be called afterwards."""
        ...


@runtime_checkable
class ContentTypes(Protocol):
    """What a store can do beside `Store` that keeps a content type with each file."""

    def typed(self, content_type: str) -> Store:
        """Give the same store, with this content type for whatever is written; closing it is its original's work."""
        ...


def typed(store: Store, content_type: str) -> Store:
    """Give the store with a content type for what is written, where it keeps such; empty means the store's usual."""
    return store.typed(content_type) if content_type and isinstance(store, ContentTypes) else store


class Sink(Protocol):
    """Takes a file's bytes, in parts of a mebibyte at most, from whatever thread."""

    def write(self, part: bytes, /) -> object:
        """Take the next part. Raises only errors of `clusterstate.errors`."""
        ...

    def restart(self) -> None:
        """Forget what came: the file comes again from its beginning."""
        ...


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a store tells of a file beside its bytes."""

    version: Version
    content_type: str = ""


@runtime_checkable
class Streams(Protocol):
    """What a store can do beside `Store` that takes and gives files of any size, without holding one in memory."""

    async def download(self, key: str, to: Sink, *, size: int) -> Streamed:
        """Give the whole file to a sink; `size`, as a listing had it, decides how long that may take.

        MUST raise `KeyNotFound` when it isn't there. After any error the sink may have got a part.
        """
        ...

    async def upload(self, key: str, body: Body, *, expect: Expect = ANYTHING) -> Version:
        """Do the same as `Store.write`, with up to `LARGEST_COPY` bytes."""
        ...


def streams(store: Store) -> Streams:
    """Give the store for its files of any size; raise `StoreUnsupported` where it takes none."""
    if isinstance(store, Streams) and store.capabilities.streams:
        return store
    raise StoreUnsupported(
        f"The store takes and gives files up to {LARGEST_FILE} bytes only. Keep larger ones in an object store."
    )
