"""Files of one cluster, two contents of each, from a store that the real kops wrote."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import yaml

from tests.state.files import STATES

COMPLEX = STATES[1]
SSH = next((COMPLEX / "pki/ssh/public/admin").iterdir())


@dataclass(frozen=True)
class Sample:
    key: str
    first: bytes
    second: bytes


def samples(cluster: str) -> dict[str, Sample]:
    """Give one file of each kind, as it would be for a cluster of this name."""
    config = (COMPLEX / "config").read_bytes().replace(COMPLEX.name.encode(), cluster.encode())
    group = (COMPLEX / "instancegroup/nodes-us-east-1a").read_bytes().replace(COMPLEX.name.encode(), cluster.encode())
    keyset, other = (
        (COMPLEX / f"pki/private/{name}/keyset.yaml").read_bytes() for name in ("kubernetes-ca", "etcd-manager-ca-main")
    )
    ssh = SSH.read_bytes()
    each = [
        Sample("config", config, config.replace(b"channel: stable", b"channel: alpha")),
        Sample("instancegroup/nodes-us-east-1a", group, group.replace(b"maxSize: 4", b"maxSize: 5")),
        Sample(
            "pki/private/kubernetes-ca/keyset.yaml",
            keyset,
            other.replace(b"name: etcd-manager-ca-main", b"name: kubernetes-ca"),
        ),
        Sample("secrets/dockerconfig", secret(b"one"), secret(b"two")),
        Sample(f"pki/ssh/public/admin/{SSH.name}", ssh, b" ".join(ssh.split()[:2]) + b" somebody else\n"),
        Sample("addons/a.yaml", b"one", b"two"),
    ]
    return dict(zip(KINDS, each, strict=True))


KINDS = ("config", "instance group", "keyset", "secret", "ssh key", "other file")


def secret(data: bytes) -> bytes:
    return b'{"Data":"%s"}' % base64.b64encode(data)


def meaning(data: bytes) -> Any:
    """Give what a file means: of a document the spec and the labels, else its bytes."""
    if not data.startswith(b"apiVersion"):
        return data
    body = yaml.safe_load(data)
    return json.dumps(
        [body["kind"], body["metadata"]["name"], body["metadata"].get("labels"), body["spec"]], default=str
    )
