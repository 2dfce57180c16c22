"""`clusterstate verify`: two stores are compared by their bytes, all of which are read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from clusterstate.cli.exits import DIFFERENT
from clusterstate.cli.move.ends import End, Listed, Scope, list_both, open_end, require_apart
from clusterstate.cli.opening import Shop
from clusterstate.cli.output import as_text, echo
from clusterstate.cli.progress import watched
from clusterstate.cli.sizes import count_of, size_of
from clusterstate.cli.words import StoreWords
from clusterstate.errors import CommandInvalid
from clusterstate.plan.naming import named
from clusterstate.state.tree import run_each
from clusterstate.store.base import Entry
from clusterstate.store.copying import see


@dataclass(frozen=True, slots=True)
class Order:
    """What was said."""

    first: str
    second: str
    scope: Scope
    parallel: int
    output: str


@dataclass(slots=True)
class Comparison:
    """What two stores were found to hold; keys in their order."""

    only: tuple[list[str], list[str]]
    """Of the first, of the second."""
    different: list[str] = field(default_factory=list)
    same: int = 0
    bytes: int = 0
    """Of those that are the same."""

    @property
    def equal(self) -> bool:
        """Whether they hold the same."""
        return not (any(self.only) or self.different)


async def verify_stores(order: Order, words: StoreWords, environ: Mapping[str, str]) -> int:
    """Print what differs, and give the exit code: 0 equal, 1 different. Raises what keeps it from being told."""
    async with Shop(words, environ) as shop:
        first, second = await open_end(shop, order.first, "A"), await open_end(shop, order.second, "B")
        require_apart(first, second, order.scope)
        listed = await list_both(first, second, order.scope)
        _require_anything(listed, (first, second), order.scope)
        found = await _compare(listed, (first, second), order.parallel)
    if order.output == "text":
        _print(found, first.url, second.url)
    else:
        click.echo(as_text(_as_json(found, first.url, second.url), order.output))
    return 0 if found.equal else DIFFERENT


def _require_anything(listed: tuple[Listed, Listed], ends: tuple[End, End], scope: Scope) -> None:
    """Raise `CommandInvalid` where neither holds anything of what is to be compared: a name may be misspelt."""
    keys = {*listed[0].entries, *listed[1].entries}
    without = [prefix for prefix in scope.prefixes if not any(key.startswith(prefix) for key in keys)]
    if without:
        what = f"anything of {named([each.rstrip('/') for each in without])}" if any(without) else "any file"
        raise CommandInvalid(f"Neither {ends[0].url} nor {ends[1].url} holds {what}. Correct the names.")


async def _compare(listed: tuple[Listed, Listed], ends: tuple[End, End], parallel: int) -> Comparison:
    keys = [{*each.entries, *each.flawed} for each in listed]
    found = Comparison((sorted(keys[0] - keys[1]), sorted(keys[1] - keys[0])))
    both = [(listed[0].entries[key], listed[1].entries[key]) for key in sorted(listed[0].entries.keys() & keys[1])]
    async with watched("compare") as meter:
        meter.expect(len(both), sum(one.size for one, _ in both))

        async def compare(pair: tuple[Entry, Entry]) -> None:
            if await _is_same(pair, ends):
                found.same += 1
                found.bytes += pair[0].size
            else:
                found.different.append(pair[0].key)
            meter.advance(pair[0].size)

        await run_each(both, compare, parallel)
    found.different.sort()
    return found


async def _is_same(pair: tuple[Entry, Entry], ends: tuple[End, End]) -> bool:
    if pair[0].size != pair[1].size:
        return False
    seen = [await see(end.store, entry.key, entry.size) for end, entry in zip(ends, pair, strict=True)]
    return seen[0].digest == seen[1].digest


def _print(found: Comparison, first: str, second: str) -> None:
    for place, keys in zip((first, second), found.only, strict=True):
        for key in keys:
            echo(f"only in {place}: {key}", "yellow")
    for key in found.different:
        echo(f"differs: {key}", "red")
    same = f"{count_of(found.same, 'file')} the same ({size_of(found.bytes)})"
    only = f"{len(found.only[0])} only in {first}, {len(found.only[1])} only in {second}"
    echo(f"{same}." if found.equal else f"{len(found.different)} differ, {only}; {same}.")


def _as_json(found: Comparison, first: str, second: str) -> dict[str, Any]:
    return {
        "equal": found.equal,
        "first": first,
        "second": second,
        "same": found.same,
        "bytes": found.bytes,
        "different": found.different,
        "onlyInFirst": found.only[0],
        "onlyInSecond": found.only[1],
    }
