"""The clusters of a store: found by one shallow list, read by one read of each `config`, or found at any depth as kops.

kops (pkg/client/simple/vfsclientset/cluster.go, 1.35.2) lists every file of the store for this, and takes each folder
with a `config` in it for a cluster. A cluster is named by its folder: that is its name to `--name` and to every URL.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from clusterstate.cli.manners import warn
from clusterstate.cli.opening import Shop
from clusterstate.errors import (
    AccessDenied,
    ClusterStateError,
    IntegrityFailed,
    KeyNotFound,
    MalformedFile,
    ObjectNotFound,
    StateError,
    StoreRefused,
)
from clusterstate.state import codec, layout, limits
from clusterstate.state.objects import Document
from clusterstate.state.tree import run_each
from clusterstate.store.base import Store
from clusterstate.store.key import SHOWN, find_flaw

if TYPE_CHECKING:  # as in `opening`
    from clusterstate.kube.client import Client
    from clusterstate.kube.kinds import JsonObject

_CONFIG: Final = f"/{layout.CONFIG}"
_BODIES: Final = 50
"""Objects of a page: each has its content."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """A cluster as it is found in a store."""

    name: str
    """Its folder in the store, which may have slashes in it."""
    cluster: Document | None = None
    error: ClusterStateError | None = None
    """Why `cluster` is None."""

    @property
    def shown(self) -> str:
        """The name that kops shows, which is the one in `config` where that has one."""
        return (self.cluster.name if self.cluster else "") or self.name


async def list_clusters(shop: Shop, url: str = "", *, recursive: bool = False) -> list[str]:
    """Give the names of a store's clusters in their order; none is the chosen store's.

    Those whose `config` is broken are among them. Errors as `Store.list`, or of the Kubernetes API.
    """
    return [each.name for each in await read_clusters(shop, url, recursive=recursive)]


async def read_clusters(
    shop: Shop, url: str = "", *, recursive: bool = False, names: Iterable[str] | None = None
) -> list[Shelved]:
    """Give a store's clusters in the order of their names, or those of `names` that are there, without any list."""
    if shop.address(url).keeps_objects:
        found = await _read_objects(shop, url, names)
    else:
        store = await shop.store(url)
        if names is None:
            names = _known(await (_find_all(store) if recursive else _find_folders(store)))
        found = await _read_each(partial(_read_file, store), (each for each in names if not find_flaw(each + _CONFIG)))
    return sorted(found, key=lambda each: each.name)


async def _find_folders(store: Store) -> list[str]:
    return [each.rstrip("/") async for page in store.list(shallow=True) for each in page.prefixes]


def _known(names: Iterable[str]) -> Iterator[str]:
    """Leave out what no store of ours can reach, and say so: a cluster may lie there."""
    for name in names:
        if flaw := find_flaw(name + _CONFIG):
            warn(f"The folder {name[:SHOWN]!r} is left out: its name {flaw}.")
        else:
            yield name


async def _find_all(store: Store) -> list[str]:
    keys = [entry.key async for page in store.list() for entry in page.entries]
    return [key.removesuffix(_CONFIG) for key in keys if key.endswith(_CONFIG)]


async def _read_each(read: Callable[[str], Awaitable[Shelved | None]], names: Iterable[str]) -> list[Shelved]:
    """Read some at a time, and give what is there."""
    found: list[Shelved] = []

    async def read_one(name: str) -> None:
        if each := await read(name):
            found.append(each)

    await run_each(names, read_one)
    return found


async def _read_file(store: Store, name: str) -> Shelved | None:
    """Read the `config` of a folder, which is no cluster without it; one that can't be read holds up no other."""
    try:
        return _decoded(name, (await store.read(name + _CONFIG)).data)
    except KeyNotFound:
        return None
    except (AccessDenied, IntegrityFailed, StoreRefused) as error:
        return Shelved(name, error=error)


def _decoded(name: str, data: bytes) -> Shelved:
    try:
        limits.check_file(layout.CONFIG, len(data))
        return Shelved(name, codec.decode_document(data, layout.CONFIG))
    except StateError as error:
        return Shelved(name, error=MalformedFile(f"{name}/{error.message}"))


async def _read_objects(shop: Shop, url: str, names: Iterable[str] | None) -> list[Shelved]:
    """Read kops's own objects, those of all namespaces where no names are given, as kops does (see `Address`)."""
    from clusterstate.kube.client import Selection  # noqa: PLC0415 (most stores aren't in Kubernetes)
    from clusterstate.state.kops_resources.kinds import CLUSTERS  # noqa: PLC0415 (as above)

    client = await shop.kube(shop.address(url).context)
    if names is not None:
        return await _read_each(partial(_read_object, client), names)
    pages = client.pages(Selection(CLUSTERS), chunk=_BODIES)
    bodies = [body async for page in pages for body in page.objects]
    return [each for each in map(_seen, bodies) if each]


async def _read_object(client: "Client", name: str) -> Shelved | None:
    from clusterstate.state.kops_resources.kinds import CLUSTERS, place_of  # noqa: PLC0415 (as above)

    if place_of(layout.CONFIG, name) is None:  # no object may have that name
        return None
    with suppress(ObjectNotFound):
        return _seen(await client.get(CLUSTERS, name.replace(".", "-"), name))
    return None


def _seen(body: "JsonObject") -> Shelved | None:
    """Give the cluster that an object is, None where it is being deleted."""
    from clusterstate.state.kops_resources.forms import read_object  # noqa: PLC0415 (as above)
    from clusterstate.state.kops_resources.kinds import CLUSTERS  # noqa: PLC0415 (as above)

    name = body["metadata"]["name"]
    try:
        file = read_object(CLUSTERS.plural, body) if "deletionTimestamp" not in body["metadata"] else None
    except StoreRefused as error:
        return Shelved(name, error=error)
    return _decoded(name, file.data) if file else None
