"""Two states -> Comparison: which files differ, and how, as far as that may be told.

Inert data: it can be printed and holds no secret byte. Files that mean the same to kops are the same, whatever
they look like: what kops wouldn't preserve is no difference.
"""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from clusterstate.errors import StateError
from clusterstate.plan.changes import Action, Change, FieldChange
from clusterstate.plan.fields import compare_fields
from clusterstate.plan.tellable import CONTENT, tell_lines, tell_object, tell_secrets
from clusterstate.state.digests import Digests

MOST_SHOWN: Final = 400
"""Lines of one file's difference."""
OPPOSITE: Final = {Action.CREATE: Action.DELETE, Action.DELETE: Action.CREATE, Action.UPDATE: Action.UPDATE}
Files: TypeAlias = Mapping[str, bytes]
"""A whole state: each file's bytes by its key. Holds secrets."""


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file that differs: by fields, by lines, or by a digest at `/content`."""

    key: str
    action: Action
    """What makes the second state's file of the first's."""
    fields: tuple[FieldChange, ...] = ()
    lines: tuple[str, ...] = ()
    """A unified diff without the names of files."""
    left_out: int = 0
    """Lines of that diff that aren't here."""
    note: str = ""
    """Why the file isn't compared as it usually would be."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret or a private key that both states have."""

    key: str
    pointer: str
    digest: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a second state differs from a first one."""

    files: tuple[FileDifference, ...] = ()
    """In the order of the keys."""
    same: int = 0
    """Files that both have and that mean the same."""
    kept: tuple[Kept, ...] = ()
    """Secrets and private keys of those, as far as they can be read."""

    def count(self, action: Action) -> int:
        """Give how many files come, go or change."""
        return sum(each.action is action for each in self.files)


def compare_states(old: Files, new: Files, digests: Digests, hidden: Collection[str] = ()) -> Comparison:
    """Compare file by file; `digests` stand in the place of secrets, and of the lines of files that are `hidden`."""
    keys = sorted({*old, *new})
    found = [_compare(_File(key, old.get(key), new.get(key), key in hidden), digests) for key in keys]
    different = tuple(each for each in found if each is not None)
    same = sorted({*keys} - {each.key for each in different})
    kept = (Kept(key, *secret) for key in same for secret in tell_secrets(key, new[key], digests))
    return Comparison(different, len(same), tuple(kept))


def add_unmade(found: Comparison, changes: Iterable[Change]) -> Comparison:
    """Give the same with what would become of files whose new bytes don't exist yet, such as a key pair to be made."""
    known = {each.key for each in found.files}
    more = [FileDifference(each.key, each.action, each.fields) for each in changes if each.key not in known]
    counted = sum(each.action is Action.UPDATE for each in more)
    files = sorted([*found.files, *more], key=lambda each: each.key)
    return replace(found, files=tuple(files), same=found.same - counted)


def turned_round(change: Change) -> Change:
    """Give what undoes a change, as far as it is shown."""
    fields = tuple(FieldChange(each.pointer, OPPOSITE[each.action], each.new, each.old) for each in change.fields)
    return Change(change.key, OPPOSITE[change.action], fields)


@dataclass(frozen=True, slots=True)
class _File:
    """One file on both sides, None where there is none."""

    key: str
    old: bytes | None = field(repr=False)
    new: bytes | None = field(repr=False)
    hidden: bool

    @property
    def action(self) -> Action:
        return Action.CREATE if self.old is None else Action.DELETE if self.new is None else Action.UPDATE

    @property
    def sides(self) -> tuple[bytes | None, bytes | None]:
        return self.old, self.new


def _compare(file: _File, digests: Digests) -> FileDifference | None:
    if file.old == file.new:
        return None
    try:
        fields = _compare_objects(file, digests)
    except StateError as error:
        return replace(_compare_bytes(file, digests), note=error.message)
    if fields is None:
        return _compare_bytes(file, digests)
    return FileDifference(file.key, file.action, fields) if fields or file.action is not Action.UPDATE else None


def _compare_objects(file: _File, digests: Digests) -> tuple[FieldChange, ...] | None:
    before, after = (None if side is None else tell_object(file.key, side, digests) for side in file.sides)
    told = after or before
    if told is None:
        return None
    return compare_fields(told.rules, before.content if before else None, after.content if after else None)


def _compare_bytes(file: _File, digests: Digests) -> FileDifference:
    before, after = (_lines_of(file, side) for side in file.sides)
    if before is None or after is None:
        old, new = (None if side is None else digests.of(file.key, side) for side in file.sides)
        return FileDifference(file.key, file.action, (FieldChange(f"/{CONTENT}", file.action, old, new),))
    shown = list(difflib.unified_diff(before, after, lineterm=""))[2:]
    left_out = max(0, len(shown) - MOST_SHOWN)
    return FileDifference(file.key, file.action, lines=tuple(shown[:MOST_SHOWN]), left_out=left_out)


def _lines_of(file: _File, side: bytes | None) -> list[str] | None:
    if side is None:
        return []
    return None if file.hidden else tell_lines(file.key, side)
