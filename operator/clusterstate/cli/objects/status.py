"""`clusterstate status`: how one ClusterState is, on one screen, or all of them in a table."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import click

from clusterstate.api.types import API_VERSION, KIND, PLURAL
from clusterstate.cli.manners import say
from clusterstate.cli.objects.screen import make_screen
from clusterstate.cli.objects.view import View, since
from clusterstate.cli.output import as_text, echo, echo_table
from clusterstate.cli.reading import namespace_of, reading
from clusterstate.cli.words import Target
from clusterstate.kube.client import connect
from clusterstate.kube.kinds import CLUSTER_STATES, JsonObject

HEADERS: Final = ("NAME", "READY", "REASON", "STORE", "DRIFT", "AGE")
MORE_HEADERS: Final = ("CLUSTER", "SYNC", "SUMMARY")


async def show_status(target: Target, output: str) -> int:
    """Print one screen, or what of the object the operator reports."""
    async with reading(target) as (_, body):
        pass
    match output:
        case "name":
            click.echo(_name(body))
        case "json" | "yaml":
            click.echo(as_text(_reported(body), output))
        case _:
            for line, colour in make_screen(View.of(body), datetime.now(UTC), wide=output == "wide"):
                echo(line, colour)
    return 0


async def show_statuses(target: Target, output: str, *, everywhere: bool) -> int:
    """Print a row for each object of a namespace, or of all."""
    namespace = None if everywhere else namespace_of(target)
    async with await connect(target.kubeconfig, target.context) as client:
        bodies = [body async for body in client.list(CLUSTER_STATES, namespace)]
    match output:
        case "name":
            for body in bodies:
                click.echo(_name(body))
        case "json" | "yaml":
            click.echo(as_text({"items": [_reported(body) for body in bodies]}, output))
        case _ if bodies:
            _show_table(bodies, everywhere=everywhere, wide=output == "wide")
        case _:
            say(f"There is no ClusterState in {f'namespace {namespace}' if namespace else 'any namespace'}.")
    return 0


def _show_table(bodies: list[JsonObject], *, everywhere: bool, wide: bool) -> None:
    now = datetime.now(UTC)
    headers = (*(("NAMESPACE",) if everywhere else ()), *HEADERS, *(MORE_HEADERS if wide else ()))
    rows = (tuple(_cells(View.of(body), now, everywhere=everywhere, wide=wide)) for body in bodies)
    echo_table(headers, rows)


def _cells(view: View, now: datetime, *, everywhere: bool, wide: bool) -> Iterator[str]:
    if everywhere:
        yield view.metadata.namespace
    store = (view.status.store and view.status.store.url) or view.url
    yield from (view.metadata.name, view.ready.status, view.ready.reason, store)
    yield from (str(view.drift), since(view.metadata.creation_timestamp, now))
    if wide:
        yield from (view.cluster, "suspended" if view.suspended else view.way, view.status.summary or "-")


def _name(body: JsonObject) -> str:
    """Name an object as kubectl does."""
    return f"{PLURAL.removesuffix('s')}.{API_VERSION.partition('/')[0]}/{body['metadata']['name']}"


def _reported(body: JsonObject) -> JsonObject:
    """Give what the operator reports: the spec may hold secrets."""
    metadata = {name: body["metadata"].get(name) for name in ("name", "namespace", "uid", "generation")}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "status": body.get("status") or {}}
