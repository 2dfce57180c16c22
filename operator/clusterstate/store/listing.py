"""What the backends' listings have in common. Pure."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from clusterstate.errors import StoreRefused
from clusterstate.store.base import Entry, Page

PAGE_SIZE = 1000
"""Files and folders per page, as S3 has it."""
MOST_PAGES = 200
"""Pages of one listing: 200,000 files, where a cluster has some hundreds and etcd's backups some thousands."""

P = TypeVar("P")


def is_folder_marker(key: str, size: int) -> bool:
    """Whether it is one of the empty objects that consoles and old tools keep in place of a folder."""
    return size == 0 and key.endswith("/")


def check_pages(pages: int, prefix: str) -> None:
    """Raise `StoreRefused` when a listing has more pages than any that ends."""
    if pages > MOST_PAGES:
        raise StoreRefused(
            f"The listing of {prefix or 'the store'} has no end after {MOST_PAGES} pages of {PAGE_SIZE} files. "
            "Have files deleted that don't belong there, or the store's service corrected."
        )


async def follow(fetch: Callable[[P], Awaitable[tuple[Page, P | None]]], start: P, service: str) -> AsyncIterator[Page]:
    """Give page after page; `fetch` gives one and where the next starts, None when there is no more.

    Raise `StoreRefused`, which names the service, where a page leads to itself.
    """
    position: P | None = start
    while position is not None:
        page, follows = await fetch(position)
        yield page
        if follows == position:
            raise StoreRefused(f"{service} repeats a page of its listing for ever. Have its service corrected.")
        position = follows


def make_pages(entries: Iterable[Entry], prefix: str, after: str, *, shallow: bool) -> Iterator[Page]:
    """Cut what `Store.list` gives out of all entries of a store."""
    wanted = sorted(
        (entry for entry in entries if entry.key.startswith(prefix) and entry.key.encode() > after.encode()),
        key=lambda entry: entry.key.encode(),
    )
    items = iter(_fold(wanted, prefix) if shallow else wanted)
    while part := list(islice(items, PAGE_SIZE)):
        files = tuple(item for item in part if isinstance(item, Entry))
        yield Page(files, tuple(item for item in part if isinstance(item, str)))


def _fold(entries: Iterable[Entry], prefix: str) -> Iterator[Entry | str]:
    """Put one folder, ending in `/`, in place of all files below it."""
    last = ""
    for entry in entries:
        name, slash, _ = entry.key[len(prefix) :].partition("/")
        folder = prefix + name + slash
        if not slash:
            yield entry
        elif folder != last:
            last = folder
            yield folder
