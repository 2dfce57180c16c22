"""Kops's own manifests on their way into a store: one job for each cluster that they are about."""

from dataclasses import replace

from clusterstate.cli.change.writing import Job, Make, Prepared, Seen, open_job
from clusterstate.cli.opening import Shop
from clusterstate.cli.words import Handing
from clusterstate.plan.conflict import OF_OBJECTS
from clusterstate.plan.given import Handed
from clusterstate.plan.handing import Target, merge_handed, replace_handed
from clusterstate.state.layout import ssh_public_key_key
from clusterstate.state.tree import Wanted


async def open_handed(shop: Shop, handed: Handed, handing: Handing) -> Job:
    """Open the chosen store for what was handed in for one cluster."""
    make = _make(handed, handing, objects=shop.address().keeps_objects)
    wanted = Wanted(ssh_public_keys=bool(handed.ssh_keys))
    return await open_job(shop, handed.cluster_name, make, wanted, creates=handed.cluster is not None)


def _make(handed: Handed, handing: Handing, *, objects: bool) -> Make:
    bodies = {ssh_public_key_key(fingerprint): line for fingerprint, line in handed.ssh_keys.items()}

    async def make(seen: Seen) -> Prepared:
        target = Target(seen.access.store.url, objects)
        keys = {ssh_public_key_key(name): name for name in seen.read.state.ssh_public_keys}
        observed = replace(seen.observed, contents=keys)
        if handing.whole:
            plan = replace_handed(handed, target, observed, seen.now, force=handing.force)
        else:
            plan = merge_handed(handed, target, observed, seen.now)
        written = {change.key: bodies[change.key] for change in plan.changes if change.key in bodies}
        return Prepared(plan, written, ways=OF_OBJECTS)

    return make
