"""`clusterstate import`: a directory's clusters into a store, byte for byte, each part to the place that it has there.

Everything is read, compared and checked before the first write, and each write is made on condition that the store's
file is still the one that was compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clusterstate.api.store import Layout
from clusterstate.cli.asking import agreed
from clusterstate.cli.files.checking import check_files, check_name, check_places
from clusterstate.cli.files.choosing import speaking_of
from clusterstate.cli.files.folder import Folder, opened_folder
from clusterstate.cli.files.job import LISTING_SECONDS, Arrival
from clusterstate.cli.files.record import Record, load_record
from clusterstate.cli.files.showing import show_arrivals, tell_arrival
from clusterstate.cli.manners import told, warn
from clusterstate.cli.opening import Shop
from clusterstate.cli.progress import Meter, watched
from clusterstate.cli.words import Consent, StoreWords
from clusterstate.errors import CommandInvalid, StoreError
from clusterstate.gather import Access, Sources, places_of
from clusterstate.plan.exchange import Terms, make_exchange, rank, require_names
from clusterstate.plan.naming import named
from clusterstate.state import codec
from clusterstate.state.layout import BACKUPS, CONFIG
from clusterstate.state.objects import Document
from clusterstate.state.tree import OWN_PLACE, Listing, Tree, run_each
from clusterstate.store.base import ABSENT, Entry
from clusterstate.store.copying import as_it_is, loaded, see
from clusterstate.store.failures import lost_race


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an import may do beside creating and changing files that kops knows."""

    terms: Terms
    unknown: bool
    """Files that kops doesn't know are taken too."""


async def bring(
    words: StoreWords,
    environ: Mapping[str, str],
    places: tuple[Path, tuple[str, ...]],
    wishes: Wishes,
    consent: Consent,
) -> int:
    """Import clusters of a directory, all that it has where none is named; see the module for what is checked."""
    path, clusters = places
    if not path.is_dir():
        raise CommandInvalid(f"{path} isn't a directory. Name one that clusterstate export, or aws s3 sync, has made.")
    async with Shop(words, environ) as shop, opened_folder(path) as folder:
        importer = _Importer(shop, folder, await load_record(folder.store), wishes, writes=not consent.dry_run)
        arrivals = []
        for cluster in importer.choose(clusters):
            with speaking_of(cluster):
                arrivals.append(await importer.look(cluster))
        files = show_arrivals(arrivals, importer.url)
        if not files:
            await importer.note(arrivals)
        elif agreed(f"Write to {importer.url}?", consent):
            for arrival in arrivals:
                await importer.carry_out(arrival)
                tell_arrival(arrival)
    return 0


class _Importer:
    def __init__(self, shop: Shop, folder: Folder, record: Record, wishes: Wishes, *, writes: bool) -> None:
        self.url = shop.chosen.url.rstrip("/")
        self._shop = shop
        self._folder = folder
        self._record = record
        self._wishes = wishes
        self._writes = writes

    def choose(self, clusters: tuple[str, ...]) -> list[str]:
        """Give the clusters that are meant: folders with a `config`, and those that are named."""
        found, whole = self._folder.clusters(), self._folder.clusters(CONFIG)
        strangers = sorted({*clusters} - {*found})
        if strangers or not (clusters or whole):
            what = f"no folder {named(strangers)}" if strangers else f"no folder with a {CONFIG} in it"
            raise CommandInvalid(f"{self._folder.path} has {what}. Name a directory that holds a folder per cluster.")
        return sorted({*clusters}) or whole

    async def look(self, cluster: str) -> Arrival:
        """Read a cluster on both sides, and decide what is to be written. Raises for whatever can't be."""
        self._folder.require_plain(cluster)
        entries = await self._folder.entries(cluster)
        require_names(cluster, entries)
        document = await self._read_config(cluster, entries)
        access = self._shop.access(cluster)
        sources = await self._shop.sources(cluster, writes=self._writes, creates=True)
        tree, listing = await self._list(sources, (cluster, access), document, entries)
        by_meaning = access.layout is Layout.KOPS_RESOURCES
        arrival = Arrival(cluster, tree, listing, entries, by_meaning=by_meaning)
        place = access.location.url
        base = self._base(cluster, listing)
        await self._compare(arrival, base)
        arrival.exchange = make_exchange(arrival.here, arrival.there, base, self._wishes.terms, place)
        check_name(arrival, document)
        await check_files(self._folder, arrival, unknown=self._wishes.unknown)
        return arrival

    def _base(self, cluster: str, listing: Listing) -> Mapping[str, str]:
        """Give what both sides had in common, nothing where the store has lost the cluster.

        `config` is written last, so that a store without it has lost the cluster, or got it back in part only.
        """
        return self._record.of(self.url, cluster) if CONFIG in listing.entries else {}

    async def _read_config(self, cluster: str, entries: Mapping[str, Entry]) -> Document | None:
        if CONFIG not in entries:
            return None
        return codec.decode_document((await self._folder.store.read(f"{cluster}/{CONFIG}")).data, CONFIG)

    async def _list(
        self, sources: Sources, way: tuple[str, Access], document: Document | None, entries: Mapping[str, Entry]
    ) -> tuple[Tree, Listing]:
        tree, listing, known = await sources.list_state(None, LISTING_SECONDS)
        cluster, access = way
        wanted = places_of(document, access)
        came_from_here = bool(self._record.of(self.url, cluster))
        places = known.places if known else wanted if came_from_here else OWN_PLACE
        if document is not None:
            check_places(access, (wanted, known.places if known else None), places)
        if known is None or any(key.startswith(BACKUPS) for key in entries):
            return await sources.list_at(places)
        return tree, listing

    async def _compare(self, arrival: Arrival, base: Mapping[str, str]) -> None:
        """Read what both sides have, and what only the record and the store have."""

        async def look(key: str) -> None:
            if key in arrival.listing.entries:
                arrival.note(key, await see(*arrival.tree.at(key), arrival.listing.entries[key].size))
                await self._compare_meaning(arrival, key)

        await run_each(sorted({*arrival.entries, *base}), look)

    async def _compare_meaning(self, arrival: Arrival, key: str) -> None:
        """Take two files for the same where the store keeps no more of them than what is the same."""
        form, entry = arrival.form_of(key), arrival.entries.get(key)
        if form is as_it_is or entry is None:
            return
        ours = await see(self._folder.store, f"{arrival.cluster}/{key}", entry.size, form)
        theirs = await see(*arrival.tree.at(key), arrival.listing.entries[key].size, form)
        if ours.digest == theirs.digest:
            arrival.note_same(key, theirs.version)

    async def carry_out(self, arrival: Arrival) -> None:
        """Write a cluster's files in turns, then delete; what was done is recorded, however that ends."""
        try:
            async with watched(f"import {arrival.cluster}") as meter:
                await self._write_all(arrival, meter)
            for key in arrival.exchange.deletes:
                await arrival.tree.delete(key, expect=arrival.versions[key])
                arrival.note_gone(key)
        finally:
            await self.note([arrival])

    async def _write_all(self, arrival: Arrival, meter: Meter) -> None:
        writes = arrival.exchange.writes
        meter.expect(len(writes), sum(arrival.entries[key].size for key in writes))

        async def write(key: str) -> None:
            await self._write(arrival, key)
            meter.advance(arrival.entries[key].size)

        for turn in sorted({*map(rank, writes)}):
            await run_each((key for key in writes if rank(key) == turn), write)

    async def _write(self, arrival: Arrival, key: str) -> None:
        path, form = f"{arrival.cluster}/{key}", arrival.form_of(key)
        async with loaded(self._folder.store, path, arrival.entries[key].size, form) as freight:
            if freight.seen.version != arrival.entries[key].version:
                raise lost_race(path)
            expect = arrival.versions.get(key, ABSENT)
            arrival.note_same(key, (await freight.unload(*arrival.tree.at(key), self.url, expect=expect)).version)

    async def note(self, arrivals: list[Arrival]) -> None:
        """Record what both sides now have in common; a directory that can't be written to is none the worse."""
        if not self._writes:
            return
        for arrival in arrivals:
            base = self._record.of(self.url, arrival.cluster)
            for key in sorted({*base, *arrival.here}):
                if arrival.here.get(key) != arrival.there.get(key):
                    continue
                if key in arrival.here:
                    base[key] = arrival.here[key]
                else:
                    del base[key]
        try:
            await self._record.save()
        except StoreError as error:
            warn(f"what was imported couldn't be recorded: {told(error)}")
