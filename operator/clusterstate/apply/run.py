"""Carries a plan out: one conditional write after another, in the plan's order, stopping at the first that fails.

All files are encoded before the first is written. What was written stays written: every file is whole at every
moment, and the next run plans the rest anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from clusterstate.plan.changes import Action, Change, Plan
from clusterstate.state import codec
from clusterstate.state.limits import check_file
from clusterstate.state.tree import Listing, Tree
from clusterstate.store.base import ABSENT, Expect
from clusterstate.store.failures import lost_race

NO_BODIES: Final[Mapping[str, bytes]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class File:
    """One file to be written, in its final bytes, or to be deleted."""

    key: str
    data: bytes | None = field(repr=False)
    """None: it is deleted."""
    expect: Expect
    read_back: bool = False
    """Whether others may write another content at the same moment, and which one stays has to be seen."""


def make_files(plan: Plan, bodies: Mapping[str, bytes] = NO_BODIES) -> list[File]:
    """Give the plan's files; `bodies` has the bytes of those that are no documents, by their key.

    Raises `MalformedFile` for one that would be larger than the next run may read.
    """
    return [_make_file(change, bodies) for change in plan.changes]


async def write_files(tree: Tree, files: list[File], listing: Listing, now: datetime) -> Listing:
    """Write, or delete, every file; give the listing as that leaves it.

    Raises `LostRace` when somebody wrote a file after the plan was made: nothing of theirs is overwritten or deleted.
    Where the store keeps no conditions, two may write one key pair each: who finds the other's has lost.
    """
    for file in files:
        if file.data is None:
            await tree.delete(file.key, expect=file.expect)
            listing = listing.deleted(file.key)
        else:
            version = await tree.write(file.key, file.data, expect=file.expect)
            if file.read_back and (await tree.read(file.key)).data != file.data:
                raise lost_race(file.key)
            listing = listing.written(file.key, version, len(file.data), now)
    return listing


def _make_file(change: Change, bodies: Mapping[str, bytes]) -> File:
    expect = ABSENT if change.expect is None else change.expect
    if change.action is Action.DELETE:
        assert change.expect is not None, "no plan deletes what it hasn't seen"
        return File(change.key, None, expect)
    data = codec.encode_document(change.document) if change.document else bodies[change.key]
    check_file(change.key, len(data))
    return File(change.key, data, expect, read_back=change.generate is not None)
