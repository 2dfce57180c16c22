"""The part of a run that follows the store, whatever is pushed: mirrors, and what is told of keysets and machines."""

from clusterstate.api.annotations import CLOUD_UPDATED
from clusterstate.api.durations import parse_duration
from clusterstate.api.types import ClusterState
from clusterstate.context import Context, Memory
from clusterstate.facts import Findings, told_certificates
from clusterstate.kube.owner import Owner
from clusterstate.mirroring import keep_mirrors
from clusterstate.plan.cloud import Pushes, cloud_update
from clusterstate.plan.expiry import next_turn
from clusterstate.plan.generation import renewals
from clusterstate.plan.outcome import primary_certificates
from clusterstate.plan.rotation_report import hold_for_rollout, turns_of
from clusterstate.planning import Sight, follow
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import State


async def follow_state(
    context: Context, declared: ClusterState, memory: Memory, sight: Sight, after: State, found: Findings
) -> None:
    """Have mirrors follow a state as it is `after` what was pushed; note in `found` what is to be told of it.

    What was told of the certificate of a keyset that can't be read stays, and what was told of rotations where the
    declared key pairs aren't known: one of them might seem to be an older one, to be distrusted.
    """
    found.unread = tuple(name for kind, name in map(kind_of, sight.broken) if kind is FileKind.KEYSET)
    found.certificates = (*primary_certificates(after), *told_certificates(declared.status, found.unread))
    told = not found.unread and (sight.complete or not any(each.tls_secret_ref for each in declared.spec.keysets))
    found.rotations = follow(sight, Owner.of(declared.metadata), after, found.now) if told else None
    turns = turns_of(found.rotations or (), found.now, pushed=found.pushed)
    ends = (each.not_after for each in found.certificates)
    warning = parse_duration(declared.spec.expiry_warning)
    memory.look_again = next_turn(ends, warning, found.now, (*turns, *renewals(declared.spec.keysets, after)))
    note_cloud(declared, after, found)
    found.mirrors = await keep_mirrors(context, declared, after, sight.broken, memory)


def note_cloud(declared: ClusterState, after: State, found: Findings) -> None:
    """Note whether machines have followed; that isn't known where a rotation is declared and nothing known of it."""
    if found.rotations is None and any(each.rotation for each in declared.spec.keysets):
        return
    confirmed = declared.metadata.annotations.get(CLOUD_UPDATED, "")
    pushes = found.history.pushes(confirmed) if found.history else Pushes(confirmation=confirmed)
    cloud = cloud_update(after, declared.cluster_name, pushes)
    found.cloud = hold_for_rollout(cloud, found.rotations or ())
