"""The reader of both sides of a review: what is compared with what, and as much of it as is to be seen."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from clusterstate.cli.manners import say
from clusterstate.cli.opening import Shop
from clusterstate.cli.review.declared import Declared
from clusterstate.cli.review.opening import Side, open_side
from clusterstate.cli.review.sources import StateSource
from clusterstate.cli.review.words import ReviewWords
from clusterstate.cli.words import StoreWords
from clusterstate.errors import CommandInvalid
from clusterstate.plan.changes import Change
from clusterstate.plan.comparison import Files
from clusterstate.plan.exchange import is_secret
from clusterstate.state.digests import Digests

SHORTEST_KEY: Final = 16
"""Bytes of a key for digests."""
LARGEST_KEY: Final = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """One state as it was read."""

    cluster: str
    url: str
    """What people call its place."""
    files: Files = field(repr=False)
    hidden: frozenset[str] = frozenset()
    """Keys of files that come from a Secret."""
    unmade: tuple[Change, ...] = ()
    """What else would become of the other side: keysets whose key pair isn't made yet."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Opens what was named, and reads states out of it."""

    words: ReviewWords
    shop: Shop
    digests: Digests

    async def open(self) -> tuple[Side, Side]:
        """Open both sides. Raises `CommandInvalid` where one is nothing that can be compared."""
        old = await open_side(self.words.old, self.words, self.shop, self.digests)
        return old, await open_side(self.words.new, self.words, self.shop, self.digests)

    async def read(self, source: StateSource, cluster: str) -> Found:
        """Read a state, which has no files where there is none."""
        files = await source.read(cluster) if cluster in source.clusters else {}
        seen = {key: data for key, data in files.items() if self.shows(key)}
        return Found(cluster, source.url(cluster), seen)

    def shows(self, key: str) -> bool:
        """Whether a file is to be seen at all."""
        return not (self.words.without_secrets and is_secret(key))

    async def read_both(self, old: StateSource, new: StateSource) -> AsyncIterator[tuple[Found, Found]]:
        """Read the states that are compared, pair by pair. Raises `CommandInvalid` where it isn't clear which."""
        for names in pair_clusters(old, new, self.words.cluster):
            one, other = await self.read(old, names[0]), await self.read(new, names[1])
            if not one.files and not other.files:
                raise CommandInvalid(f"There is neither {one.url} nor {other.url}. Name a cluster that is there.")
            _tell_what_is_missing(one, other)
            yield one, other

    async def read_declared(self, source: StateSource, declared: Declared) -> Found:
        """Read the state that a declaration is about. Raises `CommandInvalid` where another one is meant."""
        for name in (*(source.clusters if source.single else ()), self.words.cluster or declared.cluster):
            if name != declared.cluster:
                raise CommandInvalid(
                    f"{declared.word} declares cluster {declared.cluster}, and the other side is {name}. Name another."
                )
        return await self.read(source, declared.cluster)


def _tell_what_is_missing(old: Found, new: Found) -> None:
    """Explain why all secrets seem to come or go: an export has none."""
    counts = [sum(map(is_secret, side.files)) for side in (old, new)]
    if sum(counts) and not all(counts) and old.files and new.files:
        bare = new if counts[0] else old
        say(f"{bare.url} holds no secrets and keysets; --without-secrets leaves out those of the other side.")


def pair_clusters(old: StateSource, new: StateSource, cluster: str | None) -> list[tuple[str, str]]:
    """Give the pairs of states: all of two stores, by name, or the one that is meant.

    Raises `CommandInvalid` where one side is the state of another cluster.
    """
    if old.single and new.single and cluster is None:
        return [(old.clusters[0], new.clusters[0])]
    wanted = cluster or next((side.clusters[0] for side in (old, new) if side.single), None)
    if wanted is None:
        return [(name, name) for name in sorted({*old.clusters, *new.clusters})]
    for side in (old, new):
        if side.single and wanted not in side.clusters:
            raise CommandInvalid(f"{side.url(side.clusters[0])} isn't the state of {wanted}. Name another cluster.")
    return [(wanted, wanted)]


@asynccontextmanager
async def reviewing(words: ReviewWords, environ: Mapping[str, str]) -> AsyncIterator[Reviewer]:
    """Give a reviewer whose stores are open until the end. Raises `CommandInvalid` for a key that can't be used."""
    digests = Digests(_read_key(words.digest_key) if words.digest_key else secrets.token_bytes(32))
    async with Shop(StoreWords(kubeconfig=words.kubeconfig, context=words.context), environ) as shop:
        yield Reviewer(words, shop, digests)


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            key = file.read(LARGEST_KEY + 1)
    except OSError as error:
        raise CommandInvalid(f"{path} can't be read: {error.strerror}. Name the file of the digests' key.") from None
    if not SHORTEST_KEY <= len(key) <= LARGEST_KEY:
        raise CommandInvalid(
            f"{path} has to hold {SHORTEST_KEY} to {LARGEST_KEY} bytes, which nobody can guess, as a key of digests. "
            "Make one: head -c 32 /dev/urandom."
        )
    return key
