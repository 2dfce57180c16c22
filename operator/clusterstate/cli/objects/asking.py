"""`clusterstate reconcile`: asks for a run now, and waits until it has been made."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

from clusterstate.api.annotations import COMMAND_MANAGER, RECONCILE_REQUESTED_AT
from clusterstate.cli.exits import FAILED
from clusterstate.cli.manners import say
from clusterstate.cli.objects.view import View
from clusterstate.cli.output import echo
from clusterstate.cli.reading import reading
from clusterstate.cli.words import Target
from clusterstate.errors import CommandInvalid, KubeUnavailable, RunTimedOut
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, JsonObject

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 2.0
"""Seconds between two looks: each asks for one object, which needs no right to watch."""


async def ask_for_run(target: Target, seconds: float | None) -> int:
    """Have the operator run now; with `seconds`, wait at most so long, tell what came of it, and give 1 if it failed.

    Raises `CommandInvalid` where the object is suspended, `RunTimedOut` where no answer has come in time.
    """
    async with reading(target) as (client, body):
        if View.of(body).suspended:
            raise CommandInvalid(
                f"ClusterState {target.name} is suspended: the operator does nothing until clusterstate resume "
                f"{target.name}."
            )
        token = datetime.now(UTC).isoformat()
        patch = {"metadata": {"uid": body["metadata"]["uid"], "annotations": {RECONCILE_REQUESTED_AT: token}}}
        asked = await client.merge_patch(CLUSTER_STATES, *_place(body), patch, manager=COMMAND_MANAGER)
        say(f"Asked for a run of ClusterState {target.name}.")
        return 0 if seconds is None else _tell(await _answered(client, asked, token, seconds))


async def _answered(client: Client, body: JsonObject, token: str, seconds: float) -> View:
    pause, end = FIRST_PAUSE, time.monotonic() + seconds
    while (view := View.of(body)).status.last_handled_reconcile_at != token:
        if time.monotonic() >= end:
            raise RunTimedOut(
                f"No run of ClusterState {view.metadata.name} has ended within {seconds:.0f} s. Look whether the "
                "operator runs and watches this namespace, or give a longer --timeout."
            )
        await asyncio.sleep(min(pause, max(end - time.monotonic(), 0)))
        pause = min(pause * 1.5, LONGEST_PAUSE)
        body = await _look(client, body)
    return view


async def _look(client: Client, body: JsonObject) -> JsonObject:
    """Read the object anew, or have it as it was where the API server is away for a moment."""
    try:
        return await client.get(CLUSTER_STATES, *_place(body))
    except KubeUnavailable:
        return body


def _place(body: JsonObject) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _tell(view: View) -> int:
    ready = view.ready.status == "True"
    said = view.status.summary or view.ready.message
    echo(f"{'Ready' if ready else 'Not ready'} ({view.ready.reason}): {said}", "green" if ready else "red")
    if not ready and view.ready.message != said:
        echo(view.ready.message)
    return 0 if ready else FAILED
