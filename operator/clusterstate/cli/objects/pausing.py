"""`clusterstate suspend` and `resume`: write `spec.suspend`, where nobody would write it back."""

from typing import Final

import click

from clusterstate.api.annotations import COMMAND_MANAGER
from clusterstate.cli.objects.view import View
from clusterstate.cli.reading import reading
from clusterstate.cli.words import Target
from clusterstate.errors import ObjectNotFound, RollbackRefused
from clusterstate.kube.kinds import CLUSTER_STATES
from clusterstate.plan.ownership import keepers_of

FIELD: Final = "suspend"


async def suspend_runs(target: Target, *, suspended: bool) -> int:
    """Stop the operator's runs of one object, or let it go on.

    Raises `RollbackRefused` where somebody applies a manifest that says otherwise, `ObjectChanged` where somebody
    wrote meanwhile.
    """
    done, told = ("suspended", "the operator does nothing") if suspended else ("resumed", "the operator goes on")
    async with reading(target) as (client, body):
        view, metadata = View.of(body), body["metadata"]
        if view.suspended == suspended:
            click.echo(f"ClusterState {target.name} is {'' if suspended else 'not '}suspended.")
            return 0
        if "deletionTimestamp" in metadata:
            raise ObjectNotFound(f"ClusterState {target.name} is being deleted. Nothing was written.")
        _refuse_what_would_come_back(view, suspended=suspended)
        conditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
        patch = {"metadata": conditions, "spec": {FIELD: True if suspended else None}}
        place = (metadata["namespace"], metadata["name"])
        await client.merge_patch(CLUSTER_STATES, *place, patch, manager=COMMAND_MANAGER)
    click.echo(f"ClusterState {target.name} is {done}: {told}.")
    return 0


def _refuse_what_would_come_back(view: View, *, suspended: bool) -> None:
    keepers = keepers_of(view.metadata).below(FIELD).names
    if keepers:
        raise RollbackRefused(
            f"{', '.join(keepers)} would undo it: /spec/{FIELD}. Nothing was written. Say suspend: "
            f"{str(suspended).lower()} in git."
        )
