"""Everything in a store that decides about a deletion, looked at anew, what is foreign there included."""

from clusterstate.api.store import Layout
from clusterstate.api.sync import SyncSpec
from clusterstate.errors import LostRace
from clusterstate.gather import Access, Known
from clusterstate.plan.deletion import OWN, Scene, searched
from clusterstate.state.layout import CONFIG
from clusterstate.state.tree import OWN_PLACE, Listing, Tree, read_cluster, run_all


async def look_around(access: Access, tree: Tree, known: Known | None, sync: SyncSpec) -> Scene:
    """List every file at each place of a state; who else refers to them, and whether its cloud is gone, isn't known.

    Raises `LostRace` where `config` isn't what `known` is of: it may name other places now.
    """
    parts, places = tree.parts(), known.places if known else OWN_PLACE
    urls = tuple(searched(access.location, places, sync))
    found = await run_all(parts[url].list_files(backups=not sync.keep_backups) for url in urls)
    listings = dict(zip(urls, found, strict=True))
    _require_same_config(listings[OWN], known)
    return Scene(
        own=access.location,
        places=places,
        listings=listings,
        sharers=(),
        unseen_base=await _unseen_base(access, tree, listings[OWN]),
        cloud_gone=False,
        sync=sync,
    )


async def _unseen_base(access: Access, tree: Tree, listing: Listing) -> str:
    """Give where kops leaves the files of a cluster that it keeps as objects: in a bucket that isn't opened."""
    cluster = await read_cluster(tree, listing) if access.layout is Layout.KOPS_RESOURCES else None
    base = cluster.spec.get("configBase") if cluster else None
    return base if isinstance(base, str) else ""


def _require_same_config(listing: Listing, known: Known | None) -> None:
    entry = listing.entries.get(CONFIG)
    if (entry and entry.version) != (known and known.config):
        raise LostRace("config was changed while the state was listed: it may name other places now.")
