"""What an export writes into a directory and an import into a store: three-way, by what an export recorded. Pure.

Of each file three digests count: that in the directory, that in the store, and the recorded one, which both had when
they were last the same. Whoever differs from the record has changed the file; where both have, a person decides.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from clusterstate.errors import ConflictFound, StoreRefused
from clusterstate.plan.changes import Action
from clusterstate.plan.naming import named
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.store.key import find_flaw

Digests: TypeAlias = Mapping[str, str]
"""SHA-256 in hex by the file's key below the cluster's folder."""

RESERVED: Final = ".clusterstate"
"""How names start that are ours in a directory: the records, and unfinished files."""
_GIT: Final = ".git"
_PRIVATE: Final = "pki/private/"
_KEPT: Final = frozenset({FileKind.CONFIG, FileKind.KEYSET, FileKind.KEY_STORE, FileKind.SECRET})
_FIRST: Final = frozenset({FileKind.KEYSET, FileKind.KEY_STORE, FileKind.SECRET, FileKind.SSH_PUBLIC_KEY})
_LATER: Final = (FileKind.INSTANCE_GROUP, FileKind.COMPLETED, FileKind.CONFIG)


def is_secret(key: str) -> bool:
    """Whether a file holds a secret or a private key: a keyset's holds both of its pair."""
    return kind_of(key).kind is FileKind.SECRET or key.startswith(_PRIVATE)


def is_sensitive(key: str) -> bool:
    """Whether nothing may be told of a file's bytes, a digest neither: a backup of etcd holds every Secret."""
    return is_secret(key) or kind_of(key).kind is FileKind.BACKUP


def require_names(cluster: str, keys: Iterable[str]) -> None:
    """Raise `StoreRefused` where a cluster's files can't lie in a directory, or not in every file system."""
    flaws = [*_find_flaws(cluster, keys)]
    if flaws:
        raise StoreRefused(
            f"These files of the store can't be files of a directory: {named(flaws, '; ')}. Nothing was written. Move "
            "them away, or choose clusters without such files."
        )


def _find_flaws(cluster: str, keys: Iterable[str]) -> Iterator[str]:
    if cluster.startswith("."):
        yield f"{cluster}: a folder whose name starts with a dot is the directory's own"
    seen: dict[str, str] = {}
    whole = sorted(f"{cluster}/{key}" for key in keys)
    for path in whole:
        flaw = find_flaw(path) or _find_reserved(path)
        if flaw:
            yield f"{path!r} {flaw}"
        elif (other := seen.setdefault(path.casefold(), path)) != path:
            yield f"{path} and {other} have the same name where case doesn't count"
    for path in whole:
        folders = (path[:at].casefold() for at, letter in enumerate(path) if letter == "/")
        if other := next((seen[each] for each in folders if each in seen), ""):
            yield f"{other} would be a file and, for {path}, a folder"


def _find_reserved(path: str) -> str:
    segments = path.casefold().split("/")
    own = any(each == _GIT or each.startswith(RESERVED) for each in segments)
    return f"holds a name that belongs to git or starts with {RESERVED}" if own else ""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an export has to do; it is known before any file of the store is read."""

    fetch: tuple[str, ...]
    """Keys whose files the directory has as they were recorded, or not at all: the store's may be written."""
    doubtful: tuple[str, ...]
    """Keys whose files the directory has otherwise: they must equal the store's."""
    remove: tuple[str, ...]
    """Keys of recorded files that went from the store and that nobody changed."""
    changed: tuple[str, ...]
    """Keys of recorded files that went from the store and were changed in the directory."""


def look_out(stored: Iterable[str], here: Digests, base: Digests) -> Outlook:
    """Decide what an export does with the files of a cluster, of which the store has those keys."""
    keys = sorted(stored)
    gone = [key for key in sorted(base) if key not in set(keys) and key in here]
    return Outlook(
        fetch=tuple(key for key in keys if here.get(key) == base.get(key)),
        doubtful=tuple(key for key in keys if here.get(key) != base.get(key)),
        remove=tuple(key for key in gone if here[key] == base[key]),
        changed=tuple(key for key in gone if here[key] != base[key]),
    )


class Verdict(Enum):
    """What an import does with one file."""

    SAME = auto()
    WRITE = auto()
    """Only the directory changed it."""
    LEAVE = auto()
    """Only the store changed it."""
    CONFLICT = auto()


def judge(here: str | None, there: str | None, base: str | None) -> Verdict:
    """Decide by the digests in directory, store and record; None where there is no such file."""
    if here == there:
        return Verdict.SAME
    if here == base:
        return Verdict.LEAVE
    return Verdict.WRITE if there == base else Verdict.CONFLICT


@dataclass(frozen=True, slots=True)
class Terms:
    """How far an import may go."""

    delete: bool = False
    """Files that went from the directory go from the store."""
    overwrite: bool = False
    """The directory is right wherever both differ."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What an import does with the files of one cluster."""

    writes: tuple[str, ...] = ()
    """Keys in an order in which kops can read the state at every moment: `config` is last."""
    deletes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Keys whose files only the store changed since the export."""
    spared: tuple[str, ...] = ()
    """Keys of files that went from the directory and stay in the store, as nobody asked for their deletion."""
    kept: tuple[str, ...] = ()
    """Keys of files that went from the directory and that no import deletes."""

    def action(self, key: str, there: Digests) -> Action:
        """Tell what becomes of a file in the store."""
        if key in self.deletes:
            return Action.DELETE
        return Action.UPDATE if key in there else Action.CREATE


def make_exchange(here: Digests, there: Digests, base: Digests, terms: Terms, place: str) -> Exchange:
    """Decide what an import does; raise `ConflictFound`, which names files, where both sides changed one.

    Keysets, secrets and `config` are never deleted by the absence of a file: a directory without them is usual.
    """
    verdicts = {key: judge(here.get(key), there.get(key), base.get(key)) for key in {*here, *base}}
    wins = {Verdict.WRITE, Verdict.CONFLICT, Verdict.LEAVE} if terms.overwrite else {Verdict.WRITE}
    conflicts = sorted(key for key, each in verdicts.items() if each is Verdict.CONFLICT and each not in wins)
    if conflicts:
        raise _conflict(conflicts, place, exported=bool(base))
    ours = [key for key, each in verdicts.items() if each in wins]
    missing = sorted(key for key in ours if key not in here)
    kept = [key for key in missing if kind_of(key).kind in _KEPT]
    deletable = tuple(key for key in missing if key not in kept)
    return Exchange(
        writes=tuple(sorted((key for key in ours if key in here), key=lambda key: (rank(key), key))),
        deletes=deletable if terms.delete else (),
        left=tuple(sorted(key for key, each in verdicts.items() if each is Verdict.LEAVE and each not in wins)),
        spared=() if terms.delete else deletable,
        kept=tuple(kept),
    )


def _conflict(keys: list[str], place: str, *, exported: bool) -> ConflictFound:
    since = "since the export, in the directory too" if exported else "and no export recorded which is the newer"
    what = "were changed there" if exported else "are others there"
    return ConflictFound(
        f"{named(keys)}: in {place} these files {what} {since}. Nothing was written. Export to another directory to "
        "compare them, or say --overwrite to have the directory's."
    )


def rank(key: str) -> int:
    """Give the turn in which a file is written: what others name goes first, `config` last."""
    kind = kind_of(key).kind
    if kind in _FIRST:
        return 0
    return 2 + _LATER.index(kind) if kind in _LATER else 1
