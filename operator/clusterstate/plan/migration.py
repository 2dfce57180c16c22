"""What a migration copies and what it may overwrite: decisions from listings alone. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from clusterstate.api.sync import Backups
from clusterstate.errors import MigrationRefused
from clusterstate.plan.naming import named
from clusterstate.state.layout import BACKUPS, CONFIG, FileKind, kind_of
from clusterstate.store.base import Entry

COMPLETE: Final = "_etcd_backup.meta"
"""What etcd-manager writes last into the folder of a backup."""

_FOLDER: Final = re.compile(rf"{BACKUPS}etcd/(?P<cluster>[^/]+)/(?P<name>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[^/]*)/(.+)")
"""A file of one backup: etcd-manager names the folder by time and number, `2026-01-31T12:00:00Z-000001`."""
_TELLING: Final = frozenset(
    {
        FileKind.CONFIG,
        FileKind.INSTANCE_GROUP,
        FileKind.CLUSTER_ADDON,
        FileKind.KEYSET,
        FileKind.KEY_STORE,
        FileKind.SECRET,
        FileKind.SSH_PUBLIC_KEY,
    }
)
"""Kinds of files that make a state another one by being there; all others are made anew by the next update."""


MOST_LOST: Final = 3
"""A source may lose one of so many files while it is copied."""


@dataclass(frozen=True, slots=True)
class Migration:
    """How far a state has moved: what status says of it."""

    old: str
    new: str
    phase: Literal["Planned", "Copying", "Switched", "CleanedUp"]
    files: int = 0
    copied: int = 0
    bytes: int = 0
    message: str = ""


def choose_backups(entries: Iterable[Entry], wanted: Backups) -> list[Entry]:
    """Give the files of `backups/` that are copied; etcd-manager's control files, which are no backups, always.

    The latest is the newest that is complete, of each etcd cluster.
    """
    entries = list(entries)
    if wanted is Backups.ALL:
        return entries
    latest = _latest(entries) if wanted is Backups.LATEST else {}
    chosen = []
    for entry in entries:
        found = _FOLDER.fullmatch(entry.key)
        if found is None or latest.get(found["cluster"]) == found["name"]:
            chosen.append(entry)
    return chosen


def _latest(entries: Sequence[Entry]) -> dict[str, str]:
    every: dict[str, set[str]] = defaultdict(set)
    complete: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        found = _FOLDER.fullmatch(entry.key)
        if found is not None:
            every[found["cluster"]].add(found["name"])
            if found[3] == COMPLETE:
                complete[found["cluster"]].add(found["name"])
    return {cluster: max(complete.get(cluster) or names) for cluster, names in every.items()}


def require_movable_sizes(entries: Iterable[Entry], most: int, place: str) -> None:
    """Raise `MigrationRefused`, which names the file, where one has more bytes than can be copied to that place."""
    large = [entry for entry in entries if entry.size > most]
    if large:
        backup = any(entry.key.startswith(BACKUPS) for entry in large)
        advice = (
            "Leave backups out (spec.sync.migration.backups to None, `migrate --backups none`), and keep them elsewhere"
            if backup
            else "Make it smaller, or choose another store"
        )
        raise MigrationRefused(
            f"{named([f'{entry.key} ({entry.size} bytes)' for entry in large])} can't be copied to {place}: the "
            f"largest file that can has {most} bytes. {advice}. Nothing was switched."
        )


def strangers(source: Mapping[str, Entry], target: Mapping[str, Entry]) -> list[str]:
    """Give the files of the target that would make the state another one, and that the source doesn't have."""
    return sorted(key for key in target if key not in source and kind_of(key).kind in _TELLING)


def require_whole(known: Iterable[str], listing: Mapping[str, Entry], place: str) -> None:
    """Raise `MigrationRefused` where the source has lost its `config`, or more than a third of its files.

    `known` are those that it had when copying began. Copies would be removed, and they may be the last there are.
    """
    ours = [key for key in known if kind_of(key).kind is not FileKind.UNKNOWN and not key.startswith(BACKUPS)]
    lost = sorted(key for key in ours if key not in listing)
    if CONFIG in lost or len(lost) * MOST_LOST > len(ours):
        raise MigrationRefused(
            f"{place} has lost {len(lost)} of {len(ours)} files while the state was being copied: {named(lost)}. The "
            "copies at the new place were left as they are. Restore the old place, or copy back; or, if the new place "
            "is complete, put config there with its new URLs and empty the old one."
        )


def may_replace(source: Entry, target: Entry, *, ours: bool, resumed: bool) -> bool:
    """Whether a file of the target that differs from the source's is known to be an older copy of it.

    It is where this process wrote it (`ours`), or where a run before had made sure that all files at the target were
    copies (`resumed`), and the source's was changed after that.
    """
    return ours or (resumed and source.modified > target.modified)


def different_files(keys: Sequence[str], place: str) -> MigrationRefused:
    """Give the error for files at the target that are neither the source's nor copies of ours."""
    return MigrationRefused(
        f"{place} holds {named(keys)}, which the old place doesn't have in this form; nothing there was overwritten. "
        "Find out who wrote that. Remove it there, or empty the new place, or choose another URL."
    )


def without_config(entries: Iterable[Entry]) -> list[Entry]:
    """Give the files that are copied as they are: `config` is written last, with its new URLs."""
    return [entry for entry in entries if entry.key != CONFIG]
