"""Stores on the suite's control plane, reached as the operator and by kubeconfigs of tenants."""

import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from clusterstate.kube.client import connect
from clusterstate.sandbox.controlplane import ISSUER, ControlPlane
from clusterstate.store.backends.kubernetes import files
from clusterstate.store.backends.kubernetes.namespace import Namespace
from clusterstate.store.backends.kubernetes.opening import open_namespace
from clusterstate.store.backends.kubernetes.store import KubernetesStore
from clusterstate.store.base import Store
from clusterstate.store.credentials import NO_CREDENTIALS, Credentials
from clusterstate.store.endpoint_policy import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.opening import Opening
from clusterstate.store.options import StoreOptions
from tests.kube.proxies import Answer
from tests.store.opening import LOOPBACK, opened, secret

FAR = {"apiVersion": "v1", "kind": "Config", "current-context": "x"}


def kubeconfig(server: str, user: dict[str, Any], **cluster: Any) -> str:
    """Give a kubeconfig with one context."""
    config = {
        **FAR,
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "ignored"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    return json.dumps(config)


def far(server: str, token: str, **cluster: Any) -> Credentials:
    """Give the credentials of somebody with a token."""
    return secret("k8s", {"kubeconfig": kubeconfig(server, {"token": token}, **cluster)})


@asynccontextmanager
async def near(plane: ControlPlane, url: str, *, allowed: tuple[str, ...] = ("*",)) -> AsyncIterator[Store]:
    """Open a store in the operator's own cluster, by a client of its own."""
    policy = EndpointPolicy(namespaces=allowed)
    async with (
        await connect(plane.kubeconfig) as client,
        opened(url, NO_CREDENTIALS, policy=policy, kube=client) as store,
    ):
        yield store


@asynccontextmanager
async def bare(plane: ControlPlane, namespace: str) -> AsyncIterator[KubernetesStore]:
    """Give a store of the operator's own cluster without wrappers."""
    async with await connect(plane.kubeconfig) as client:
        yield KubernetesStore(Namespace(client.once(), namespace))


@asynccontextmanager
async def unretried(url: str) -> AsyncIterator[KubernetesStore]:
    """Give a store of another cluster's namespace `n` without wrappers."""
    async with namespace_at(url) as namespace:
        yield KubernetesStore(namespace)


@asynccontextmanager
async def namespace_at(url: str) -> AsyncIterator[Namespace]:
    """Give another cluster's namespace `n`."""
    opening = Opening(Location.parse("k8s:///n/c.example.com"), StoreOptions(), far(url, "token"), LOOPBACK)
    namespace = await open_namespace(opening)
    yield namespace
    await namespace.close()


def served_head(key: str = "file", data: bytes = b"x", **annotations: str) -> dict[str, Any]:
    """Give a file's Secret as an API server would."""
    head = files.make_head("n", key, files.pack(data))
    head["metadata"] |= {"resourceVersion": "1", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    head["metadata"]["annotations"] |= annotations
    return head


def everywhere(body: dict[str, Any]) -> Answer:
    """Answer everything with one object; lists hold it."""

    async def answer(request: web.Request) -> web.StreamResponse:
        listed = request.method == "GET" and "limit" in request.query
        return web.json_response({"metadata": {}, "items": [body]} if listed else body)

    return answer


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda body: body["metadata"].pop(name)


def _with(**metadata: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda body: body["metadata"].update(metadata)


GARBAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no metadata": lambda body: body.pop("metadata"),
    "metadata is null": lambda body: body.update(metadata=None),
    "metadata is a list": lambda body: body.update(metadata=["canary"]),
    "no name": _without("name"),
    "name is a number": _with(name=1),
    "no resourceVersion": _without("resourceVersion"),
    "resourceVersion is empty": _with(resourceVersion=""),
    "resourceVersion is long": _with(resourceVersion="1" * 1000),
    "no uid": _without("uid"),
    "uid is a list": _with(uid=["canary"]),
    "no creationTimestamp": _without("creationTimestamp"),
    "creationTimestamp is no time": _with(creationTimestamp="canary"),
    "creationTimestamp has no zone": _with(creationTimestamp="2026-01-01T00:00:00"),
    "creationTimestamp is before all time": _with(creationTimestamp="0001-01-01T00:00:00+23:00"),
    "deletionTimestamp is a number": _with(deletionTimestamp=1),
    "finalizers are a text": _with(finalizers="canary"),
    "labels are a list": _with(labels=["canary"]),
    "annotations are a list": _with(annotations=["canary"]),
    "an annotation is a number": _with(annotations={files.KEY: 1}),
    "managedFields are a text": _with(managedFields="canary"),
    "managedFields are texts": _with(managedFields=["canary"]),
    "a time of managedFields is none": _with(managedFields=[{"time": "canary"}]),
}
"""What may be wrong with the metadata of an object."""


def ca_of(plane: ControlPlane) -> str:
    """Give the control plane's authority as a kubeconfig has it."""
    return base64.b64encode(plane.ca_file.read_bytes()).decode()


def expired_token(plane: ControlPlane, namespace: str) -> str:
    """Give a token that the API server would have given an hour ago, for ten minutes."""
    key = load_pem_private_key((plane.directory / "pki" / "sa.key").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    then = int(time.time()) - 3600
    account = {"name": "late", "uid": secrets.token_hex(8)}
    claims = {
        "iss": ISSUER,
        "aud": [ISSUER],
        "sub": f"system:serviceaccount:{namespace}:late",
        "iat": then,
        "nbf": then,
        "exp": then + 600,
        "kubernetes.io": {"namespace": namespace, "serviceaccount": account},
    }
    text = f"{_part({'alg': 'RS256'})}.{_part(claims)}"
    return f"{text}.{_encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _part(content: dict[str, Any]) -> str:
    return _encode(json.dumps(content).encode())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def objects(plane: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    """Give the namespace's Secrets as an administrator sees them."""
    items: list[dict[str, Any]] = plane.api().request("GET", f"/api/v1/namespaces/{namespace}/secrets")["items"]
    return items
