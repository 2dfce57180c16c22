"""`clusterstate get clusters`: found by one shallow list; kops's own way, at any depth, on request."""

import os
from collections.abc import Iterable, Sequence
from typing import Final

from clusterstate.cli.choice import CLUSTER_VARIABLE
from clusterstate.cli.exits import FAILED
from clusterstate.cli.look.documents import CLUSTERS, cluster_as_shown, cluster_cells, text
from clusterstate.cli.look.reading import Looked, look_at, no_cluster
from clusterstate.cli.look.sheet import Item, Sheet, print_sheet
from clusterstate.cli.manners import say, told, warn
from clusterstate.cli.opening import Shop
from clusterstate.cli.shelf import Shelved, read_clusters
from clusterstate.cli.sizes import size_of
from clusterstate.cli.words import Look
from clusterstate.errors import ClusterStateError, CommandInvalid, KeyNotFound
from clusterstate.state.layout import COMPLETED
from clusterstate.state.objects import Document
from clusterstate.state.tree import run_each
from clusterstate.status.texts import stamp

MORE: Final = ("VERSION", "FILES", "SIZE", "CHANGED")
_UNKNOWN: Final = ("", "", "")


async def get_clusters(look: Look, *, recursive: bool, full: bool) -> int:
    """Print a store's clusters; what can't be read is named, and makes the exit code 1."""
    names = _names(look)
    async with Shop(look.store, os.environ) as shop:
        found = await read_clusters(shop, recursive=recursive, names=names or None)
        troubles = [told(each.error) for each in found if each.error]
        sound = _in_order(found, names, look, shop.chosen.url)
        shown = await _complete(shop, sound, troubles) if full else {each.name: each.cluster for each in sound}
        sizes = await _measure(shop, sound, troubles) if look.output == "wide" else {}
        items = [_item(shop, each, shown.get(each.name), sizes) for each in sound if not full or each.name in shown]
    if not found:
        say(f"There is no cluster in {shop.chosen.url}.")
    print_sheet(Sheet(CLUSTERS, MORE, items, documents=True, single=len(names) == 1), look.output)
    return _tell(found, troubles)


def _names(look: Look) -> tuple[str, ...]:
    """Give the clusters that are asked for: like in kops, KOPS_CLUSTER_NAME is one."""
    if look.names and look.cluster:
        raise CommandInvalid("Clusters are named by --name and as arguments. Leave --name out.")
    one = look.cluster if look.cluster is not None else os.environ.get(CLUSTER_VARIABLE)
    return look.names or ((one,) if one else ())


def _in_order(found: Sequence[Shelved], names: Iterable[str], look: Look, store: str) -> list[Shelved]:
    """Give the clusters that can be shown, in the order in which they were asked for."""
    there = {each.name: each for each in found}
    for name in names:
        if name not in there:
            raise no_cluster(name, store) if look.names or look.cluster else _no_usual_cluster(name, store)
    wanted = dict.fromkeys(names) or there
    return [there[name] for name in wanted if there[name].cluster]


def _no_usual_cluster(name: str, store: str) -> KeyNotFound:
    return KeyNotFound(
        f"There is no cluster {name} in {store}, and {CLUSTER_VARIABLE} names that. Unset it to list those that are "
        "there."
    )


async def _complete(shop: Shop, clusters: Iterable[Shelved], troubles: list[str]) -> dict[str, Document | None]:
    """Give what the last `kops update cluster` made of each."""
    found: dict[str, Document | None] = {}

    async def read(cluster: Shelved) -> None:
        looked = await _look(shop, cluster.name, troubles)
        if looked is None:
            return
        if document := await looked.read_document(COMPLETED):
            found[cluster.name] = document
        elif COMPLETED in looked.broken:
            troubles.append(f"{cluster.name}/{looked.broken[COMPLETED].message}")
        else:
            troubles.append(f"{cluster.name} has no {COMPLETED}: kops has not built this cluster yet.")

    await run_each(clusters, read)
    return found


async def _measure(shop: Shop, clusters: Iterable[Shelved], troubles: list[str]) -> dict[str, tuple[str, ...]]:
    """Give number, size and last change of each cluster's files, by one list of each."""
    found: dict[str, tuple[str, ...]] = {}

    async def measure(cluster: Shelved) -> None:
        if looked := await _look(shop, cluster.name, troubles):
            listing = looked.listing
            changed = stamp(listing.last_change) if listing.last_change else ""
            found[cluster.name] = (str(listing.files), size_of(listing.bytes), changed)

    await run_each(clusters, measure)
    return found


async def _look(shop: Shop, cluster: str, troubles: list[str]) -> Looked | None:
    """List a cluster's files; one that can't be listed holds up no other."""
    try:
        looked = await look_at(shop, cluster)
    except ClusterStateError as error:
        troubles.append(f"{cluster}: {told(error)}")
        return None
    troubles.extend(f"{cluster}/{error.message}" for error in looked.broken.values())
    return looked


def _item(shop: Shop, shelved: Shelved, shown: Document | None, sizes: dict[str, tuple[str, ...]]) -> Item:
    cluster = shelved.cluster
    assert cluster is not None, "the sound ones"
    document = shown or cluster
    folder = "" if shop.address().keeps_objects else shop.access(shelved.name).location.url
    content = cluster_as_shown(document, shelved.name, folder)
    more = (text(cluster.spec, "kubernetesVersion"), *sizes.get(shelved.name, _UNKNOWN))
    return Item(shelved.name, cluster_cells(document, shelved.shown), more, content)


def _tell(found: Iterable[Shelved], troubles: Iterable[str]) -> int:
    for each in found:
        if each.cluster and each.shown != each.name:
            warn(f"{each.name}/config is of a cluster {each.shown}. kops finds it by no name; correct metadata.name.")
    failed = FAILED if (told := sorted(troubles)) else 0
    for trouble in told:
        warn(trouble)
    return failed
