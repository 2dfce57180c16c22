"""`clusterstate get files`: the files themselves, wherever they lie."""

import os
from typing import Final

from clusterstate.cli.choice import choose_cluster
from clusterstate.cli.look.parts import MORE_OF_FILES, finish
from clusterstate.cli.look.reading import Looked, look_at
from clusterstate.cli.look.sheet import Item, Sheet
from clusterstate.cli.manners import say
from clusterstate.cli.opening import Shop
from clusterstate.cli.sizes import count_of, size_of
from clusterstate.cli.words import Look
from clusterstate.state.layout import kind_of
from clusterstate.state.objects import JsonObject
from clusterstate.status.texts import stamp
from clusterstate.store.base import Entry

HEADERS: Final = ("KEY", "KIND", *MORE_OF_FILES)
MORE: Final = ("URL", "VERSION")


async def get_files(look: Look, *, backups: bool) -> int:
    """Print every file of a cluster, those that lie elsewhere too."""
    async with Shop(look.store, os.environ) as shop:
        looked = await look_at(shop, choose_cluster(look.cluster, os.environ), backups=backups)
    items = [_item(looked, looked.listing.entries[key]) for key in sorted(looked.listing.entries)]
    code = finish(looked, Sheet(HEADERS, MORE, items), look, "files")
    say(f"{count_of(looked.listing.files, 'file')}, {size_of(looked.listing.bytes)}.")
    return code


def _item(looked: Looked, entry: Entry) -> Item:
    kind, changed = kind_of(entry.key).kind.value, stamp(entry.modified)
    place, inner = looked.places.url_of(entry.key)
    url = f"{place or looked.url}/{inner}"
    content: JsonObject = {
        "key": entry.key,
        "kind": kind,
        "size": entry.size,
        "changed": changed,
        "url": url,
        "version": entry.version.token,
    }
    return Item(entry.key, (entry.key, kind, size_of(entry.size), changed), (url, entry.version.token), content)
