"""What a copy between two stores has to do, told from two listings and from what is proven already. Pure.

Two files are the same where their versions were proven to hold the same bytes, or where both versions are digests that
agree: an ETag of S3, OSS or Swift is an MD5 of the bytes wherever nothing but the service's own keys encrypts, a
folder's version their SHA-256. Sizes that differ tell at once; for all others the bytes have to be read.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from hashlib import md5, sha256
from typing import Final, TypeAlias

from clusterstate.state.layout import BACKUPS, CONFIG
from clusterstate.store.base import Entry, Version

SMALL: Final = 1 << 20
"""Bytes up to which any number of files may be in memory at the same time."""

Proven: TypeAlias = Mapping[str, tuple[Version, Version]]
"""By key: the versions, at the source and at the target, that were seen to hold the same bytes."""

_MD5: Final = re.compile(r"[0-9a-f]{32}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_BACKUP: Final = re.compile(rf"(.+/)?{BACKUPS}etcd/.+")


@dataclass(frozen=True, slots=True)
class Match:
    """One key, at both places."""

    source: Entry
    target: Entry

    @property
    def key(self) -> str:
        """The same for both."""
        return self.source.key

    @property
    def size(self) -> int:
        """Bytes of the larger one."""
        return max(self.source.size, self.target.size)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Every file of two listings, by what is to be done with it; each in the order of the keys."""

    new: tuple[Entry, ...] = ()
    """Only at the source."""
    same: tuple[Match, ...] = ()
    unsure: tuple[Match, ...] = ()
    """Maybe the same: only their bytes tell."""
    older: tuple[Match, ...] = ()
    """Different, and the target's is the copy that was proven: the source's has changed since."""
    foreign: tuple[Match, ...] = ()
    """Different, and nothing tells who wrote the target's."""
    extra: tuple[Entry, ...] = ()
    """Only at the target."""


class _Likeness(Enum):
    SAME = "same"
    DIFFERENT = "different"
    UNSURE = "unsure"


def plan_transfer(
    source: Mapping[str, Entry], target: Mapping[str, Entry], proven: Proven, unequal: AbstractSet[str] = frozenset()
) -> Transfer:
    """Sort all files of both places; `unequal` are keys whose bytes were read and differ."""
    new, extra = (_only(one, other) for one, other in ((source, target), (target, source)))
    found: dict[str, list[Match]] = {name: [] for name in ("same", "unsure", "older", "foreign")}
    for key in sorted(source.keys() & target.keys()):
        match = Match(source[key], target[key])
        found[_judge(match, proven.get(key), read_and_unequal=key in unequal)].append(match)
    return Transfer(new=new, extra=extra, **{name: tuple(matches) for name, matches in found.items()})


def _only(one: Mapping[str, Entry], other: Mapping[str, Entry]) -> tuple[Entry, ...]:
    return tuple(one[key] for key in sorted(one.keys() - other.keys()))


def _judge(match: Match, pair: tuple[Version, Version] | None, *, read_and_unequal: bool) -> str:
    if pair == (match.source.version, match.target.version):
        return "same"
    if pair is not None and pair[1] == match.target.version:
        return "older"
    likeness = _Likeness.DIFFERENT if read_and_unequal else _compare(match.source, match.target)
    return {_Likeness.SAME: "same", _Likeness.UNSURE: "unsure", _Likeness.DIFFERENT: "foreign"}[likeness]


def _compare(one: Entry, other: Entry) -> _Likeness:
    if one.size != other.size:
        return _Likeness.DIFFERENT
    tokens = one.version.token.lower(), other.version.token.lower()
    if tokens[0] == tokens[1] and _rank(one.version):
        return _Likeness.SAME
    both_sha256 = all(_SHA256.fullmatch(token) for token in tokens)
    return _Likeness.DIFFERENT if both_sha256 else _Likeness.UNSURE


def tells_more(one: Version, other: Version) -> bool:
    """Whether the first version is the better one to compare the other file's bytes with.

    A service's MD5 spares a request; a folder's SHA-256 is better than what is no digest at all.
    """
    return _rank(one) > _rank(other)


def _rank(version: Version) -> int:
    token = version.token.lower()
    return 2 if _MD5.fullmatch(token) else int(_SHA256.fullmatch(token) is not None)


def is_digest_of(version: Version, data: bytes) -> bool:
    """Whether a version is the MD5 or the SHA-256 of these bytes: then it is their store that says what it holds."""
    return version.token.lower() in {md5(data, usedforsecurity=False).hexdigest(), sha256(data).hexdigest()}


def is_wanted(key: str, *, backups: bool) -> bool:
    """Whether a file takes part: all do, but etcd's backups only where they are asked for."""
    return backups or _BACKUP.fullmatch(key) is None


def in_order(files: Iterable[Entry]) -> Iterator[Sequence[Entry]]:
    """Give files in groups, each to be finished before the next: small ones, large ones, every `config` last.

    Without its `config` kops doesn't see a state that is only half there.
    """
    files = sorted(files, key=lambda each: (each.size, each.key))
    config = [each for each in files if is_config(each.key)]
    others = [each for each in files if not is_config(each.key)]
    small = [each for each in others if each.size <= SMALL]
    yield from filter(None, (small, others[len(small) :], config))


def is_config(key: str) -> bool:
    """Whether a file is what kops knows a cluster by."""
    return key.rpartition("/")[2] == CONFIG


def folder_of(key: str) -> str:
    """Give what the keys of all files start with that lie beside this one or below; empty at the top."""
    return key[: len(key) - len(key.rpartition("/")[2])]
