"""`clusterstate tree`: the files of a cluster, the folders of a store, or all that is in it."""

import os
from collections.abc import Iterable

from clusterstate.cli.look.branches import Branch, grow, lines_of
from clusterstate.cli.look.reading import look_at
from clusterstate.cli.manners import say
from clusterstate.cli.opening import Shop
from clusterstate.cli.output import echo
from clusterstate.cli.shelf import list_clusters
from clusterstate.cli.sizes import count_of, size_of
from clusterstate.cli.words import Look
from clusterstate.store.base import Entry


async def show_tree(look: Look, *, recursive: bool, backups: bool) -> int:
    """Print the tree of the cluster that is named, or of the store."""
    async with Shop(look.store, os.environ) as shop:
        if look.cluster is not None:
            return await _show_cluster(shop, look.cluster, backups=backups)
        if shop.address().keeps_objects:
            root = await _objects(shop, recursive=recursive)
        else:
            root = await (_everything(shop) if recursive else _folders(shop))
        _print(shop.chosen.url, root)
        return 0


async def _show_cluster(shop: Shop, cluster: str, *, backups: bool) -> int:
    looked = await look_at(shop, cluster, backups=backups)
    _print(looked.url, grow(_sized(looked.listing.entries.values())))
    for url in looked.places.urls():
        say(f"{looked.places.folder_of(url) or 'What kops update writes'} lies at {url}.")
    return looked.finish()


def _sized(entries: Iterable[Entry]) -> Iterable[tuple[str, int]]:
    return ((each.key, each.size) for each in entries)


async def _everything(shop: Shop) -> Branch:
    store = await shop.store()
    return grow([(each.key, each.size) async for page in store.list() for each in page.entries])


async def _folders(shop: Shop) -> Branch:
    """Give what one shallow list tells: nothing of what is in a folder."""
    store = await shop.store()
    pages = [page async for page in store.list(shallow=True)]
    root = grow(_sized(each for page in pages for each in page.entries))
    root.folders.update((folder.rstrip("/"), Branch()) for page in pages for folder in page.prefixes)
    return root


async def _objects(shop: Shop, *, recursive: bool) -> Branch:
    """Give the clusters that kops keeps as objects."""
    root = Branch()
    for cluster in await list_clusters(shop):
        listing = (await look_at(shop, cluster)).listing if recursive else None
        root.folders[cluster] = grow(_sized(listing.entries.values() if listing else ()))
    return root


def _print(url: str, root: Branch) -> None:
    echo(url)
    for line in lines_of(root):
        echo(line)
    if root.count:
        say(f"{count_of(root.count, 'file')}, {size_of(root.size)}.")
