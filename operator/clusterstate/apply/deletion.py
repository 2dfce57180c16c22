"""Carries a deletion out: stage after stage, many files at once, each only in the version that was decided on."""

from collections.abc import Iterable, Mapping
from typing import Final

from clusterstate.plan.deletion import Deletion, Doomed
from clusterstate.state.tree import Tree, run_all

PARALLEL: Final = 8
"""Files that are deleted at the same time."""


async def delete_files(parts: Mapping[str, Tree], deletion: Deletion) -> None:
    """Delete every file; one that is gone already counts as deleted.

    Raises `LostRace` when somebody wrote a file after the deletion was decided on: nothing of theirs is deleted, and
    of later stages nothing at all.
    """
    for stage in deletion.stages:
        left = iter(stage)
        await run_all(_delete_some(parts, left) for _ in range(min(PARALLEL, len(stage))))


async def _delete_some(parts: Mapping[str, Tree], left: Iterable[Doomed]) -> None:
    for file in left:
        await parts[file.place].delete(file.key, expect=file.version)
