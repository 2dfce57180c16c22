"""The two stores that files go between, and what of them takes part."""

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import realpath

from clusterstate.cli.opening import Shop, require_url
from clusterstate.errors import CommandInvalid, StoreNotFound
from clusterstate.plan.naming import named
from clusterstate.plan.rewriting import lies_in
from clusterstate.plan.transfer import is_wanted
from clusterstate.state.tree import run_all
from clusterstate.store.base import Entry, Store
from clusterstate.store.endpoints import Endpoint
from clusterstate.store.key import find_flaw
from clusterstate.store.location import Location


@dataclass(frozen=True, slots=True)
class Scope:
    """Which files of a store take part."""

    clusters: tuple[str, ...] = ()
    """Those of these clusters; none: all files."""
    backups: bool = True
    """Whether etcd's backups do."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What their keys start with."""
        return tuple(f"{name}/" for name in dict.fromkeys(self.clusters)) or ("",)


@dataclass(frozen=True, slots=True)
class End:
    """One of the two stores."""

    location: Location
    store: Store

    @property
    def url(self) -> str:
        """For people, in its normal form."""
        return self.location.url

    @property
    def service(self) -> str:
        """What tells its service from others, as far as it is known."""
        return Endpoint.parse(self.store.endpoint).identity if self.store.endpoint else ""


@dataclass(frozen=True, slots=True)
class Listed:
    """What takes part of one store."""

    entries: dict[str, Entry]
    flawed: tuple[str, ...]
    """Files that an object store lists, and whose names keep them from being read or written."""


async def open_end(shop: Shop, url: str, by: str) -> End:
    """Open a store that `by` names; nothing is asked of it yet. Raises `CommandInvalid` for one that keeps no files."""
    require_url(url, by)
    if shop.address(url).keeps_objects:
        raise CommandInvalid(
            f"{url} is where kops keeps its own objects, which aren't files. Use `clusterstate migrate` to move a "
            "cluster there or away; k8s:///NAMESPACE is a store of files in Secrets."
        )
    return End(shop.location(url), await shop.store(url))


def require_apart(one: End, other: End, scope: Scope) -> None:
    """Raise `CommandInvalid` where the two are one place, or one lies in the other."""
    if one.service != other.service:
        return
    for source in _places(_real(one.location), scope):
        for target in _places(_real(other.location), scope):
            if source == target or lies_in(source, target) or lies_in(target, source):
                raise CommandInvalid(
                    f"{source.url} and {target.url} are one place, or lie one in the other. Name another place."
                )


def _real(location: Location) -> Location:
    """Give where a folder is once the links on the way to it are followed."""
    return Location("file", "", realpath(location.folder).strip("/")) if location.scheme == "file" else location


def _places(location: Location, scope: Scope) -> list[Location]:
    return [location.child(name) for name in scope.clusters] or [location]


async def list_both(one: End, other: End, scope: Scope) -> tuple[Listed, Listed]:
    """List both at the same time; a bucket of the other one that the first write makes counts as empty."""
    source, target = await run_all([_list(one, scope), _list(other, scope, may_be_made=True)])
    return source, target


async def _list(end: End, scope: Scope, *, may_be_made: bool = False) -> Listed:
    try:
        found = await run_all(_list_below(end.store, prefix) for prefix in scope.prefixes)
    except StoreNotFound:
        if may_be_made and end.store.capabilities.creates_bucket:
            return Listed({}, ())
        raise
    wanted = [each for entries in found for each in entries if is_wanted(each.key, backups=scope.backups)]
    flawed = tuple(each.key for each in wanted if find_flaw(each.key))
    return Listed({each.key: each for each in wanted if each.key not in flawed}, flawed)


async def _list_below(store: Store, prefix: str) -> list[Entry]:
    return [entry async for page in store.list(prefix) for entry in page.entries]


def require_files(listed: Listed, end: End, clusters: Sequence[str]) -> None:
    """Raise `CommandInvalid` where a store, or a cluster that was named, has no file at all."""
    without = [name for name in clusters if not any(key.startswith(f"{name}/") for key in listed.entries)]
    if without:
        raise CommandInvalid(f"{end.url} holds nothing of {named(without)}. Correct the name, or the URL.")
    if not listed.entries:
        raise CommandInvalid(f"{end.url} holds no files. Correct the URL.")
