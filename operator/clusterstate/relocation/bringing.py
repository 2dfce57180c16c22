"""All files of a state brought from one place to another: `config` last, and only when the source stands still."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from clusterstate.api.store import Layout
from clusterstate.apply.migration import Copying
from clusterstate.errors import MigrationRunning
from clusterstate.gather import Access
from clusterstate.plan.migration import (
    different_files,
    require_movable_sizes,
    require_whole,
    strangers,
    without_config,
)
from clusterstate.plan.naming import named
from clusterstate.plan.rewriting import Move
from clusterstate.relocation.config import Config
from clusterstate.state.kops_resources.meaning import as_kept
from clusterstate.state.layout import BACKUPS, Places
from clusterstate.state.tree import Listing, changed_keys
from clusterstate.store.base import Entry
from clusterstate.store.copying import Form, as_it_is

ROUNDS: Final = 6
"""Looks at the source in one run; it must stand still between the last two."""


def form_of(one: Access, other: Access, cluster: str) -> Callable[[str], Form]:
    """Give what has to be the same of a file at both places, by its key."""
    by_meaning = Layout.KOPS_RESOURCES in {one.layout, other.layout}
    return lambda key: partial(as_kept, key, cluster=cluster) if by_meaning else as_it_is


def choose_files(entries: Iterable[Entry], move: Move, places: Places, most: int) -> list[Entry]:
    """Give the files that move, `places` being where the source's parts are.

    Raises `MigrationRefused` where one has more than `most` bytes.
    """
    chosen = [entry for entry in entries if not move.stays(places.url_of(entry.key)[0])]
    require_movable_sizes(chosen, most, move.new.url)
    return chosen


@dataclass(frozen=True, slots=True)
class Bringing:
    """One state on its way."""

    copying: Copying
    config: Config
    old: str
    """The source's URL, for messages."""
    choose: Callable[[Listing], list[Entry]]
    """Gives what moves of a listing of the source."""

    async def refuse_strangers(self, listing: Listing) -> None:
        """Make sure that whatever is at the target is a copy: a person may have begun with another tool.

        Raises `MigrationRefused`, which names what isn't.
        """
        foreign = strangers(listing.entries, self.copying.there)
        if foreign:
            raise different_files(foreign, self.copying.place)
        chosen = self.choose(listing)
        await self.copying.compare(without_config(chosen) if await self.config.is_rewritten() else chosen)

    async def finish(self, listing: Listing) -> Listing:
        """Have the target hold everything, from this look at the source on; give the one that it stood still at.

        Raises `MigrationRunning` where it doesn't, `MigrationRefused` where it loses files.
        """
        known = {*listing.entries, *self.copying.copied.pairs}
        for _ in range(ROUNDS):
            await self.copying.copy(without_config(self.choose(listing)))
            for key in self._gone(listing):
                await self.copying.remove(key)
            before, listing = listing, await self.copying.source.list_files()
            require_whole(known, listing.entries, self.old)
            if listing.digest != before.digest:
                continue
            if self.config.is_written(listing):
                return listing
            await self.config.write(listing)
        raise MigrationRunning(
            f"Files at {self.old} keep changing, the last ones {named(changed_keys(before, listing))}; what changes "
            "is copied again. Let nobody write there."
        )

    def _gone(self, listing: Listing) -> list[str]:
        """Give the copies whose files went at the source, and what else there makes the state another one."""
        there, pairs = self.copying.there, self.copying.copied.pairs
        copies = (key for key in pairs if key in there and not key.startswith(BACKUPS))
        return sorted({*strangers(listing.entries, there), *(key for key in copies if key not in listing.entries)})
