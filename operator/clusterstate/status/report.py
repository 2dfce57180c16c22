"""Tells the outcome of a run: one patch of the status if it changed, and an Event for each thing that is new."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clusterstate.errors import KubeError, ObjectExists, ObjectNotFound
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CLUSTER_STATES, EVENTS
from clusterstate.kube.owner import Owner
from clusterstate.plan.outcome import Outcome
from clusterstate.reasons import Nature
from clusterstate.status.build import build_status, make_patch
from clusterstate.status.certificates import make_expiries, without_expiries
from clusterstate.status.events import Notice, event_manifest, make_deeds, make_turns

log = logging.getLogger(__name__)


async def report(client: Client, body: Mapping[str, Any], outcome: Outcome, now: datetime) -> Mapping[str, Any] | None:
    """Write what changed; give the object as it is afterwards, or None when nothing was written.

    An object that is gone, or is being deleted without waiting for us, is left alone. Raises `ObjectChanged` when
    there is a newer object than `body`, or another one of its name, and any other `KubeError` when the status can't
    be written, or an Event that comes once can't be yet; any other lost Event is only logged.
    """
    metadata = body["metadata"]
    if "deletionTimestamp" in metadata and not outcome.request.deleting:
        return None
    before = body.get("status") or {}
    after = build_status(before, outcome, now)
    # Expiries before the status that notes them: whoever is killed between finds the Event there, and none is lost.
    lost = await _post(client, body, [*make_deeds(outcome), *make_expiries(before, after)], now)
    after = without_expiries(before, after, lost)
    written = await _write(client, body, before, after)
    if written is not None:
        await _post(client, written, make_turns(before, after), now)
    if lost:
        raise next(iter(lost.values()))
    return written


async def _write(
    client: Client, body: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    patch, metadata = make_patch(before, after), body["metadata"]
    if patch is None:
        return None
    guarded = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "status": patch}
    place = (metadata["namespace"], metadata["name"])
    try:
        return await client.merge_patch(CLUSTER_STATES, *place, guarded, subresource="status")
    except ObjectNotFound:
        return None


async def _post(client: Client, body: Mapping[str, Any], notices: list[Notice], now: datetime) -> dict[str, KubeError]:
    """Tell everything; give why what comes once couldn't be told, by `Notice.once`, where that may pass."""
    metadata = body["metadata"]
    owner = Owner(metadata["namespace"], metadata["name"], metadata["uid"])
    lost = {}
    for notice in notices:
        try:
            await client.create(EVENTS, event_manifest(owner, metadata["resourceVersion"], notice, now))
        except ObjectExists:
            log.debug("%s: %s was told before", owner, notice.once)
        except KubeError as error:
            if notice.once and error.nature is Nature.TRANSIENT:
                lost[notice.once] = error
            else:
                log.warning("%s: an Event is lost: %s", owner, error.message)
    return lost
