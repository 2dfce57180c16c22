"""`clusterstate history`: which declarations were applied, when, by whom, and what that changed."""

from collections.abc import Iterable
from typing import Any, Final

import click

from clusterstate.cli.manners import say
from clusterstate.cli.output import as_text, echo_table
from clusterstate.cli.reading import metadata_of, reading
from clusterstate.cli.words import Target
from clusterstate.errors import ObjectNotFound, Unreadable
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import Revision, list_revisions
from clusterstate.plan.rollback import restorable

HEADERS: Final = ("REVISION", "TIME", "FILES", "BY", "CHANGED")


async def show_history(target: Target, output: str) -> int:
    """Print all revisions, the newest first."""
    revisions = [*reversed(await _revisions(target))]
    if output != "table":
        click.echo(as_text({"revisions": [_row(each) for each in revisions]}, output))
    elif revisions:
        echo_table(HEADERS, map(_cells, revisions))
    else:
        say(f"Nothing was applied from ClusterState {target.name} yet.")
    return 0


async def show_revision(target: Target, number: int, output: str) -> int:
    """Print what one revision declared."""
    revision = find_revision(await _revisions(target), number)
    click.echo(as_text(restorable(revision.content), "json" if output == "json" else "yaml"))
    return 0


def find_revision(revisions: Iterable[Revision], number: int) -> Revision:
    """Give the revision of that number; raise `ObjectNotFound` where there is none, or it can't be read any more."""
    found = {each.number: each for each in revisions}
    if number not in found:
        there = ", ".join(map(str, found)) or "none"
        raise ObjectNotFound(f"Revision {number} isn't kept. There are: {there}.")
    if not found[number].readable:
        raise Unreadable(f"Revision {number} can't be read any more: what it leads back from was changed or deleted.")
    return found[number]


async def _revisions(target: Target) -> tuple[Revision, ...]:
    async with reading(target) as (client, body):
        return await list_revisions(client, Owner.of(metadata_of(body)))


def _row(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.number,
        "time": revision.created,
        "complete": revision.settled,
        "changes": revision.changes,
        "by": revision.by,
        "what": revision.what,
    }


def _cells(revision: Revision) -> tuple[str, ...]:
    what = revision.what or "the declaration alone"
    said = what if revision.settled else f"not complete: {what}"
    by = revision.by or "-"
    return str(revision.number), revision.created, str(revision.changes), by, said
