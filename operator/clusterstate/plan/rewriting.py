"""The URLs in a Cluster's spec that follow a state when it moves, and those that can't. Pure.

Three fields place parts of the state (`configBase`, `keyStore`, `secretStore`); nodes alone read what the others name:
`etcdClusters[].backups.backupStore`, `addons[].manifest` and, only on request, the discovery store, whose URL is the
issuer of the cluster's tokens.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Final

from clusterstate.errors import MigrationRefused, SpecInvalid
from clusterstate.plan.values import as_list, as_map
from clusterstate.state.layout import Places
from clusterstate.state.objects import JsonObject
from clusterstate.store.key import join
from clusterstate.store.location import S3_FLAVOURS, Location

PLACES: Final = {"configBase": "", "keyStore": "/pki", "secretStore": "/secrets"}
"""Fields that place parts of the state, and where below its own place these are unless the field says otherwise."""
DISCOVERY: Final = "serviceAccountIssuerDiscovery.discoveryStore"

Change = Callable[[str, str], str]
"""Gives the new URL of a field, by the field and its URL."""


@dataclass(frozen=True, slots=True)
class Move:
    """From where to where a state moves."""

    old: Location
    """Of the state: `{store}/{clusterName}`."""
    new: Location
    old_store: Location
    new_store: Location
    discovery: bool = False
    """Whether the discovery store's URL follows too."""
    names_place: bool = True
    """False where kops can't use the new place's URL: there the URLs stay as they are."""
    holds_all: bool = False
    """Whether the old place holds all parts itself, whatever its `config` says of their places."""
    pairs: tuple[tuple[Location, Location], ...] = field(default=())
    """Old and new places of all that moves; empty: that of the state alone."""

    def of(self, spec: JsonObject) -> "Move":
        """Take along the parts of the state that this spec places elsewhere in the old store."""
        found = [(self.old, self.new)]
        for name in PLACES:
            place = _parse(spec.get(name))
            below = None if place is None else _below(place, self.old_store)
            if place is not None and below and _below(place, self.old) is None:
                found.append((place, _at(self.new_store, below)))
        pairs = tuple(dict.fromkeys(found)) if self.names_place else ((self.old, self.new),)
        return replace(self, pairs=pairs)

    def follow(self, url: str) -> str | None:
        """Give where what lies at a URL will be; None where it stays."""
        place = _parse(url)
        for old, new in self.pairs or ((self.old, self.new),):
            below = None if place is None else _below(place, old)
            if below is not None:
                return _at(new, below).url
        return None

    def rewrite(self, spec: JsonObject) -> JsonObject:
        """Give the spec with every URL that follows; the discovery store's only on request."""
        return _change_urls(spec, self.url_after) if self.names_place else spec

    def url_after(self, name: str, url: str) -> str:
        """Give the URL of one field once the state has moved to a place with a URL."""
        if self.holds_all and name in PLACES:
            return f"{self.new.url}{PLACES[name]}"
        return url if name == DISCOVERY and not self.discovery else self.follow(url) or url

    def places_after(self, spec: JsonObject) -> Places:
        """Give where the parts that move will lie; what stays elsewhere is taken for lying at the state's own place."""
        if not self.names_place:
            return Places(None, None, None)
        rewritten = self.rewrite(spec)
        moved = {name: rewritten[name] for name in PLACES if self.follow(str(spec.get(name) or "")) is not None}
        return Places.of(moved, self.new.url)

    def stays(self, url: str | None) -> bool:
        """Whether the files at one of the old `Places.urls` aren't taken along; None is the state's own place.

        A place whose URL kops can't use holds all parts itself, wherever they were.
        """
        return self.names_place and url is not None and self.follow(url) is None


def require_movable(move: Move, spec: JsonObject, declared: JsonObject) -> None:
    """Raise `MigrationRefused`, which names the field, where a URL can neither follow nor stay."""
    _require_apart(move)
    if not move.names_place:
        return
    _require_undeclared(move, declared)
    for name, url in urls_of(spec):
        place = _parse(url)
        if place is None or move.follow(url) is not None or (move.holds_all and name in PLACES):
            continue
        if name in PLACES and place.scheme != move.new.scheme:
            raise MigrationRefused(
                f"{name} of config is {url}, which lies outside of {move.old.url} and doesn't move with it, but a "
                f"state in {move.new_store.url} may only use stores of its own scheme. Bring its files into "
                f"{move.old.url} first, and have {name} say so; nothing was written."
            )
        if name != DISCOVERY and _below(place, move.old_store) is not None:
            raise MigrationRefused(
                f"{name} of config is {url}: in the old store, but not below {move.old.url}, so that it isn't known "
                "what else uses it. Move it by hand and have the field say so, then move the state again; nothing "
                "was written."
            )


def _require_apart(move: Move) -> None:
    pairs = move.pairs or ((move.old, move.new),)
    for old in (old for old, _ in pairs):
        for new in (new for _, new in pairs):
            if lies_in(new, old) or lies_in(old, new):
                raise MigrationRefused(
                    f"{new.url} and {old.url} lie one in the other, so that files of the two would be mixed up. "
                    "Choose another URL."
                )


def lies_in(inner: Location, outer: Location) -> bool:
    """Whether one lies below the other in a bucket of the same name: flavours of S3 may be one service."""
    same = inner.scheme == outer.scheme or {inner.scheme, outer.scheme} <= S3_FLAVOURS
    return bool(same and _below(replace(inner, scheme=outer.scheme), outer))


def _require_undeclared(move: Move, declared: JsonObject) -> None:
    for name, url in urls_of(declared):
        after = move.url_after(name, url)
        if after.rstrip("/") != url.rstrip("/"):
            raise MigrationRefused(
                f"spec.cluster still declares {name} as {url}, which the move changes to {after}, so that it would be "
                f"written back. Declare {after}, or leave the field out."
            )


def urls_below(spec: JsonObject, place: Location) -> Iterator[tuple[str, Location]]:
    """Give each field of the spec whose URL lies at a place or below it, with that URL."""
    for name, url in urls_of(spec):
        location = _parse(url)
        if location is not None and _below(location, place) is not None:
            yield name, location


def urls_of(spec: JsonObject) -> Iterator[tuple[str, str]]:
    """Give the fields that hold URLs of the state, by a name for people."""
    found: list[tuple[str, str]] = []

    def note(name: str, url: str) -> str:
        found.append((name, url))
        return url

    _change_urls(spec, note)
    yield from found


def _change_urls(spec: JsonObject, change: Change) -> JsonObject:
    spec = deepcopy(spec)
    for name in PLACES:
        _set(spec, name, name, change)
    for cluster in map(as_map, as_list(spec.get("etcdClusters"))):
        where = f"etcdClusters[{cluster.get('name', '')}].backups.backupStore"
        _set(as_map(cluster.get("backups")), "backupStore", where, change)
    for number, addon in enumerate(map(as_map, as_list(spec.get("addons")))):
        _set(addon, "manifest", f"addons[{number}].manifest", change)
    _set(as_map(spec.get("serviceAccountIssuerDiscovery")), "discoveryStore", DISCOVERY, change)
    return spec


def _set(holder: JsonObject, key: str, name: str, change: Change) -> None:
    url = holder.get(key)
    if isinstance(url, str) and url:
        holder[key] = change(name, url)


def _parse(url: object) -> Location | None:
    """Read a URL; None for what is none, such as an addon of a channel."""
    try:
        return Location.parse(url) if isinstance(url, str) else None
    except SpecInvalid:
        return None


def _below(place: Location, root: Location) -> str | None:
    """Give the path from a root down to a place, empty where they are the same; None where it isn't below."""
    if (place.scheme, place.bucket) != (root.scheme, root.bucket):
        return None
    if place.prefix == root.prefix or not root.prefix:
        return place.prefix.removeprefix(root.prefix)
    start = f"{root.prefix}/"
    return place.prefix.removeprefix(start) if place.prefix.startswith(start) else None


def _at(root: Location, path: str) -> Location:
    return Location(root.scheme, root.bucket, join(root.prefix, path))
