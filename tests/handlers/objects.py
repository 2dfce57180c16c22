"""ClusterStates as the API server shows them, and a controller that has nobody to talk to."""

from collections.abc import Mapping
from typing import Any, cast

from clusterstate.context import Context
from clusterstate.handlers.controller import Controller
from clusterstate.kube.client import Client
from clusterstate.mirror.record import MirrorRecord
from clusterstate.settings import Settings

Body = dict[str, Any]
KEY = ("clusters", "prod")


def body(version: int, *, uid: str = "u1", metadata: Mapping[str, Any] | None = None, **spec: Any) -> Body:
    """Give `clusters/prod`; an older uid was created earlier."""
    return {
        "metadata": {
            "namespace": "clusters",
            "name": "prod",
            "uid": uid,
            "resourceVersion": str(version),
            "generation": 1,
            "creationTimestamp": f"2026-01-0{uid[1:]}T00:00:00Z",
            **(metadata or {}),
        },
        "spec": {"store": {"url": "memfs://store"}, **spec},
    }


def make_controller(**context: Any) -> Controller:
    return Controller(Context(cast("Client", None), Settings(), {}, lambda *_: {}, **context))


def mirror(name: str, owner: str | None, digest: str = "d") -> MirrorRecord:
    return MirrorRecord("clusters", name, "s", "1", owner, "keyset/ca", "Opaque", deleting=False, digest=digest)
