"""`clusterstate migrate`: a state moves to another store, by the operator's own way, and what is left to do is told.

Copied first, verified, `config` last with its new URLs: kops sees nothing at the new place before all of it is there.
What a run that was interrupted left there is compared with the source, and goes on to be it.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from clusterstate.api.store import Layout
from clusterstate.api.sync import Backups
from clusterstate.apply.migration import Copied, Copying
from clusterstate.cli.asking import agreed
from clusterstate.cli.choice import STORE_VARIABLE
from clusterstate.cli.manners import say
from clusterstate.cli.move.resuming import resumable
from clusterstate.cli.move.switching import Switch, find_switch
from clusterstate.cli.opening import Shop, require_url
from clusterstate.cli.output import echo
from clusterstate.cli.progress import Meter, watched
from clusterstate.cli.sizes import count_of, size_of
from clusterstate.cli.words import Consent, StoreWords
from clusterstate.errors import CommandInvalid
from clusterstate.gather import Access, Sources, places_of
from clusterstate.plan.migration import choose_backups
from clusterstate.plan.rewriting import Move, urls_of
from clusterstate.relocation.bringing import Bringing, choose_files, form_of
from clusterstate.relocation.config import Config, plan_move_between
from clusterstate.state.canonical import canonical
from clusterstate.state.layout import BACKUPS, CONFIG
from clusterstate.state.objects import Document
from clusterstate.state.tree import Listing, Tree, read_cluster
from clusterstate.store.base import Entry
from clusterstate.store.location import KUBERNETES

SECONDS: Final = 3600.0
"""The longest that a listing may take."""


@dataclass(frozen=True, slots=True)
class Order:
    """What was said."""

    cluster: str
    to: str
    """The new store's URL."""
    backups: Backups = Backups.ALL
    discovery: bool = False
    """Whether the discovery store's URL follows too."""
    switch: bool = False
    """Whether kops's configuration file is to name the new store."""


async def migrate_cluster(order: Order, words: StoreWords, consent: Consent, environ: Mapping[str, str]) -> int:
    """Move a state, and give the exit code.

    Raises `CommandInvalid` for an order that can't be carried out, `MigrationRefused` where the state can't move.
    """
    require_url(order.to, "--to")
    async with Shop(words, environ) as shop:
        if order.switch:
            find_switch(words, environ, shop.chosen, order.to)
        migration = await _begin(shop, order)
        for line in migration.lines():
            (echo if consent.dry_run else say)(line)
        question = f"Move the state from {migration.state.access.location.url} to {migration.new.location.url}?"
        if not agreed(question, consent):
            return 0
        with resumable(
            lambda: f"{count_of(len(migration.copied.pairs), 'file')} verified at {migration.new.location.url}"
        ):
            await migration.finish()
        switch = find_switch(words, environ, shop.chosen, order.to) if order.switch else None
    if switch is not None:
        switch.make()
    _tell(migration, [*_steps(order, switch, environ)])
    return 0


@dataclass(frozen=True, slots=True)
class State:
    """A state at its old place."""

    name: str
    access: Access
    tree: Tree
    listing: Listing
    backups: tuple[Entry, ...]
    """Those that are taken along."""
    cluster: Document
    """`config`, canonical."""


async def _begin(shop: Shop, order: Order) -> "Migration":
    """Look at both places; nothing is written."""
    access, new = shop.access(order.cluster), shop.access(order.cluster, order.to)
    sources = await shop.sources_at(access, writes=False)
    state = await _read(sources, access, order)
    move = plan_move_between(access, new, state.cluster.spec, {}, discovery=order.discovery)
    acl_from = new.acl_of_copies(access)
    targets = await shop.sources_at(new, order.to, writes=True, creates=True, acl_from=acl_from)
    tree, there = await targets.list_at(move.places_after(state.cluster.spec))
    _require_elsewhere(sources, access, targets, new)
    most = min(state.tree.most, tree.most)
    migration = Migration(state, new, move, tree, {**there.entries}, most)
    await migration.refuse_strangers()
    return migration


async def _read(sources: Sources, access: Access, order: Order) -> State:
    tree, listing, _ = await sources.list_state(None, SECONDS)
    document = await read_cluster(tree, listing)
    if document is None:
        raise CommandInvalid(f"There is no {CONFIG} at {access.location.url}. Correct the cluster's name, or --state.")
    cluster = replace(document, spec=canonical("Cluster", document.spec).spec)
    every = (await tree.list_files(backups=True)).entries.items()
    backups = choose_backups((entry for key, entry in every if key.startswith(BACKUPS)), order.backups)
    return State(order.cluster, access, tree, listing, tuple(backups), cluster)


def _require_elsewhere(sources: Sources, old: Access, targets: Sources, new: Access) -> None:
    """Raise `CommandInvalid` where the state is there already."""
    identities = [each.location.identity(of.endpoint or "") for each, of in ((old, sources), (new, targets))]
    if identities[0] == identities[1] and old.layout is new.layout:
        raise CommandInvalid(f"{new.location.url} is where the state is already. Name another store with --to.")


class Migration:
    """One state's move."""

    def __init__(self, state: State, new: Access, move: Move, target: Tree, there: dict[str, Entry], most: int) -> None:
        """Take the state, and the new place with what is there, where files may have `most` bytes."""
        self.state, self.new = state, new
        self.copied = Copied((state.access.location.url, new.location.url))
        self._move, self._most = move, most
        self._meter = Meter("")
        copying = Copying(
            source=state.tree,
            target=target,
            place=new.location.url,
            there=there,
            copied=self.copied,
            resumed=False,
            tell=self._tell,
            form_of=form_of(state.access, new, state.name),
        )
        config = Config(move, copying, state.cluster.spec)
        self._bringing = Bringing(copying, config, state.access.location.url, self._choose)
        self.files = self._choose(state.listing)

    def lines(self) -> Iterator[str]:
        """Tell what is going to happen."""
        there = sum(each.key in self.copied.pairs for each in self.files)
        old, new = self.state.access.location.url, self.new.location.url
        yield f"{self.summary} go from {old} to {new}, which has {there} of them."
        for name, url in urls_of(self.state.cluster.spec):
            after = self._move.url_after(name, url) if self._move.names_place else url
            if after != url:
                yield f"~ {name}: {url} -> {after}"

    @property
    def summary(self) -> str:
        """How many files there are, and how large."""
        return f"{count_of(len(self.files), 'file')} ({size_of(sum(each.size for each in self.files))})"

    async def refuse_strangers(self) -> None:
        """Compare what is there; raise `MigrationRefused`, which names what is no copy."""
        async with self._watched("compare"):
            await self._bringing.refuse_strangers(self.state.listing)

    async def finish(self) -> None:
        """Have the new place hold everything, `config` last."""
        async with self._watched("copy"):
            await self._bringing.finish(self.state.listing)

    def _choose(self, listing: Listing) -> list[Entry]:
        places = places_of(self.state.cluster, self.state.access)
        return choose_files([*listing.entries.values(), *self.state.backups], self._move, places, self._most)

    @asynccontextmanager
    async def _watched(self, title: str) -> AsyncIterator[None]:
        async with watched(title) as self._meter:
            self._meter.expect(len(self.files), sum(each.size for each in self.files))
            yield

    async def _tell(self) -> None:
        self._meter.done_files = min(len(self.copied.pairs), self._meter.files)
        self._meter.done_bytes = sum(self.copied.sizes.values())


def _tell(migration: Migration, steps: Sequence[str]) -> None:
    """Print what was done, and what is left to people."""
    old, new = migration.state.access.location.url, migration.new
    echo(f"{migration.summary} of {migration.state.name} are at {new.location.url}, verified.")
    if new.store.scheme == KUBERNETES and new.layout is Layout.SECRETS:
        echo("kops itself can't read a store of Secrets; the operator and the agent on nodes can.")
    else:
        echo("What is left to do, so that nodes read the new place:")
        for line in steps:
            echo(f"  {line}")
    echo(f"{old} is as it was. Once nodes read the new place, nothing needs it any more.")


def _steps(order: Order, switch: Switch | None, environ: Mapping[str, str]) -> Iterator[str]:
    if switch is None:
        yield f"export {STORE_VARIABLE}={order.to}"
    else:
        yield f"# {switch.path} names {order.to} now; other clusters of the old store want {STORE_VARIABLE} or --state"
        if environ.get(STORE_VARIABLE):
            yield f"unset {STORE_VARIABLE}"
    yield f"kops update cluster {order.cluster} --yes"
    yield f"kops rolling-update cluster {order.cluster} --yes"
