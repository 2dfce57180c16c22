"""The part of a run that mirrors: from what was found in the store to Secrets, workloads, and a report."""

import math
from collections.abc import Collection, Iterable, Mapping

from clusterstate.api.types import ClusterState
from clusterstate.context import Context, Memory
from clusterstate.errors import StateError
from clusterstate.facts import mirror_report
from clusterstate.kube.owner import Owner
from clusterstate.mirror.manifest import digest_of, make_secret
from clusterstate.mirror.missing import keep_missing
from clusterstate.mirror.objects import Mirrors
from clusterstate.mirror.record import MirrorRecord
from clusterstate.mirror.restart import Look, look_at
from clusterstate.mirror.shapes import make_mirrors, needs_digests
from clusterstate.mirror.sync import sync
from clusterstate.plan.outcome import MirrorReport, is_called_for
from clusterstate.state.objects import State

FIRST_LOOK = 5.0
"""Seconds until the first look at a workload whose Pods need a Secret that would go else; doubled each time."""


async def look_at_templates(context: Context, declared: ClusterState, memory: Memory) -> tuple[str, ...]:
    """Give what changes when somebody changes the Pod template of a workload that is to be rolled.

    As long as a Secret waits for that, it changes with the end of a rollout too.
    """
    mirror = declared.spec.mirror
    looks = await look_at(context.client, declared.metadata.namespace, mirror.restart if mirror else ())
    memory.rollout_look *= 2
    return _noted(looks, memory)


async def keep_mirrors(
    context: Context, declared: ClusterState, found: State, broken: Mapping[str, StateError], memory: Memory
) -> MirrorReport:
    """Make Secrets and workloads follow what was found; remember what they are then.

    `broken` tells why objects are missing in the state although their files are there.
    """
    spec, owner = declared.spec.mirror, Owner.of(declared.metadata)
    digests = await context.digests() if needs_digests(spec) else None
    present = context.present(owner.namespace, owner.uid)
    made = make_mirrors(spec, found, owner, broken, digests)
    mirrors = keep_missing(made, spec, present.values(), config_there=found.cluster is not None)
    memory.mirrors = _expected(mirrors) | _as_they_are(present, mirrors.kept)
    if is_called_for(declared):
        memory.rolls.forget()
    done = await sync(context.client, mirrors, present, memory.rolls)
    memory.mirrors |= _as_they_are(present, done.held)
    memory.rollout_look = _next_look(memory.rollout_look) if done.held else math.inf
    memory.templates = _noted(done.restarts.looks, memory)
    return mirror_report(mirrors, done)


def _noted(looks: Iterable[Look], memory: Memory) -> tuple[str, ...]:
    waits = math.isfinite(memory.rollout_look)
    return tuple(f"{each.template} {each.rolled_out if waits else ''}" for each in looks)


def _next_look(before: float) -> float:
    return before if math.isfinite(before) else FIRST_LOOK


def _expected(mirrors: Mirrors) -> dict[str, str]:
    """Give the digests of what will be there; any other is a change by others."""
    return {mirror.name: digest_of(make_secret(mirrors.owner, mirror)) for mirror in mirrors.wanted}


def _as_they_are(present: Mapping[str, MirrorRecord], kept: Collection[str]) -> dict[str, str]:
    """Give the digests of Secrets that stay as they are."""
    return {name: record.digest for name, record in present.items() if name in kept}
