"""Where states come from that are compared: stores, directories and revisions of git, read whole, one by one.

Whatever a state comes from, a review sees its files by key, `backups/` left out. Nothing is ever written.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, Self

from clusterstate.cli.opening import Shop
from clusterstate.cli.shelf import list_clusters
from clusterstate.errors import AccessDenied, CommandInvalid, KeyNotFound
from clusterstate.plan.comparison import Files
from clusterstate.state import limits
from clusterstate.state.layout import CONFIG
from clusterstate.state.tree import run_each
from clusterstate.store.base import Store
from clusterstate.store.key import find_flaw
from clusterstate.store.location import Location

LISTING_SECONDS: Final = 600.0
"""How long a listing may take: somebody is there to end it."""
FILE: Final = "file://"


class StateSource(Protocol):
    """Something that holds states."""

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters whose states it holds, in their order."""
        ...

    @property
    def single(self) -> bool:
        """Whether it is one cluster's state, not a store of any number."""
        ...

    def url(self, cluster: str) -> str:
        """Give how people call the place of a cluster's state."""
        ...

    async def read(self, cluster: str) -> Files:
        """Give all files of a cluster's state, none where it isn't there. Raises `StoreError` or `StateError`."""
        ...


@dataclass(frozen=True, slots=True)
class StoreSource:
    """A store, or the one state at its URL."""

    shop: Shop
    store_url: str
    clusters: tuple[str, ...]
    single: bool

    @classmethod
    async def open(cls, shop: Shop, url: str, cluster: str | None) -> Self:
        """Look what is at a URL: a cluster's state, or a store of clusters. Raises `CommandInvalid` where neither is.

        Where a cluster is named, no other is looked for: whoever may read that one alone need not see the store.
        """
        url = url if url.endswith("://") else url.rstrip("/")
        if not shop.address(url).keeps_objects and await _is_state(await shop.store(url)):
            return cls(shop, *_split(url), single=True)
        return cls(shop, url, (cluster,) if cluster else await _find_clusters(shop, url), single=False)

    def url(self, cluster: str) -> str:
        """See `StateSource`."""
        return self.shop.access(cluster, self.store_url).location.url

    async def read(self, cluster: str) -> Files:
        """See `StateSource`."""
        sources = await self.shop.sources(cluster, self.store_url)
        tree, listing, _ = await sources.list_state(None, LISTING_SECONDS)
        limits.check_total(listing.entries.values())
        files: dict[str, bytes] = {}

        async def read(key: str) -> None:
            files[key] = (await tree.read(key)).data

        await run_each((key for key in listing.entries if not find_flaw(key)), read)
        return files


async def _is_state(store: Store) -> bool:
    """Whether a place is one cluster's state; whoever may not see it may still see a cluster below."""
    try:
        await store.read(CONFIG)
    except (KeyNotFound, AccessDenied):
        return False
    return True


def _split(url: str) -> tuple[str, tuple[str]]:
    """Give the store that a state's URL lies in, and the cluster. Raises `CommandInvalid` where no store could be."""
    place = Location.parse(url)
    head, _, name = place.prefix.rpartition("/")
    if not name:
        raise CommandInvalid(f"{url} has a config at its top, where no cluster can be. Name a store or a state.")
    return Location(place.scheme, place.bucket, head).url, (name,)


async def _find_clusters(shop: Shop, url: str) -> tuple[str, ...]:
    """Give a store's clusters; `.git` in a work tree has a `config` too, and is none.

    Raises `CommandInvalid` where there are other files only: it is the wrong place then.
    """
    clusters = tuple(name for name in await list_clusters(shop, url) if not name.startswith("."))
    if not clusters and not shop.address(url).keeps_objects and not await _is_empty(await shop.store(url)):
        raise CommandInvalid(f"{url} holds files, but no cluster: there is no CLUSTER/{CONFIG}. Is it the right place?")
    return clusters


async def _is_empty(store: Store) -> bool:
    return not any([page.entries or page.prefixes async for page in store.list(shallow=True)])


def directory_url(word: str) -> str:
    """Give the URL of a directory, named by its path or by a URL. Raises `CommandInvalid` where none is there."""
    folder = Path("/", Location.parse(word).prefix) if word.startswith(FILE) else Path(word)
    if not folder.is_dir():
        raise CommandInvalid(f"{word} is no directory. Name one that holds CLUSTER/{CONFIG}, as export makes it.")
    return Location("file", "", str(folder.resolve()).strip("/")).url
