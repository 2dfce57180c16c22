"""The part of a run that mirrors: from what was found in the store to Secrets, workloads, and a report."""

from collections.abc import Mapping

from clusterstate.api.types import ClusterState
from clusterstate.context import Context, Memory
from clusterstate.errors import Reason, StateError
from clusterstate.facts import mirror_report
from clusterstate.kube.owner import Owner
from clusterstate.mirror.manifest import digest_of, make_secret
from clusterstate.mirror.missing import keep_missing
from clusterstate.mirror.objects import Mirrors
from clusterstate.mirror.record import MirrorRecord
from clusterstate.mirror.restart import read_templates
from clusterstate.mirror.shapes import make_mirrors, needs_digests
from clusterstate.mirror.sync import sync
from clusterstate.plan.outcome import MirrorReport
from clusterstate.state.objects import State


async def look_at_templates(context: Context, declared: ClusterState) -> tuple[str, ...]:
    """Give what changes when somebody changes the Pod template of a workload that is to be rolled."""
    mirror = declared.spec.mirror
    return await read_templates(context.client, declared.metadata.namespace, mirror.restart if mirror else ())


async def keep_mirrors(
    context: Context, declared: ClusterState, found: State, broken: Mapping[str, StateError], memory: Memory
) -> MirrorReport:
    """Make Secrets and workloads follow what was found; remember what they are then.

    `broken` tells why objects are missing in the state although their files are there.
    """
    spec, owner = declared.spec.mirror, Owner.of(declared.metadata)
    digests = await context.digests() if needs_digests(spec) else None
    present = context.present(owner.namespace, owner.uid)
    mirrors = keep_missing(make_mirrors(spec, found, owner, broken, digests), spec, present.values())
    memory.mirrors = _expected(mirrors, present)
    done = await sync(context.client, mirrors, present)
    memory.templates = done.restarts.templates
    return mirror_report(mirrors.wanted, done)


def _expected(mirrors: Mirrors, present: Mapping[str, MirrorRecord]) -> dict[str, str]:
    """Give the digests of what will be there; any other is a change by others."""
    kept = {each.secret for each in mirrors.problems if each.reason is Reason.SOURCE_MISSING}
    return {mirror.name: digest_of(make_secret(mirrors.owner, mirror)) for mirror in mirrors.wanted} | {
        name: record.digest for name, record in present.items() if name in kept
    }
