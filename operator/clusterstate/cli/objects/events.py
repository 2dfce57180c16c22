"""`clusterstate events`: what the operator told of one ClusterState, and what it tells from now on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import click

from clusterstate.cli.manners import say
from clusterstate.cli.output import as_text, echo, echo_table, json_text
from clusterstate.cli.reading import reading
from clusterstate.cli.words import Target
from clusterstate.kube.client import Client, Selection
from clusterstate.kube.following import Following
from clusterstate.kube.kinds import EVENTS, JsonObject
from clusterstate.kube.watching import WatchEvent

HEADERS: Final = ("TIME", "TYPE", "REASON", "MESSAGE")
WIDTHS: Final = (20, 7, 20)
"""Columns of what comes one by one: a time, Normal or Warning, most reasons."""


async def show_events(target: Target, output: str, *, watch: bool) -> int:
    """Print what there is; with `watch`, go on until interrupted, whatever happens to the connection.

    Raises `KubeForbidden` where nobody allowed that.
    """
    async with reading(target) as (client, body):
        metadata = body["metadata"]
        selection = Selection(EVENTS, metadata["namespace"], fields=f"involvedObject.uid={metadata['uid']}")
        told = _Told(client, selection, output if watch else "")
        version = await told.learn()
        if watch:
            following = Following(client, selection, told.learn, told.take, insists=False)
            following.version = version
            await following.run()
    _show(told.events.values(), output, target.name)
    return 0


@dataclass
class _Told:
    """The Events that were seen; with an output, each is printed once, when it comes."""

    client: Client
    selection: Selection
    output: str
    events: dict[tuple[str, str], JsonObject] = field(default_factory=dict)
    """By uid and resource version: one that happens again is another."""

    async def learn(self) -> str:
        """Take in what there is, in the order of time; give the version to watch from."""
        pages = [page async for page in self.client.pages(self.selection)]
        for body in sorted((body for page in pages for body in page.objects), key=_time):
            self._add(body)
        return pages[0].metadata.resource_version

    def take(self, event: WatchEvent) -> None:
        """Take in what comes."""
        if event.type in {"ADDED", "MODIFIED"}:
            self._add(event.object)

    def _add(self, body: JsonObject) -> None:
        key = (body["metadata"]["uid"], body["metadata"]["resourceVersion"])
        if key not in self.events and self.output:
            _show_one(body, self.output)
        self.events[key] = body


def _show(events: Iterable[JsonObject], output: str, name: str) -> None:
    rows = [_row(body) for body in events]
    if output != "table":
        click.echo(as_text({"events": rows}, output))
    elif rows:
        echo_table(HEADERS, [tuple(row.values()) for row in rows])
    else:
        say(f"Nothing was told of ClusterState {name} lately; the API server keeps Events for an hour.")


def _show_one(body: JsonObject, output: str) -> None:
    """Print one Event on one line, at once."""
    row = _row(body)
    if output == "table":
        *cells, message = row.values()
        echo("   ".join([*map(str.ljust, cells, WIDTHS), message]), "yellow" if row["type"] == "Warning" else None)
    else:
        click.echo(json_text(row))


def _row(body: JsonObject) -> dict[str, str]:
    said = {name: str(body.get(name) or "") for name in ("type", "reason", "message")}
    return {"time": _time(body), **said}


def _time(body: JsonObject) -> str:
    """Give when it happened last, in RFC 3339: two kinds of clients write it into two fields."""
    times = (body.get("lastTimestamp"), body.get("eventTime"), body["metadata"].get("creationTimestamp"))
    return next((str(each) for each in times if each), "")
