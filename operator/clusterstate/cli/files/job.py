"""One cluster on its way from a directory into a store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from clusterstate.plan.exchange import Exchange
from clusterstate.state.kops_resources.meaning import as_kept
from clusterstate.state.tree import Listing, Tree
from clusterstate.store.base import Entry, Version
from clusterstate.store.copying import Form, Seen, as_it_is

LISTING_SECONDS: Final = 600.0
"""That listing a state may take."""


@dataclass
class Arrival:
    """What both sides hold of a cluster, and what is to be done."""

    cluster: str
    tree: Tree
    listing: Listing
    """Of the store."""
    entries: Mapping[str, Entry]
    """Of the directory."""
    by_meaning: bool
    """Whether the store keeps what files mean, and not their bytes."""
    there: dict[str, str] = field(default_factory=dict)
    """Digests of the store's files which the directory or the record has; one that means the same has the same."""
    versions: dict[str, Version] = field(default_factory=dict)
    """Of the same."""
    exchange: Exchange = field(default_factory=Exchange)

    @property
    def here(self) -> dict[str, str]:
        """Digests of the directory's files."""
        return {key: entry.version.token for key, entry in self.entries.items()}

    def form_of(self, key: str) -> Form:
        """Give what of a file the store keeps."""
        return partial(as_kept, key, cluster=self.cluster) if self.by_meaning else as_it_is

    def note(self, key: str, seen: Seen) -> None:
        """Note what the store holds."""
        self.there[key], self.versions[key] = seen.digest, seen.version

    def note_same(self, key: str, version: Version) -> None:
        """Note that the store holds, in that version, what the directory does."""
        self.there[key], self.versions[key] = self.entries[key].version.token, version

    def note_gone(self, key: str) -> None:
        """Note that the store has no such file any more."""
        del self.there[key], self.versions[key]
