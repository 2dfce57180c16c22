"""Carries a plan out: one conditional write after another, in the plan's order, stopping at the first that fails.

All files are encoded before the first is written. What was written stays written: every file is whole at every
moment, and the next run plans the rest anew.
"""

from dataclasses import dataclass, field
from datetime import datetime

from clusterstate.plan.changes import Change, Plan
from clusterstate.state import codec
from clusterstate.state.limits import check_file
from clusterstate.state.tree import Listing, Tree
from clusterstate.store.base import ABSENT, Expect


@dataclass(frozen=True, slots=True)
class File:
    """One file to be written, in its final bytes."""

    key: str
    data: bytes = field(repr=False)
    expect: Expect


def make_files(plan: Plan) -> list[File]:
    """Give the plan's files; raise `MalformedFile` for one that would be larger than the next run may read."""
    return [_make_file(change) for change in plan.changes]


async def write_files(tree: Tree, files: list[File], listing: Listing, now: datetime) -> Listing:
    """Write every file; give the listing as our writes leave it.

    Raises `LostRace` when somebody wrote a file after the plan was made: nothing of theirs is overwritten.
    """
    for file in files:
        version = await tree.write(file.key, file.data, expect=file.expect)
        listing = listing.written(file.key, version, len(file.data), now)
    return listing


def _make_file(change: Change) -> File:
    assert change.document is not None, "no plan deletes a file"
    data = codec.encode_document(change.document)
    check_file(change.key, len(data))
    return File(change.key, data, ABSENT if change.expect is None else change.expect)
