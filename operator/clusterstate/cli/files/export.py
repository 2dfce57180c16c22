"""`clusterstate export`: a store's clusters into a directory, byte for byte, wherever in the store their parts lie.

A file is written where the directory has it as the last export left it, or not at all; anything else is somebody's
work, and stops the command before the first write.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clusterstate.cli.files.choosing import choose_clusters, speaking_of
from clusterstate.cli.files.folder import OWN_ONLY, Folder, opened_folder
from clusterstate.cli.files.job import LISTING_SECONDS
from clusterstate.cli.files.record import Record, load_record
from clusterstate.cli.manners import mention, say
from clusterstate.cli.opening import Shop
from clusterstate.cli.progress import watched
from clusterstate.cli.shelf import list_clusters
from clusterstate.cli.words import StoreWords
from clusterstate.errors import ConflictFound
from clusterstate.gather import Sources
from clusterstate.plan.exchange import Outlook, is_secret, look_out, require_names
from clusterstate.plan.naming import named
from clusterstate.state.layout import BACKUPS, CONFIG
from clusterstate.state.tree import Listing, Tree, run_each
from clusterstate.store.base import ABSENT, Version
from clusterstate.store.copying import loaded, see


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is exported."""

    secrets: bool = False
    backups: bool = False
    overwrite: bool = False
    """What was changed in the directory is replaced."""


@dataclass(frozen=True)
class _Job:
    """One cluster on its way into the directory."""

    cluster: str
    tree: Tree
    listing: Listing
    """What is exported."""
    left_out: int
    """Secrets and private keys."""
    here: Mapping[str, str]
    """Digests of what the directory holds."""
    outlook: Outlook


async def export(
    words: StoreWords, environ: Mapping[str, str], clusters: tuple[str, ...], path: Path, extent: Extent
) -> int:
    """Export clusters, all of them where none is named. Raises `ConflictFound` before anything is written."""
    os.umask(OWN_ONLY)
    async with Shop(words, environ) as shop, opened_folder(path) as folder:
        export = _Export(shop, folder, await load_record(folder.store), extent)
        jobs = [await export.look(cluster) for cluster in await export.choose(clusters)]
        await export.check(jobs)
        for job in jobs:
            await export.carry_out(job)
    return 0


class _Export:
    def __init__(self, shop: Shop, folder: Folder, record: Record, extent: Extent) -> None:
        self._shop = shop
        self._folder = folder
        self._record = record
        self._extent = extent
        self._url = shop.chosen.url.rstrip("/")

    async def choose(self, clusters: tuple[str, ...]) -> list[str]:
        """Give the clusters that are meant, those too that only the directory still has."""
        found = {*await list_clusters(self._shop), *self._record.clusters(self._url)}
        return choose_clusters(found, clusters, self._url)

    async def look(self, cluster: str) -> _Job:
        """List a cluster on both sides, and decide what is to be done."""
        sources = await self._shop.sources(cluster)
        with speaking_of(cluster):
            tree, listing = await _list(sources, backups=self._extent.backups)
        chosen = Listing({key: each for key, each in listing.entries.items() if self._takes(key)})
        require_names(cluster, chosen.entries)
        here = {key: each.version.token for key, each in (await self._folder.entries(cluster)).items()}
        base = {key: each for key, each in self._base(cluster).items() if self._takes(key)}
        outlook = look_out(chosen.entries, here, base)
        left_out = sum(is_secret(key) for key in listing.entries) if not self._extent.secrets else 0
        return _Job(cluster, tree, chosen, left_out, here, outlook)

    async def check(self, jobs: Iterable[_Job]) -> None:
        """Raise `ConflictFound` where the directory has what nobody exported, or the last of a cluster."""
        if self._extent.overwrite:
            return
        jobs = [*jobs]
        if lost := [job.cluster for job in jobs if job.outlook.remove and CONFIG not in job.listing.entries]:
            raise ConflictFound(
                f"{self._url} has no config of {named(lost)} any more, and {self._folder.path} has files. Nothing was "
                "written. Import what was lost; or, if it was deleted, remove its folder, or say --overwrite."
            )
        changed = [
            f"{job.cluster}/{key}" for job in jobs for key in [*job.outlook.changed, *await self._differing(job)]
        ]
        if changed:
            raise ConflictFound(
                f"{named(changed)} in {self._folder.path}: no export left these files so, and the store has others. "
                "Nothing was written. Import them first, or say --overwrite to have the store's."
            )

    async def _differing(self, job: _Job) -> list[str]:
        found: list[str] = []

        async def compare(key: str) -> None:
            if key not in job.here or (await see(*job.tree.at(key), self._size(job, key))).digest != job.here[key]:
                found.append(key)

        await run_each(job.outlook.doubtful, compare)
        return sorted(found)

    async def carry_out(self, job: _Job) -> None:
        """Write and remove a cluster's files; what was done is recorded, however that ends."""
        base, written = self._base(job.cluster), [0]

        async def fetch(key: str) -> None:
            async with loaded(*job.tree.at(key), self._size(job, key)) as freight:
                digest = freight.seen.digest
                if job.here.get(key) != digest:
                    expect = Version(job.here[key]) if key in job.here else ABSENT
                    place = str(self._folder.path)
                    await freight.unload(self._folder.store, f"{job.cluster}/{key}", place, expect=expect)
                    written[0] += 1
                base[key] = digest
            meter.advance(self._size(job, key))

        async with watched(f"export {job.cluster}") as meter, self._record.kept():
            meter.expect(job.listing.files, job.listing.bytes)
            await run_each((*job.outlook.fetch, *job.outlook.doubtful), fetch)
            removed = await self._remove(job, base)
        self._folder.sweep(job.cluster)
        self._tell(job, written[0], removed)

    async def _remove(self, job: _Job, base: dict[str, str]) -> int:
        keys = (*job.outlook.remove, *(job.outlook.changed if self._extent.overwrite else ()))
        for key in keys:
            await self._folder.store.delete(f"{job.cluster}/{key}", expect=Version(job.here[key]))
            mention(f"{job.cluster}/{key} went from the store, and from {self._folder.path}.")
        for key in [key for key in base if self._takes(key) and key not in job.listing.entries]:
            del base[key]
        return len(keys)

    def _tell(self, job: _Job, written: int, removed: int) -> None:
        same = job.listing.files - written
        counts = f"{written} written, {same} unchanged" + (f", {removed} removed" if removed else "")
        say(f"{job.cluster}: {counts} in {self._folder.path / job.cluster}")
        if job.left_out:
            say(f"{job.cluster}: {job.left_out} secrets and private keys are left out; --with-secrets takes them.")

    def _takes(self, key: str) -> bool:
        left_out = (is_secret(key) and not self._extent.secrets) or (
            key.startswith(BACKUPS) and not self._extent.backups
        )
        return not left_out

    def _base(self, cluster: str) -> dict[str, str]:
        return self._record.of(self._url, cluster)

    @staticmethod
    def _size(job: _Job, key: str) -> int:
        return job.listing.entries[key].size


async def _list(sources: Sources, *, backups: bool) -> tuple[Tree, Listing]:
    tree, listing, known = await sources.list_state(None, LISTING_SECONDS)
    if not backups:
        return tree, listing
    return await sources.list_at(known.places) if known else (tree, await tree.list_files(backups=True))
