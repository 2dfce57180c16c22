"""How an import tells what it is going to do, and what it has done."""

from collections.abc import Iterable, Iterator
from typing import Final

from clusterstate.cli.files.job import Arrival
from clusterstate.cli.manners import say
from clusterstate.cli.output import echo
from clusterstate.cli.showing import SIGNS
from clusterstate.plan.changes import Action
from clusterstate.plan.naming import named

_WORDS: Final = {Action.CREATE: "to create", Action.UPDATE: "to change", Action.DELETE: "to delete"}


def show_arrivals(arrivals: Iterable[Arrival], url: str) -> int:
    """Print what would be written, and give of how many files."""
    counts = dict.fromkeys(_WORDS, 0)
    for arrival in arrivals:
        for key in (*arrival.exchange.writes, *arrival.exchange.deletes):
            action = arrival.exchange.action(key, arrival.there)
            counts[action] += 1
            sign, colour = SIGNS[action]
            echo(f"{sign} {arrival.cluster}/{key}: {_sizes(arrival, key, action)}", colour)
        for line in _remarks(arrival):
            say(line)
    parts = [f"{count} {_WORDS[action]}" for action, count in counts.items() if count]
    echo(f"{', '.join(parts) or 'Nothing to change'} in {url}.")
    return sum(counts.values())


def tell_arrival(arrival: Arrival) -> None:
    """Say what was written."""
    done = arrival.exchange
    deleted = f", {len(done.deletes)} deleted" if done.deletes else ""
    say(f"{arrival.cluster}: {len(done.writes)} written{deleted}.")


def _sizes(arrival: Arrival, key: str, action: Action) -> str:
    before = arrival.listing.entries[key].size if key in arrival.listing.entries else 0
    after = arrival.entries[key].size if key in arrival.entries else 0
    return f"{before} -> {after} bytes" if action is Action.UPDATE else f"{after or before} bytes"


def _remarks(arrival: Arrival) -> Iterator[str]:
    exchange, cluster = arrival.exchange, arrival.cluster
    changed = [key for key in exchange.left if key in arrival.there]
    gone = [key for key in exchange.left if key not in arrival.there]
    if changed:
        yield (
            f"{cluster}: left as the store has changed it since the export: {named(changed)}. Export again to have it "
            "here, or say --overwrite to have the directory's there."
        )
    if gone:
        # Nobody is sent to an export: that would remove what may be the last copy.
        yield f"{cluster}: gone from the store since the export, left so: {named(gone)}. --overwrite writes it again."
    if exchange.spared:
        yield f"{cluster}: gone from the directory, left in the store: {named(exchange.spared)}. --delete deletes it."
    if exchange.kept:
        yield (
            f"{cluster}: gone from the directory, left in the store: {named(exchange.kept)}. No import deletes keys, "
            "secrets or the configuration."
        )
