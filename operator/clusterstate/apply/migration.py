"""Copies a state from one place to another, file by file, and believes nothing that it hasn't read back.

A file counts as copied when the bytes that the target gives are those that the source gave, by their SHA-256 and in
this process: what a run before copied is read again. Where one of the two keeps a file's meaning only, that counts.
Small files go first: a large one takes its time. Nothing is overwritten but older copies of the same file, each on
condition that it is still the version that was looked at.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TypeVar

from clusterstate.errors import KeyNotFound, LostRace
from clusterstate.plan.migration import different_files, may_replace
from clusterstate.state.tree import Tree, run_each
from clusterstate.store.base import ABSENT, LARGEST_FILE, Entry, Version
from clusterstate.store.copying import Form, Freight, Seen, as_it_is, loaded, see

T = TypeVar("T")


@dataclass(slots=True)
class Copied:
    """What this process knows of one migration: the versions of each file that hold the same bytes."""

    way: tuple[str, ...]
    """Tells one migration from another."""
    pairs: dict[str, tuple[Version, Version]] = field(default_factory=dict)
    """By key, at the source and at the target."""
    sizes: dict[str, int] = field(default_factory=dict)

    def note(self, key: str, source: Seen, target: Version) -> None:
        """Note that both hold the same bytes."""
        self.pairs[key] = (source.version, target)
        self.sizes[key] = source.size

    def keep_to(self, there: Mapping[str, Entry]) -> None:
        """Forget the copies that aren't at the target any more as they were verified."""
        for key, (_, target) in [*self.pairs.items()]:
            if key not in there or there[key].version != target:
                self.forget(key)

    def forget(self, key: str) -> None:
        """Forget one copy."""
        del self.pairs[key], self.sizes[key]

    def holds(self, entry: Entry) -> bool:
        """Whether the file as it is at the source has been copied and verified."""
        return entry.key in self.pairs and self.pairs[entry.key][0] == entry.version

    def is_ours(self, key: str, target: Version) -> bool:
        """Whether the target's file is the one that was last verified."""
        return key in self.pairs and self.pairs[key][1] == target


@dataclass(slots=True)
class Copying:
    """One migration's files on their way."""

    source: Tree
    target: Tree
    place: str
    """The target's URL, for messages."""
    there: dict[str, Entry]
    """What is at the target."""
    copied: Copied
    resumed: bool
    """Whether a run before made sure that every file at the target was a copy."""
    tell: Callable[[], Awaitable[None]]
    """Is called after each file."""
    form_of: Callable[[str], Form] = field(default=lambda _: as_it_is)
    """Gives, by its key, what of a file has to be the same in both places."""
    large: list[str] = field(default_factory=list)
    """Files that take their time, from the one that is on its way on."""

    @property
    def advice(self) -> str:
        """What to do where a run ends with the files that are on their way; empty where the next one gets further."""
        return (
            f" {self.large[0]} is copied by one run or not at all: where this repeats, raise spec.sync.timeout."
            if self.large
            else ""
        )

    async def compare(self, entries: Iterable[Entry]) -> None:
        """Read the files that both places have; raise `MigrationRefused`, which names those that differ."""
        different: list[str] = []

        async def look(entry: Entry) -> None:
            size = max(entry.size, self.there[entry.key].size)
            source, target = [await self._see(tree, entry.key, size) for tree in (self.source, self.target)]
            if source.digest == target.digest:
                self._note(entry, source, target.version)
            elif not self._may_replace(entry, target.version):
                different.append(entry.key)
            await self.tell()

        await run_each((each for each in entries if each.key in self.there and not self._is_verified(each)), look)
        if different:
            raise different_files(sorted(different), self.place)

    async def copy(self, entries: Iterable[Entry]) -> None:
        """Copy what isn't there yet in its newest form. A file that went meanwhile is left to the next look."""

        async def bring(entry: Entry) -> None:
            large = [entry.key] if entry.size > LARGEST_FILE else []
            self.large += large
            async with AsyncExitStack() as stack:
                try:
                    form = self.form_of(entry.key)
                    freight = await stack.enter_async_context(loaded(*self.source.at(entry.key), entry.size, form))
                except KeyNotFound:
                    pass
                else:
                    await self.write(entry, freight)
            self.large = [key for key in self.large if key not in large]
            await self.tell()

        missing = (each for each in entries if not self._is_verified(each))
        await run_each(sorted(missing, key=lambda each: each.size), bring)

    async def write(self, entry: Entry, freight: Freight) -> None:
        """Have the target hold these bytes for the source's file; raise `MigrationRefused` for somebody else's."""
        put = self._replace if entry.key in self.there else self._create
        self._note(entry, freight.seen, (await put(entry, freight)).version)

    async def _create(self, entry: Entry, freight: Freight) -> Seen:
        try:
            return await freight.unload(*self.target.at(entry.key), self.place, expect=ABSENT)
        except LostRace:
            return await self._replace(entry, freight)  # a listing may not show yet what a run before wrote

    async def _replace(self, entry: Entry, freight: Freight) -> Seen:
        size = max(freight.seen.size, self.there[entry.key].size if entry.key in self.there else 0)
        found = await self._see(self.target, entry.key, size)
        if found.digest == freight.seen.digest:
            return found
        if not self._may_replace(entry, found.version):
            raise different_files([entry.key], self.place)
        return await freight.unload(*self.target.at(entry.key), self.place, expect=found.version)

    async def remove(self, key: str) -> None:
        """Remove a copy of a file that went at the source; raise `MigrationRefused` where it may be somebody else's."""
        if not self.copied.is_ours(key, self.there[key].version):
            raise different_files([key], self.place)
        await self.target.delete(key, expect=self.there[key].version)
        del self.there[key]
        self.copied.forget(key)

    async def _see(self, tree: Tree, key: str, size: int) -> Seen:
        return await see(*tree.at(key), size, self.form_of(key))

    def _note(self, entry: Entry, source: Seen, version: Version) -> None:
        self.copied.note(entry.key, source, version)
        self.there[entry.key] = replace(entry, version=version)

    def _may_replace(self, entry: Entry, version: Version) -> bool:
        found = self.there.get(entry.key)
        if found is None or found.version != version:
            return False
        return may_replace(entry, found, ours=self.copied.is_ours(entry.key, version), resumed=self.resumed)

    def _is_verified(self, entry: Entry) -> bool:
        """Whether nothing is left to do: both versions are those that were seen to hold the same bytes."""
        found = self.there.get(entry.key)
        return found is not None and self.copied.holds(entry) and self.copied.is_ours(entry.key, found.version)
