"""What the commands about one ClusterState read."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from clusterstate.api.basics import DNS_NAME
from clusterstate.api.status import Status
from clusterstate.api.types import Metadata
from clusterstate.cli.words import Target
from clusterstate.errors import CommandInvalid, ObjectNotFound
from clusterstate.kube.client import Client, connect
from clusterstate.kube.kinds import CLUSTER_STATES, JsonObject
from clusterstate.kube.login import home_namespace


@asynccontextmanager
async def reading(target: Target) -> AsyncIterator[tuple[Client, JsonObject]]:
    """Give a client that acts as the person, and the object."""
    namespace = namespace_of(target)
    _require_name(target.name, "ClusterState")
    async with await connect(target.kubeconfig, target.context) as client:
        try:
            body = await client.get(CLUSTER_STATES, namespace, target.name)
        except ObjectNotFound:
            raise ObjectNotFound(
                f"There is no ClusterState {target.name} in namespace {namespace}. Name another, or its namespace with "
                "-n."
            ) from None
        yield client, body


def namespace_of(target: Target) -> str:
    """Give the namespace that is meant."""
    namespace = target.namespace or home_namespace(target.kubeconfig, target.context)
    _require_name(namespace, "namespace")
    return namespace


def _require_name(name: str, what: str) -> None:
    """Have nothing in a URL that would lead elsewhere."""
    if re.fullmatch(DNS_NAME, name) is None:
        raise CommandInvalid(f"{name!r} can't be the name of a {what}. Give one of small letters, digits, '-' and '.'.")


def metadata_of(body: JsonObject) -> Metadata:
    """Read what is said about an object, whatever its spec is like."""
    return msgspec.convert(body["metadata"], Metadata)


def status_of(body: JsonObject) -> Status:
    """Read what the operator reports; of a status that only a newer one understands, that it is such."""
    try:
        return msgspec.convert(body.get("status") or {}, Status)
    except msgspec.ValidationError as error:
        return Status(summary=f"its status can't be read by this version: {error}")
