"""What one installation of the operator has for itself: a namespace, and a key that all its replicas share."""

import base64
import binascii
import secrets
from pathlib import Path
from typing import Any, Final

from clusterstate.errors import KubeRefused, ObjectExists, ObjectNotFound
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import SECRETS

NAME: Final = "clusterstate-installation"
KEY: Final = "hmac"
LENGTH: Final = 32
"""Bytes of the key."""
NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a Pod is told its namespace."""


def own_namespace(file: Path = NAMESPACE_FILE) -> str:
    """Give the namespace of the Pod that we run in; empty outside one."""
    return file.read_text().strip() if file.is_file() else ""


async def find_installation_key(client: Client, namespace: str) -> bytes | None:
    """Give the installation's key, None where nobody has needed one yet. Raises as `installation_key` does."""
    try:
        return _key(await client.get(SECRETS, namespace, NAME), namespace)
    except ObjectNotFound:
        return None


async def installation_key(client: Client, namespace: str) -> bytes:
    """Give the installation's key, made by whoever needs it first.

    Raises `KubeForbidden`, or `KubeRefused` where the Secret holds no such key.
    """
    if (key := await find_installation_key(client, namespace)) is not None:
        return key
    try:
        return _key(await client.create(SECRETS, _manifest(namespace)), namespace)
    except ObjectExists:  # another replica was faster
        return _key(await client.get(SECRETS, namespace, NAME), namespace)


def _manifest(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": NAME, "namespace": namespace},
        "type": "Opaque",
        "immutable": True,
        "data": {KEY: base64.b64encode(secrets.token_bytes(LENGTH)).decode()},
    }


def _key(secret: dict[str, Any], namespace: str) -> bytes:
    try:
        key = base64.b64decode((secret.get("data") or {}).get(KEY, ""), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < LENGTH:
        raise KubeRefused(
            f"Secret {namespace}/{NAME} holds no {KEY} of {LENGTH} bytes. Restore it, or delete it: a new one is made."
        )
    return key
