"""What the commands about one ClusterState read, and how they print what isn't a table."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import click
import msgspec

from clusterstate.api.types import Metadata
from clusterstate.cli.target import Target
from clusterstate.errors import ObjectNotFound
from clusterstate.kube.client import Client, connect
from clusterstate.kube.kinds import CLUSTER_STATES, JsonObject
from clusterstate.kube.login import home_namespace
from clusterstate.state.yaml import dump


@asynccontextmanager
async def reading(target: Target) -> AsyncIterator[tuple[Client, JsonObject]]:
    """Give a client that acts as the person, and the object."""
    namespace = target.namespace or home_namespace(target.kubeconfig, target.context)
    async with await connect(target.kubeconfig, target.context) as client:
        try:
            body = await client.get(CLUSTER_STATES, namespace, target.name)
        except ObjectNotFound:
            raise ObjectNotFound(
                f"There is no ClusterState {target.name} in namespace {namespace}. Name another, or its namespace with "
                "-n."
            ) from None
        yield client, body


def metadata_of(body: JsonObject) -> Metadata:
    """Read what is said about an object, whatever its spec is like."""
    return msgspec.convert(body["metadata"], Metadata)


def as_text(value: Mapping[str, Any], output: str) -> str:
    """Give JSON or YAML."""
    return json.dumps(value, indent=2, ensure_ascii=False) if output == "json" else dump({**value}).decode().rstrip()


def printable(text: str) -> str:
    """Give a text that does nothing to a terminal: names in a store are anybody's."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def echo_diff(lines: list[str]) -> None:
    """Print lines of a unified diff, in colour on a terminal."""
    for line in lines:
        click.secho(printable(line), fg={"+": "green", "-": "red", "@": "cyan"}.get(line[:1]))
