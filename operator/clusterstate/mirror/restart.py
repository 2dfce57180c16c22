"""Restart: rolls the workloads that a declaration names once a mirror that their Pods use has changed.

Every run compares what the Pods were started with to what is mirrored now, so a roll that one run didn't come to is
made by the next. What fails is told and holds up neither the other workloads nor the mirrors.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from clusterstate.api.spec import RestartTarget
from clusterstate.errors import ClusterStateError, KubeForbidden, Nature, ObjectChanged, ObjectNotFound, Reason
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS, JsonObject, Kind
from clusterstate.mirror.objects import Mirror
from clusterstate.mirror.templates import digest_of_template, make_roll
from clusterstate.plan.outcome import Failure

KINDS: Final = {each.kind: each for each in (DEPLOYMENTS, DAEMON_SETS, STATEFUL_SETS)}
ATTEMPTS: Final = 5
"""How often a workload is patched, each time after a new look, because somebody else was faster."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """What became of the workloads."""

    rolled: tuple[str, ...] = ()
    """Each with what its Pods get anew."""
    problems: tuple[Failure, ...] = ()
    templates: tuple[str, ...] = ()
    """What the Pod templates are now, as `read_templates` tells it."""
    behind: bool = False
    """Whether Pods may use a mirror of an older content, since their workload couldn't be rolled."""


NO_RESTARTS: Final = Restarts()


async def read_templates(client: Client, namespace: str, targets: Collection[RestartTarget]) -> tuple[str, ...]:
    """Give what differs when a Pod template does, or what is known of it; in the order of the targets."""
    return tuple([await _read_template(client, namespace, target) for target in targets])


async def restart(
    client: Client, namespace: str, targets: Collection[RestartTarget], mirrors: Collection[Mirror]
) -> Restarts:
    """Roll each workload whose Pods weren't started with these mirrors, as far as they use them."""
    rolled, problems, templates, behind = [], [], [], False
    for target in targets:
        try:
            workload, sources = await _roll(client, namespace, target, mirrors)
        except ClusterStateError as error:
            problems.append(_failure(namespace, target, error))
            templates.append(error.reason.value)
            behind = behind or not isinstance(error, ObjectNotFound)
        else:
            templates.append(digest_of_template(workload))
            if sources:
                rolled.append(f"{target.kind} {target.name} ({', '.join(sources)})")
    return Restarts(tuple(rolled), tuple(problems), tuple(templates), behind)


async def _read_template(client: Client, namespace: str, target: RestartTarget) -> str:
    try:
        return digest_of_template(await client.get(KINDS[target.kind], namespace, target.name))
    except ClusterStateError as error:
        return error.reason.value


async def _roll(
    client: Client, namespace: str, target: RestartTarget, mirrors: Collection[Mirror]
) -> tuple[JsonObject, tuple[str, ...]]:
    """Give the workload as it is in the end, and the sources that it was rolled for."""
    kind = KINDS[target.kind]
    for _ in range(ATTEMPTS):
        workload = await client.get(kind, namespace, target.name)
        roll = make_roll(workload, mirrors)
        if roll is None or "deletionTimestamp" in workload["metadata"]:
            return workload, ()
        try:
            return await _patch(client, kind, workload, roll.patch), roll.sources
        except ObjectChanged:
            continue
    raise ObjectChanged(f"somebody else changed it each of the {ATTEMPTS} times that it was about to be rolled")


async def _patch(client: Client, kind: Kind, workload: JsonObject, patch: JsonObject) -> JsonObject:
    metadata = workload["metadata"]
    conditions = {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}
    body = {"metadata": conditions, **patch}
    return await client.merge_patch(kind, metadata["namespace"], metadata["name"], body)


def _failure(namespace: str, target: RestartTarget, error: ClusterStateError) -> Failure:
    what = f"{target.kind} {namespace}/{target.name} of spec.mirror.restart couldn't be rolled"
    match error:
        case ObjectNotFound():
            text, nature = "it isn't there. Create it, or correct its name", Nature.STALLED
        case KubeForbidden():
            text = (
                f"the API server forbids it: {error.words.rstrip('.')}. The operator needs get and patch on "
                f"{KINDS[target.kind].plural} of the group apps, and no admission policy that refuses the patch"
            )
            nature = Nature.STALLED
        case _:
            text, nature = error.message.rstrip("."), error.nature
    return Failure(Reason.RESTART_FAILED, nature, f"{what}: {text}.", error.retry_after)
