"""Copies files from one store to another, some at a time, and looks again until both stand still.

A round lists both stores, sorts their files (`plan.transfer`), reads those of which only the bytes tell whether they
are the same, and copies what isn't. What was proven is in the journal, so that the round after it finds nothing left,
or what has changed meanwhile. The first look comes before anything is written: what it finds at the target that
isn't ours is overwritten only where somebody agreed to that, and on condition that it still is what was looked at.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from clusterstate.cli.manners import told
from clusterstate.cli.move.ends import End, Listed, Scope, list_both
from clusterstate.cli.move.journal import Journal
from clusterstate.cli.progress import Meter
from clusterstate.errors import (
    AuthenticationFailed,
    ClusterStateError,
    CredentialsInvalid,
    DiskFull,
    KeyNotFound,
    LostRace,
    StoreNotFound,
    StoreRefused,
    StoreUnavailable,
)
from clusterstate.plan.transfer import (
    SMALL,
    Match,
    Transfer,
    folder_of,
    in_order,
    is_config,
    is_digest_of,
    plan_transfer,
    tells_more,
)
from clusterstate.state.tree import run_each
from clusterstate.store.base import ABSENT, LARGEST_FILE, Entry, Version
from clusterstate.store.copying import Seen, as_it_is, loaded, see

T = TypeVar("T")

ROUNDS: Final = 5
"""Looks at both stores that may each find something to copy."""
MOST_LARGE: Final = 4
"""Files of more than `SMALL` bytes that are in memory at the same time."""
HOPELESS: Final = 32
"""Files in a row for which the store couldn't be reached or was full: the others are left for the next time."""

_FOR_ALL: Final = (AuthenticationFailed, CredentialsInvalid, StoreNotFound)
"""What concerns every file."""
_MAYBE_FOR_ALL: Final = (StoreUnavailable, StoreRefused, DiskFull)
"""What does when it comes again and again."""


@dataclass(slots=True)
class Report:
    """What became of a copy's files."""

    copied: dict[str, int] = field(default_factory=dict)
    """Bytes by key."""
    deleted: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Why, by key."""
    same: dict[str, int] = field(default_factory=dict)
    """Bytes by key of what was there already."""


@dataclass(slots=True)
class Copying:
    """One copy, from its first look on."""

    source: End
    target: End
    scope: Scope
    journal: Journal
    parallel: int
    """Files that are on their way at the same time."""
    meter: Meter = field(default_factory=lambda: Meter(""))
    report: Report = field(default_factory=Report)
    in_a_row: int = 0

    async def look(self, listed: tuple[Listed, Listed] | None = None) -> Transfer:
        """Tell what is to be done, from a listing of both stores; nothing in it is `unsure`."""
        one, other = listed or await list_both(self.source, self.target, self.scope)
        for key in one.flawed:
            self.report.failed[key] = "Its name is none that every store takes. Rename it."
        found = plan_transfer(one.entries, other.entries, self.journal.pairs)
        if not found.unsure:
            return found
        unequal: set[str] = set()
        self.meter.expect(len(found.unsure), sum(each.size for each in found.unsure))

        async def compare(match: Match) -> None:
            same = None
            try:
                same = await self._find_same(match)
            except ClusterStateError as error:
                self._fail(match.key, error)
            if same is None:
                unequal.add(match.key)
            else:
                self.journal.note(match.key, *same)
            self.meter.advance(match.size)

        await self._each(found.unsure, compare, lambda match: match.size)
        return plan_transfer(one.entries, other.entries, self.journal.pairs, unequal)

    async def run(self, found: Transfer, *, overwrite: bool) -> Transfer:
        """Copy until nothing is left to do; give the last look. Failures of single files are in the report."""
        self.report.same = {each.key: each.source.size for each in found.same}
        for _ in range(ROUNDS):
            work = self._work(found, overwrite=overwrite)
            if not work:
                return found
            await self._copy(work)
            overwrite = False
            found = await self.look()
        for key in self._work(found, overwrite=False):
            self.report.failed[key] = "It changes again and again while it is copied. Have nobody write there."
        return found

    async def delete(self, entries: Iterable[Entry]) -> None:
        """Delete files of the target, each on condition that it is as it was listed."""

        async def remove(entry: Entry) -> None:
            try:
                await self.target.store.delete(entry.key, expect=entry.version)
                self.report.deleted.append(entry.key)
            except ClusterStateError as error:
                self._fail(entry.key, error)

        for group in in_order(entries):
            await run_each(group, remove, self.parallel)

    def _work(self, found: Transfer, *, overwrite: bool) -> dict[str, tuple[Entry, Version | None]]:
        """Give by key what is to be copied, and the version that it replaces."""
        work: dict[str, tuple[Entry, Version | None]] = {each.key: (each, None) for each in found.new}
        replaced = (*found.older, *(found.foreign if overwrite else ()))
        work |= {each.key: (each.source, each.target.version) for each in replaced}
        if not overwrite:
            for match in found.foreign:
                self.report.failed.setdefault(match.key, f"Somebody else wrote it at {self.target.url} meanwhile.")
        return {key: each for key, each in work.items() if key not in self.report.failed}

    async def _copy(self, work: Mapping[str, tuple[Entry, Version | None]]) -> None:
        self.meter.expect(len(work), sum(entry.size for entry, _ in work.values()))
        moving: list[str] = []

        async def bring(entry: Entry) -> None:
            if is_config(entry.key) and self._is_incomplete(entry.key, moving):
                return
            try:
                seen, version = await self._bring(entry, work[entry.key][1])
            except (KeyNotFound, LostRace):
                moving.append(entry.key)  # the next look finds what has become of it
            except ClusterStateError as error:
                self._fail(entry.key, error)
            else:
                self.in_a_row = 0
                self.report.copied[entry.key] = seen.size
                self.journal.note(entry.key, seen.version, version)
            self.meter.advance(entry.size)

        for group in in_order(entry for entry, _ in work.values()):
            await self._each(group, bring, lambda entry: entry.size)

    async def _each(
        self, items: Iterable[T], work: Callable[[T], Coroutine[Any, Any, None]], size: Callable[[T], int]
    ) -> None:
        items = list(items)
        await run_each((each for each in items if size(each) <= SMALL), work, self.parallel)
        await run_each((each for each in items if size(each) > SMALL), work, min(self.parallel, MOST_LARGE))

    async def _bring(self, entry: Entry, replaces: Version | None) -> tuple[Seen, Version]:
        """Copy one file, and give what it was and its version at the target.

        Raises `LostRace` where the target's isn't what was looked at, unless it is the same.
        """
        key, to, place = entry.key, self.target.store, self.target.url
        async with loaded(self.source.store, key, entry.size) as freight:
            try:
                version = await freight.deliver(to, key, place, expect=replaces or ABSENT)
            except LostRace:
                found = await see(to, key, freight.seen.size)
                if found.digest != freight.seen.digest:
                    raise
                version = found.version
            return freight.seen, version

    async def _find_same(self, match: Match) -> tuple[Version, Version] | None:
        """Give the versions that hold the same bytes at both; None: they don't.

        Where one version may be the digest of the other's bytes, only these are read for it.
        """
        turned = tells_more(match.source.version, match.target.version)
        first, second = (self.target, self.source) if turned else (self.source, self.target)
        expected = (match.source if turned else match.target).version
        one, vouched = await _read(first, match, expected)
        other = expected
        if not vouched:
            seen = await see(second.store, match.key, match.size)
            if seen.digest != one.digest:
                return None
            other = seen.version
        return (other, one.version) if turned else (one.version, other)

    def _is_incomplete(self, config: str, moving: Iterable[str]) -> bool:
        """Whether a cluster's `config` has to wait, or to stay away, since other files of it aren't there yet."""
        folder = folder_of(config)
        if any(key.startswith(folder) for key in self.report.failed):
            self.report.failed[config] = "It comes last, and other files of its cluster have failed."
            return True
        return any(key.startswith(folder) for key in moving)

    def _fail(self, key: str, error: ClusterStateError) -> None:
        """Note why a file failed; raise what would befall all others too."""
        self.in_a_row = self.in_a_row + 1 if isinstance(error, _MAYBE_FOR_ALL) else 0
        if isinstance(error, _FOR_ALL) or self.in_a_row >= HOPELESS:
            raise error
        self.report.failed[key] = told(error)


async def _read(end: End, match: Match, expected: Version) -> tuple[Seen, bool]:
    """Give what a file is at one end, and whether the other one's version is the digest of just these bytes."""
    if match.size > LARGEST_FILE:
        return await see(end.store, match.key, match.size), False
    blob = await end.store.read(match.key)
    return Seen.of(blob, as_it_is), is_digest_of(expected, blob.data)
