"""A whole state: list every file, read those that mean something to us, within `limits`.

`Tree` is the cluster's own prefix, with the key store, the secret store and the configuration base wherever
`config` puts them: below it, every file has one key, as if all of them lay together. Listing leaves `backups/`
out (etcd-manager writes there all the time) by a second list that starts behind it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final, TypeVar

from clusterstate.errors import MalformedFile, StateError, StateTooLarge
from clusterstate.state import codec, layout, limits
from clusterstate.state.keyset import require_usable
from clusterstate.state.layout import Places
from clusterstate.state.node_config import NodeConfig, read_node_config, too_large
from clusterstate.state.objects import Document, Keyset, State
from clusterstate.store.base import Blob, Entry, Expect, Store, Version
from clusterstate.store.copying import most_of

PARALLEL = 8
"""Files of one state that are worked on at the same time: read and decoded, copied, deleted."""
BEHIND_BACKUPS = layout.BACKUPS + "~"
"""Sorts behind whatever etcd-manager writes into `backups/`, and before every key behind that folder."""
OWN_PLACE = Places(None, None, None)
TRUNK = "The cluster's own prefix, {spec.store.url}/{spec.clusterName},"

ONE_BY_ONE: Final = frozenset({layout.FileKind.KEYSET, layout.FileKind.SECRET, layout.FileKind.SSH_PUBLIC_KEY})
"""What is judged file by file: one that is damaged or too large holds up no other."""

T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """Every file of a state but `backups/`, by its key below the cluster's prefix."""

    entries: Mapping[str, Entry]

    @property
    def files(self) -> int:
        """How many."""
        return len(self.entries)

    @property
    def known_files(self) -> int:
        """How many of them kops knows."""
        return sum(layout.kind_of(key).kind is not layout.FileKind.UNKNOWN for key in self.entries)

    @property
    def bytes(self) -> int:
        """Their sizes added up."""
        return sum(entry.size for entry in self.entries.values())

    @cached_property
    def last_change(self) -> datetime | None:
        """The newest time of change, None in an empty state."""
        return max((entry.modified for entry in self.entries.values()), default=None)

    @cached_property
    def digest(self) -> str:
        """Changes whenever any file does: SHA-256 over keys and versions, in hex."""
        lines = (f"{key}\0{self.entries[key].version.token}\n" for key in sorted(self.entries))
        return sha256("".join(lines).encode()).hexdigest()

    @cached_property
    def without_backups(self) -> "Listing":
        """The same without `backups/`."""
        return Listing({key: each for key, each in self.entries.items() if not key.startswith(layout.BACKUPS)})

    def keys_of(self, kind: layout.FileKind) -> dict[str, str]:
        """Names of the objects of one kind, with their keys, in the order of the names."""
        found = ((layout.kind_of(key), key) for key in self.entries)
        return dict(sorted((name, key) for (of, name), key in found if of is kind))

    def written(self, key: str, version: Version, size: int, now: datetime) -> "Listing":
        """Give the same listing after a write of ours."""
        return Listing({**self.entries, key: Entry(key, version, size, now)})

    def deleted(self, key: str) -> "Listing":
        """Give the same listing after a delete of ours."""
        return Listing({each: entry for each, entry in self.entries.items() if each != key})


def changed_keys(before: Listing, after: Listing) -> list[str]:
    """Give the keys that only one of two listings has, or whose versions differ."""
    keys = sorted({*before.entries, *after.entries})
    pairs = ((key, before.entries.get(key), after.entries.get(key)) for key in keys)
    return [key for key, one, other in pairs if (one and one.version) != (other and other.version)]


class Tree:
    """One state in its store, whatever lies elsewhere included. Closing the stores is their opener's work."""

    def __init__(self, trunk: Store, places: Places = OWN_PLACE, others: Mapping[str, Store] | None = None) -> None:
        """Take the store at the cluster's own prefix, and one for each URL that `places` names."""
        self.trunk = trunk
        self._places = places
        self._others = others or {}

    def parts(self) -> dict[str, "Tree"]:
        """Give each place as a tree of its own, by its URL; the cluster's own prefix by none.

        It shows every file there, the state's or not, by its key at that place.
        """
        return {"": Tree(self.trunk)} | {url: Tree(store) for url, store in self._others.items()}

    async def list_files(self, trunk: Listing | None = None, *, backups: bool = False) -> Listing:
        """List everything but `backups/`: one list, a second where backups exist, one more for each other URL.

        A listing of the trunk that is at hand already is taken as it is. Raises `StateTooLarge`, which names the
        place, where more files are than any state has.
        """
        listed = [("", trunk.entries if trunk else await _list(self.trunk, "", TRUNK, backups=backups))]
        found = await run_all(
            _list(store, self._places.folder_of(url), url, backups=backups) for url, store in self._others.items()
        )
        listed += zip(self._others, found, strict=True)
        return Listing(
            {key: entry for url, entries in listed for key, entry in entries.items() if self._is_at(url, key)}
        )

    async def read(self, key: str) -> Blob:
        """Give one file's bytes and version."""
        store, inner = self.at(key)
        return await store.read(inner)

    async def write(self, key: str, data: bytes, *, expect: Expect) -> Version:
        """Write one file; see `Store.write`."""
        store, inner = self.at(key)
        return await store.write(inner, data, expect=expect)

    async def delete(self, key: str, *, expect: Expect) -> None:
        """Delete one file; see `Store.delete`."""
        store, inner = self.at(key)
        await store.delete(inner, expect=expect)

    @property
    def most(self) -> int:
        """Bytes of the largest file that can be copied from here or to here."""
        return min(map(most_of, (self.trunk, *self._others.values())))

    def _is_at(self, url: str, key: str) -> bool:
        return (self._places.url_of(key)[0] or "") == url

    def at(self, key: str) -> tuple[Store, str]:
        """Give the store that has a file, and its key there."""
        url, inner = self._places.url_of(key)
        return (self._others[url], inner) if url else (self.trunk, key)


async def _list(store: Store, folder: str, place: str, *, backups: bool) -> dict[str, Entry]:
    """List what is at a place, which people know by that name, as the files of a folder of the state."""
    entries: dict[str, Entry] = {}
    left_out = None if backups else layout.BACKUPS
    after: str | None = ""
    while after is not None:
        after = await _list_from(store, folder, after, entries, left_out)
        limits.check_listed(len(entries), place)
    return entries


async def _list_from(
    store: Store, folder: str, after: str, entries: dict[str, Entry], left_out: str | None
) -> str | None:
    """List until the end or too many (None) or until backups begin (where to go on)."""
    async for page in store.list(after=after):
        for entry in page.entries:
            key = folder + entry.key
            if left_out is None or not key.startswith(left_out):
                entries[key] = replace(entry, key=key)
            elif not after:
                return BEHIND_BACKUPS
        if len(entries) > limits.MAX_LISTED:
            return None
    return None


async def run_all(jobs: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Give the results in order. The first failure ends the others before it is raised: stores close after it."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        await _end(tasks)
        raise


async def run_each(
    items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, None]], parallel: int = PARALLEL
) -> None:
    """Work on all items, so many at a time; of failures see `run_all`."""
    left = iter(items)

    async def one() -> None:
        for item in left:
            await work(item)

    await run_all(one() for _ in range(parallel))


async def _end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    tasks = tuple(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def no_name(_: str) -> bool:
    """Choose nothing."""
    return False


def every_name(_: str) -> bool:
    """Choose everything."""
    return True


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which parts of a state are worth reading."""

    secrets: Callable[[str], bool] = no_name
    ssh_public_keys: bool = False
    files: frozenset[str] = frozenset()
    """Keys of files that are taken as bytes; those of a kind of their own are not among them."""
    node_configs: bool = False
    """Whether to read what nodes are set up from."""
    documents: bool = True
    """Whether to read the configuration and the instance groups."""
    keysets: Callable[[str], bool] = every_name


@dataclass(frozen=True, slots=True)
class Read:
    """A state and the exact versions of the files it was read from."""

    state: State
    versions: Mapping[str, Version]
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Those that were wanted and are there."""
    broken: Mapping[str, StateError] = field(default_factory=dict)
    """Why keysets, secrets and SSH keys are missing in the state although their files, by key, are there."""
    node_configs: Mapping[str, NodeConfig] = field(default_factory=dict)
    """What nodes are set up from, by the file's key; one that can't be read says why."""


async def read_state(tree: Tree, listing: Listing, wanted: Wanted) -> Read:
    """Read what the run needs, bit by bit: other tasks of the event loop have their turn after each file.

    Raises `MalformedFile` naming the document, `StateTooLarge` naming the limit; what else is damaged is in `broken`.
    A file that vanishes between list and read is `KeyNotFound`: the next run sees the state as it is then.
    """
    documents = (layout.CONFIG, layout.COMPLETED) if wanted.documents else ()
    groups = listing.keys_of(layout.FileKind.INSTANCE_GROUP) if wanted.documents else {}
    keysets = {name: key for name, key in listing.keys_of(layout.FileKind.KEYSET).items() if wanted.keysets(name)}
    secrets = {name: key for name, key in listing.keys_of(layout.FileKind.SECRET).items() if wanted.secrets(name)}
    ssh_keys = listing.keys_of(layout.FileKind.SSH_PUBLIC_KEY) if wanted.ssh_public_keys else {}
    raw = {key: key for key in sorted(wanted.files & listing.entries.keys())}
    setups, unread = _find_node_configs(listing) if wanted.node_configs else ({}, {})
    named = [key for keys in (groups, keysets, secrets, ssh_keys, raw, setups) for key in keys.values()]
    async with _open_files(tree, listing, [*documents, *named]) as files:
        state = State(
            cluster=await files.one(layout.CONFIG, codec.decode_document),
            completed=await files.one(layout.COMPLETED, codec.decode_document),
            instance_groups=await files.all(groups, codec.decode_document),
            keysets=await files.sound(keysets, _decode_keyset),
            secrets=await files.sound(secrets, codec.decode_secret),
            ssh_public_keys=await files.sound(ssh_keys, codec.decode_ssh_public_key),
        )
        others = await files.all(raw, lambda data, _: data)
        node_configs = await files.all(setups, read_node_config)
    return Read(state, files.versions, others, files.broken, {**node_configs, **unread})


def _find_node_configs(listing: Listing) -> tuple[dict[str, str], dict[str, NodeConfig]]:
    """Give the keys of those that can be read, each by itself, and what is told of those that are too large."""
    found = [key for name, key in listing.keys_of(layout.FileKind.IG_CONFIG).items() if layout.is_node_config(name)]
    judged = {key: too_large(key, listing.entries[key].size) for key in found}
    return {key: key for key in found if judged[key] is None}, {key: each for key, each in judged.items() if each}


async def read_cluster(tree: Tree, listing: Listing) -> Document | None:
    """Read `config` alone, None where there is none: it tells where the rest lies."""
    async with _open_files(tree, listing, [layout.CONFIG]) as files:
        return await files.one(layout.CONFIG, codec.decode_document)


def _decode_keyset(data: bytes, key: str) -> Keyset:
    keyset = codec.decode_keyset(data, key)
    require_usable(keyset, key)
    return keyset


class _Files:
    """Files that are read ahead and decoded in the order in which they were named.

    Of many bad files always the same one is named, and no more than a few wait in memory to be decoded.
    """

    def __init__(self, tree: Tree, there: Sequence[str], oversized: Mapping[str, StateError]) -> None:
        self.versions: dict[str, Version] = {}
        self.broken: dict[str, StateError] = {}
        self._tree = tree
        self._there = frozenset(there)
        self._oversized = oversized
        self._left = iter(there)
        self._reading: dict[str, asyncio.Task[Blob]] = {}
        for _ in range(PARALLEL):
            self._read_ahead()

    async def one(self, key: str, decode: Callable[[bytes, str], T]) -> T | None:
        """Give what a file means, None where it isn't there."""
        return await self._decoded(key, decode) if key in self._there else None

    async def all(self, keys: Mapping[str, str], decode: Callable[[bytes, str], T]) -> dict[str, T]:
        """Give what the files of these objects mean, by the objects' names."""
        return {name: await self._decoded(key, decode) for name, key in keys.items()}

    async def sound(self, keys: Mapping[str, str], decode: Callable[[bytes, str], T]) -> dict[str, T]:
        """Give the same for those that can be read; why the others can't is kept in `broken`, by key."""
        found = {}
        for name, key in keys.items():
            if key in self._oversized:
                self.broken[key] = self._oversized[key]
                continue
            try:
                found[name] = await self._decoded(key, decode)
            except StateTooLarge:
                raise
            except StateError as error:
                self.broken[key] = error
        return found

    async def close(self) -> None:
        """End what is still being read."""
        await _end(self._reading.values())

    async def _decoded(self, key: str, decode: Callable[[bytes, str], T]) -> T:
        blob = await self._reading[key]
        del self._reading[key]
        self._read_ahead()
        limits.check_file(key, len(blob.data))
        value = decode(blob.data, key)
        self.versions[key] = blob.version
        await asyncio.sleep(0)
        return value

    def _read_ahead(self) -> None:
        key = next(self._left, None)
        if key is not None:
            self._reading[key] = asyncio.create_task(self._tree.read(key))


def _find_oversized(entries: Iterable[Entry]) -> dict[str, StateError]:
    """Give what is wrong with keysets, secrets and SSH keys by key; raise what is with any other file."""
    found: dict[str, StateError] = {}
    for entry in entries:
        try:
            limits.check_file(entry.key, entry.size)
        except MalformedFile as error:
            if layout.kind_of(entry.key).kind not in ONE_BY_ONE:
                raise
            found[entry.key] = error
    return found


@asynccontextmanager
async def _open_files(tree: Tree, listing: Listing, keys: Iterable[str]) -> AsyncGenerator[_Files, None]:
    """Give those of the files that are there, to be taken in their order, once their sizes are known to be sane.

    One that is too large isn't read; where others do without it, only whoever takes it hears of that.
    """
    there = [listing.entries[key] for key in keys if key in listing.entries]
    oversized = _find_oversized(there)
    sane = [entry for entry in there if entry.key not in oversized]
    limits.check_total(sane)
    files = _Files(tree, [entry.key for entry in sane], oversized)
    try:
        yield files
    finally:
        await files.close()
