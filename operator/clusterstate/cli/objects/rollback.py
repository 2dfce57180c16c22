"""`clusterstate rollback`: writes an earlier declaration into the spec, where nobody would undo that.

The write is an update with the object's uid and resource version, so that nothing is overwritten that wasn't looked
at. It takes fields from those who wrote once, such as `kubectl edit`, and never from who applies a manifest.
"""

import difflib
from collections.abc import Sequence
from typing import Final

import click

from clusterstate.api.annotations import ROLLBACK_MANAGER
from clusterstate.cli.asking import agreed
from clusterstate.cli.manners import say
from clusterstate.cli.objects.history import find_revision
from clusterstate.cli.output import as_text, echo_diff
from clusterstate.cli.reading import metadata_of, reading
from clusterstate.cli.words import Consent, Target
from clusterstate.errors import ObjectNotFound, RollbackRefused
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, JsonObject
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import Revision, list_revisions
from clusterstate.plan.naming import named
from clusterstate.plan.rollback import Rollback, roll_back
from clusterstate.status.build import make_patch

UNKEPT: Final = {
    "secrets": "secrets",
    "keysets": "keysets",
    "sshPublicKeys": "SSH keys",
    "files": "files",
}
"""Fields of the spec whose contents no revision holds."""


async def roll_back_to(target: Target, to: int | None, consent: Consent) -> int:
    """Roll one object back, to that revision or to the newest that declared something else.

    Raises `RollbackRefused` where that can't last or isn't wanted.
    """
    async with reading(target) as (client, body):
        revisions = await list_revisions(client, Owner.of(metadata_of(body)))
        found = _find(body, [each for each in revisions if each.settled], to)
        if found is None:
            click.echo("Nothing to roll back: every revision that is kept declares what is declared now.")
            return 0
        revision, way = found
        if not way.edits:
            click.echo(f"Nothing to roll back: revision {revision.number} declares what is declared now.")
            return 0
        _show(body, way)
        _refuse_what_would_come_back(way, revision)
        if not agreed(f"Write this into ClusterState {target.name} (revision {revision.number})?", consent):
            return 0
        await _write(client, body, way)
    click.echo(f"ClusterState {target.name} declares again what revision {revision.number} did; the operator follows.")
    return 0


def _find(body: JsonObject, revisions: Sequence[Revision], to: int | None) -> tuple[Revision, Rollback] | None:
    if to is not None:
        return _way(body, find_revision(revisions, to))
    ways = (_way(body, each) for each in reversed(revisions) if each.readable)
    return next((each for each in ways if each[1].edits), None)


def _way(body: JsonObject, revision: Revision) -> tuple[Revision, Rollback]:
    return revision, roll_back(body.get("spec") or {}, metadata_of(body), revision.content)


def _show(body: JsonObject, way: Rollback) -> None:
    before, after = (as_text(side, "yaml").splitlines() for side in (way.before, way.after))
    echo_diff(list(difflib.unified_diff(before, after, "spec, as declared now", "spec", lineterm="")))
    unkept = [words for name, words in UNKEPT.items() if body["spec"].get(name)]
    if unkept:
        say(f"Not rolled back, since a revision doesn't hold their contents: {', '.join(unkept)}.")


def _refuse_what_would_come_back(way: Rollback, revision: Revision) -> None:
    fields = [edit.pointer for edit in way.edits if edit.keepers]
    if fields:
        raise RollbackRefused(
            f"{', '.join(way.keepers)} would undo it: {named(fields)}. Nothing was written. Revert "
            f"it in git: the lines above lead to what revision {revision.number} declared."
        )


async def _write(client: Client, body: JsonObject, way: Rollback) -> None:
    metadata = body["metadata"]
    if "deletionTimestamp" in metadata:
        raise ObjectNotFound("The ClusterState is being deleted. Nothing was written.")
    conditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    patch = {"metadata": conditions, "spec": make_patch(way.before, way.after)}
    await client.merge_patch(CLUSTER_STATES, metadata["namespace"], metadata["name"], patch, manager=ROLLBACK_MANAGER)
