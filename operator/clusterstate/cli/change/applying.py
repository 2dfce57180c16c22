"""`clusterstate apply`: manifests into a store, those of kops and `ClusterState`s alike."""

import os
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack

from clusterstate.cli.change.declarations import (
    Declaration,
    is_declaration,
    read_declaration,
    require_written,
)
from clusterstate.cli.change.kops_objects import open_handed
from clusterstate.cli.change.writing import Job, change_states
from clusterstate.cli.manifests import Manifest, read_manifests
from clusterstate.cli.opening import Shop
from clusterstate.cli.words import Consent, Files, Handing, StoreWords
from clusterstate.errors import CommandInvalid, SpecInvalid
from clusterstate.plan.given import Handed, gather, read_object


async def apply_manifests(
    files: Files, namespace: str | None, words: StoreWords, handing: Handing, consent: Consent
) -> int:
    """Bring manifests into their stores, and give the exit code. Raises what keeps one of them from it."""
    handed, declared = sort_out(read_manifests(files), namespace)
    if handing.whole and declared:
        raise CommandInvalid(f"{declared[0].title} can't be applied with --replace, which is for kops's own objects.")
    for each in declared:
        require_written(each, dry_run=consent.dry_run)
    async with Shop(words, os.environ) as shop, AsyncExitStack() as stack:
        jobs = [await open_handed(shop, each, handing) for each in handed]
        if declared:
            from clusterstate.cli.change.pushing import Opener  # noqa: PLC0415 (it loads the Kubernetes client)

            opener = Opener(shop, stack, words)
            jobs += [await opener.open(each) for each in declared]
        _require_apart(jobs)
        return await change_states(jobs, consent, _question(jobs))


def sort_out(manifests: Iterable[Manifest], namespace: str | None) -> tuple[list[Handed], list[Declaration]]:
    """Tell kops's objects, by cluster, from ClusterStates. Raises `SpecInvalid` for what is neither."""
    manifests = [*manifests]
    declared = [read_declaration(each, namespace) for each in manifests if is_declaration(each)]
    handed = gather(read_object(each.place, each.content) for each in manifests if not is_declaration(each))
    return handed, declared


def _require_apart(jobs: Sequence[Job]) -> None:
    """Raise `SpecInvalid` where two parts of what was handed in are about one state."""
    seen: set[str] = set()
    for job in jobs:
        url = job.access.location.url
        if url in seen:
            raise SpecInvalid(f"Two manifests are about the same state, {url}. Hand in one of them.")
        seen.add(url)


def _question(jobs: Sequence[Job]) -> str:
    places = [job.access.location.url for job in jobs]
    return f"Write this to {places[0]}?" if len(places) == 1 else f"Write this to {len(places)} states?"
