"""One cluster's files, read one by one: what is broken is kept apart, and hides nothing else."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

from clusterstate.cli.exits import FAILED
from clusterstate.cli.manners import warn
from clusterstate.cli.opening import Shop
from clusterstate.errors import KeyNotFound, MalformedFile, StateError
from clusterstate.state import codec, layout, limits
from clusterstate.state.layout import FileKind
from clusterstate.state.objects import Document
from clusterstate.state.tree import OWN_PLACE, Listing, Tree, run_each

SECONDS: Final = 300.0
"""That a listing may take: whoever waits for longer presses Ctrl-C."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Looked:
    """The files of one cluster, wherever they lie."""

    cluster: str
    store: str
    """URL."""
    url: str
    """Of the cluster's own folder."""
    tree: Tree
    listing: Listing
    places: layout.Places = OWN_PLACE
    broken: dict[str, StateError] = field(default_factory=dict)
    """Why files, by key, can't be read."""
    config: Document | None = None
    """As it was read for `places`."""

    async def read(self, keys: Mapping[str, str], decode: Callable[[bytes, str], T]) -> dict[str, T]:
        """Give what the files of these objects mean, by the objects' names in their order."""
        found: dict[str, T] = {}

        async def read_one(name: str) -> None:
            key = keys[name]
            try:
                limits.check_file(key, self.listing.entries[key].size)
                with suppress(KeyNotFound):  # deleted meanwhile
                    found[name] = decode((await self.tree.read(key)).data, key)
            except StateError as error:
                self.broken[key] = error

        await run_each(keys, read_one)
        return {name: found[name] for name in sorted(found)}

    async def read_kind(self, kind: FileKind, decode: Callable[[bytes, str], T]) -> dict[str, T]:
        """Give what all files of a kind mean, by the names of their objects."""
        return await self.read(self.listing.keys_of(kind), decode)

    async def read_key(self, key: str, decode: Callable[[bytes, str], T]) -> T | None:
        """Give what one file means; None where it isn't there, or is broken."""
        keys = {key: key} if key in self.listing.entries else {}
        return (await self.read(keys, decode)).get(key)

    async def read_document(self, key: str) -> Document | None:
        """Give a document; None where it isn't there, or is broken."""
        if key == layout.CONFIG and self.config:
            return self.config
        return await self.read_key(key, codec.decode_document)

    def finish(self) -> int:
        """Name what is broken, and give the exit code."""
        for key in sorted(self.broken):
            warn(self.broken[key].message)
        return FAILED if self.broken else 0


async def look_at(shop: Shop, cluster: str, *, backups: bool = False) -> Looked:
    """List a cluster's files; where `config` is broken, or leads nowhere, those of its own folder.

    Raises `KeyNotFound` where there is no file at all.
    """
    sources = await shop.sources(cluster)
    broken: dict[str, StateError] = {}
    access, places = shop.access(cluster), OWN_PLACE
    try:
        tree, listing, known = await sources.list_state(None, SECONDS)
        places = known.places if known else OWN_PLACE
        if backups:
            tree, listing = await sources.list_at(places)
    except MalformedFile as error:
        broken[layout.CONFIG] = error
        tree, listing = await sources.list_at(OWN_PLACE)
    if not listing.entries:
        raise no_cluster(cluster, shop.chosen.url)
    listing = listing if backups else listing.without_backups
    url = _place(shop.chosen.url, cluster) if shop.address().keeps_objects else access.location.url
    return Looked(cluster, shop.chosen.url, url, tree, listing, places, broken, sources.config)


def _place(url: str, cluster: str) -> str:
    """Give what people may call the place of kops's own objects; `k8s:///CLUSTER` is a store of another kind."""
    return f"{cluster} in {url}" if url.endswith("://") else f"{url}/{cluster}"


async def look_into(shop: Shop, cluster: str) -> Looked:
    """Do the same for a cluster that is to be understood; raise `KeyNotFound` or `MalformedFile` without `config`."""
    looked = await look_at(shop, cluster)
    if layout.CONFIG in looked.broken:
        raise looked.broken[layout.CONFIG]
    if layout.CONFIG not in looked.listing.entries:
        raise no_cluster(cluster, looked.store)
    return looked


def no_cluster(cluster: str, store: str) -> KeyNotFound:
    """Say that there is none."""
    return KeyNotFound(
        f"There is no cluster {cluster} in {store}. clusterstate get clusters lists those that are there."
    )


def chosen(found: Mapping[str, T], names: Iterable[str], noun: str, cluster: str) -> dict[str, T]:
    """Give those of these names in their order, or all without names; raise `KeyNotFound` for one that isn't there."""
    for name in names:
        if name not in found:
            there = ", ".join(found) or "none"
            raise KeyNotFound(f"Cluster {cluster} has no {noun} {name}. There are: {there}.")
    return {name: found[name] for name in names} or dict(found)
