"""The operator as one process: kopf watches, our queue works, watches of ours follow mirrors and references.

kopf is used for what it is best at, a watch that survives everything, through `@kopf.on.event` alone: its other
handlers keep a copy of the spec in annotations and put finalizers on objects.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import kopf

from clusterstate.api.annotations import GROUP, MANAGED_BY, MANAGED_BY_LABEL
from clusterstate.api.types import PLURAL, VERSION
from clusterstate.context import Context
from clusterstate.handlers.controller import Controller
from clusterstate.handlers.jobs import until_first_ends
from clusterstate.handlers.leadership import Leadership, electing, told_to_stop
from clusterstate.handlers.meters import Meters, watch_loop
from clusterstate.handlers.metrics import expose
from clusterstate.handlers.mirrors import MirrorIndex
from clusterstate.handlers.recording import Recorder
from clusterstate.handlers.references import References
from clusterstate.handlers.shards import Shards
from clusterstate.handlers.tracing import tracing
from clusterstate.handlers.unserved import Unserved
from clusterstate.handlers.web import serving
from clusterstate.kube.client import Client, connect
from clusterstate.kube.informer import Informer
from clusterstate.kube.kinds import CLUSTER_STATES, SECRETS
from clusterstate.kube.login import Login, choose_source
from clusterstate.mirror.record import MirrorRecord, reduce
from clusterstate.policy import Policy, describe_policy
from clusterstate.settings import NAMED, Settings

log = logging.getLogger(__name__)

CHUNK = 100
"""Objects per page of a list: specs may have 500 KiB each."""
RECURSION = 40_000
"""Frames. The API server takes JSON of 10,000 levels; what reads it recurses, and must live to see it refused."""
LOGIN_LIFE = timedelta(minutes=10)
"""How long kopf keeps what it logged in with: a Pod's token is renewed more slowly, an exec plugin's as well."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where the Kubernetes API is: a kubeconfig and one of its contexts, else the Pod that we run in."""

    kubeconfig: Path | None = None
    context: str | None = None


async def run_operator(settings: Settings, policy: Policy, door: Door, environ: Mapping[str, str]) -> None:
    """Run until SIGTERM or SIGINT; runs under way are cancelled then, and every file stays whole.

    Raises `KubeError` when the API can't be reached at the start of the work, `LeadershipLost` where another may lead,
    `SpecInvalid` for traces that can't be had.
    """
    sys.setrecursionlimit(RECURSION)
    async with (
        tracing(environ) as tracer,
        await connect(door.kubeconfig, door.context) as client,
        electing(door.kubeconfig, door.context, settings) as shards,
    ):
        leadership = Leadership(client, settings, shards)
        index, watching, named = MirrorIndex(), asyncio.Event(), settings.secrets_rbac == NAMED
        references = References(client, named=named)
        context = Context(client, settings, environ, index.present, references.versions, policy)
        meters = Meters()
        controller = Controller(context, references.set, Recorder(meters, tracer), shards)
        expose(meters.registry, controller.bodies, controller.queue, lambda: leadership.leads)
        if shards is not None:
            _join(shards, controller, meters)
        index.on_change, references.on_change = controller.mirror_changed, controller.reference_changed
        presence, informer = _informers(client, settings, controller, index)
        # Where RBAC names single Secrets, mirrors may not be listed: then runs ask for each that they want.
        known = (informer.answered if named else informer.synced, presence.synced)

        async def work() -> None:
            log.info("%s", describe_policy(policy, settings.policy))
            await _learn_claims(client, settings, controller)
            await until_first_ends(
                informer.run(),
                presence.run(),
                references.run(),
                _work(known, controller),
                _watch(settings, door, controller, watching),
            )

        async with serving(settings.metrics_address, meters.registry, lambda: leadership.is_ready(known)):
            await until_first_ends(told_to_stop(watching), leadership.run(work), watch_loop(meters.lag.observe))


def _join(shards: Shards, controller: Controller, meters: Meters) -> None:
    """Have the controller work on the objects of the shards that are won."""
    shards.on_gain, shards.named = controller.shards_gained, controller.leases_named
    meters.registry.register(Unserved(lambda: controller.others.count_unserved(shards.is_served)))


def _informers(
    client: Client, settings: Settings, controller: Controller, index: MirrorIndex
) -> tuple[Informer[str], Informer[MirrorRecord]]:
    """Give the watch of which objects there are, and that of mirrors."""
    where = settings.namespaces or None
    presence = Informer(client, CLUSTER_STATES.without_bodies, where, "", _uid, controller.presence_changed)
    return presence, Informer(client, SECRETS, where, f"{MANAGED_BY_LABEL}={MANAGED_BY}", reduce, index.take)


async def _learn_claims(client: Client, settings: Settings, controller: Controller) -> None:
    """Hear of every object before the first run: the oldest of those that share a state must be known to all."""
    for namespace in settings.namespaces or (None,):
        async for body in client.list(CLUSTER_STATES, namespace, chunk=CHUNK):
            controller.foresee(body)


def _uid(body: Mapping[str, Any]) -> str:
    uid: str = body["metadata"]["uid"]
    return uid


async def _work(synced: tuple[asyncio.Event, ...], controller: Controller) -> None:
    for each in synced:
        await each.wait()
    controller.drop_phantoms()
    await controller.work()


async def _watch(settings: Settings, door: Door, controller: Controller, watching: asyncio.Event) -> None:
    await kopf.operator(
        registry=_registry(controller, door),
        settings=_kopf_settings(),
        identity="clusterstate",  # type: ignore[arg-type] # else the user's name, which in the image nobody has
        standalone=True,
        ready_flag=watching,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )


def _registry(controller: Controller, door: Door) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    @kopf.on.login(registry=registry)
    async def login(**_: object) -> kopf.ConnectionInfo:
        return await _log_in(door)

    @kopf.on.event(GROUP, VERSION, PLURAL, registry=registry)
    async def observe(event: kopf.RawEvent, **_: object) -> None:
        controller.observe(event["object"], deleted=event["type"] == "DELETED")

    return registry


async def _log_in(door: Door) -> kopf.ConnectionInfo:
    login = await Login.read(choose_source(door.kubeconfig, door.context))
    configuration = login.configuration
    scheme, _, token = (await login.authorization()).get("Authorization", "").partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert or None,
        insecure=not configuration.verify_ssl,
        certificate_path=configuration.cert_file or None,
        private_key_path=configuration.key_file or None,
        proxy_url=configuration.proxy or None,
        scheme=scheme or None,
        token=token or None,
        expiration=datetime.now(UTC) + LOGIN_LIFE,
    )


def _kopf_settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # Events are written with the status, by the same rules
    settings.scanning.disabled = True  # the CRD is there before the operator, and namespaces are named, not globbed
    settings.watching.chunk_size = CHUNK
    settings.watching.server_timeout = 600  # a watch that ends by itself never freezes behind a load balancer
    settings.queueing.idle_timeout = 0.1  # a worker per object lives that long after its event; ours only take notes
    settings.process.ultimate_exiting_timeout = 30
    return settings
