"""Carries a deletion out: stage after stage, many files at once, each only in the version that was decided on."""

from collections.abc import Mapping

from clusterstate.plan.deletion import Deletion, Doomed
from clusterstate.state.tree import Tree, run_each


async def delete_files(parts: Mapping[str, Tree], deletion: Deletion) -> None:
    """Delete every file; one that is gone already counts as deleted.

    Raises `LostRace` when somebody wrote a file after the deletion was decided on: nothing of theirs is deleted, and
    of later stages nothing at all.
    """

    async def delete(file: Doomed) -> None:
        await parts[file.place].delete(file.key, expect=file.version)

    for stage in deletion.stages:
        await run_each(stage, delete)
