"""`clusterstate node-agent`: mirrors, or a store, as files on a node."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from clusterstate.api.durations import parse_duration
from clusterstate.api.store import StoreSpec
from clusterstate.errors import SpecInvalid
from clusterstate.gather import own_access
from clusterstate.handlers.web import serving
from clusterstate.kube.client import Client, connect
from clusterstate.kube.login import home_namespace
from clusterstate.node.agent import Agent
from clusterstate.node.config import Configuration, load_configuration, require_source
from clusterstate.node.sources import ApiSource, Source, make_store_source
from clusterstate.settings import Address

BEHIND: Final = "clusterstate_node_sets_behind"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was said on the command line."""

    config: Path
    store: str | None
    """URL of a store to read in place of mirrors."""
    timeout: float | None
    """Seconds after which to give up where each set is written once; None: keep them until told to stop."""
    kubeconfig: Path | None
    context: str | None
    address: Address | None
    """Where to tell how the agent is; None: nowhere."""


async def run_agent(wish: Wish, environ: Mapping[str, str]) -> int:
    """Keep the files until SIGTERM or SIGINT, or write them once; give the exit code.

    Raises `SpecInvalid` or `MalformedFile` for a configuration that can't be used, `FilesNotWritten` when a set isn't
    written in time, `KubeRefused` where nobody says who we are for the API server.
    """
    configuration = read_configuration(wish.config)
    async with _source(wish, configuration, environ) as source:
        agent = Agent(configuration, source)
        work = asyncio.create_task(_serve(agent, wish) if wish.timeout is None else agent.once(wish.timeout))
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, work.cancel)
        stopped = wish.timeout is None
        try:
            await work
        except asyncio.CancelledError:
            return 0 if stopped else 1
    return 0


async def _serve(agent: Agent, wish: Wish) -> None:
    registry = CollectorRegistry()
    Gauge(BEHIND, "How many sets of files aren't what their mirrors say.", registry=registry).set_function(
        lambda: agent.behind
    )
    async with serving(wish.address, registry, lambda: not agent.behind):
        await agent.run()


def read_configuration(path: Path) -> Configuration:
    """Read the file that says what to do."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SpecInvalid(f"The configuration {path} can't be read: {error.strerror}. Name another.") from None
    return load_configuration(data, str(path))


@asynccontextmanager
async def _source(wish: Wish, configuration: Configuration, environ: Mapping[str, str]) -> AsyncIterator[Source]:
    namespace = configuration.namespace or home_namespace(wish.kubeconfig, wish.context)
    if wish.store is None:
        async with await connect(wish.kubeconfig, wish.context) as client:
            yield ApiSource(client, namespace, configuration.secrets)
        return
    owner, cluster_name, mirror = require_source(configuration, str(wish.config), namespace)
    access = own_access(StoreSpec(url=wish.store), namespace, cluster_name, environ)
    interval = parse_duration(configuration.interval).total_seconds()
    async with _client_for(wish, access.store.scheme) as kube:
        yield make_store_source(kube, access, owner, mirror, interval)


@asynccontextmanager
async def _client_for(wish: Wish, scheme: str) -> AsyncIterator[Client | None]:
    """Give a client where the store is Kubernetes itself."""
    if scheme != "k8s":
        yield None
        return
    async with await connect(wish.kubeconfig, wish.context) as client:
        yield client
