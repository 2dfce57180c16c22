"""Kubernetes itself: files as Secrets, and kops's own objects, written and read with nothing of the operator's."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from clusterstate.sandbox.apiclient import ApiClient
from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.kopscrds import KopsObjects, install_kops_crds, open_namespace_for
from tests.support.operating import Operating

PREFIX = "clusterstate.dev"
CLUSTER = "prod.example.com"
PLURALS = {"Cluster": "clusters", "InstanceGroup": "instancegroups", "Keyset": "keysets"}


class Plain:
    """An example that stands as it is, for an operator without more in its environment."""

    @property
    def replacements(self) -> Mapping[str, str]:
        return {}

    @property
    def environ(self) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True)
class SecretsBacking(Plain):
    """A namespace whose Secrets are files."""

    api: ApiClient
    namespace: str

    @property
    def url(self) -> str:
        return f"k8s:///{self.namespace}"

    def put(self, key: str, data: bytes) -> None:
        """Write a Secret as docs/stores/k8s.md describes it."""
        folders = key.split("/")[:-1]
        paths = ["/".join(folders[: level + 1]) for level in range(len(folders))]
        labels = {f"{PREFIX}/folder-{level}": short(path) for level, path in enumerate(paths, start=1)}
        annotations = {"key": key, "size": str(len(data)), "sha256": hashlib.sha256(data).hexdigest()}
        metadata = {
            "name": f"clusterstate-{short(key)}",
            "labels": {f"{PREFIX}/file": short(key), **labels},
            "annotations": {f"{PREFIX}/{name}": value for name, value in annotations.items()},
        }
        encoded = base64.b64encode(data).decode()
        body = {"metadata": metadata, "type": f"{PREFIX}/file", "data": {"file": encoded}}
        if self.api.find(f"{self._path}/{metadata['name']}") is None:
            self.api.request("POST", self._path, body)
        else:
            self.api.request("PUT", f"{self._path}/{metadata['name']}", body)

    def read(self, key: str) -> bytes:
        secret = self.api.request("GET", f"{self._path}/clusterstate-{short(key)}")
        return base64.b64decode(secret["data"]["file"])

    def keys(self) -> list[str]:
        return list(self.files())

    def files(self) -> dict[str, bytes]:
        items = self.api.request("GET", f"{self._path}?fieldSelector=type={PREFIX}/file")["items"]
        return {
            each["metadata"]["annotations"][f"{PREFIX}/key"]: base64.b64decode(each["data"]["file"]) for each in items
        }

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/secrets"


def short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]


@dataclass(frozen=True)
class ObjectsBacking(Plain):
    """A namespace with kops's objects of one cluster, seen as the files that kops would have."""

    objects: KopsObjects

    @property
    def url(self) -> str:
        return f"k8s:///{self.objects.namespace}"

    def put(self, key: str, data: bytes) -> None:
        kind, name, body = form(key.removeprefix(f"{CLUSTER}/"), data)
        plural = PLURALS.get(kind, "sshcredentials")
        there = self.objects.find(plural, name)
        if there is None:
            self.objects.create(kind, name, body["spec"], labels=body.get("metadata", {}).get("labels", {}))
        else:
            self.objects.replace(plural, {**there, "spec": body["spec"]})

    def read(self, key: str) -> bytes:
        return self.files()[key]

    def files(self) -> dict[str, bytes]:
        found = {"config": self.objects.find("clusters", CLUSTER)}
        found |= {f"instancegroup/{each['metadata']['name']}": each for each in self.objects.list("instancegroups")}
        found |= {f"keyset/{each['metadata']['name']}": each for each in self.objects.list("keysets")}
        return {f"{CLUSTER}/{key}": text(body) for key, body in found.items() if body is not None}


def form(key: str, data: bytes) -> tuple[str, str, dict[str, Any]]:
    """Give kind, name and content of the object that kops has for a file."""
    name = key.rpartition("/")[2]
    if key.startswith("secrets/"):
        item = {"id": "7712470189612478148404306346", "privateMaterial": json.loads(data)["Data"]}
        return "Keyset", f"token-{name}", {"spec": {"type": "Secret", "keys": [item]}}
    if key.startswith("pki/ssh/"):
        return "SSHCredential", "admin", {"spec": {"publicKey": data.decode()}}
    body = yaml.load(data, yaml.CBaseLoader) if key.startswith("pki/") else yaml.safe_load(data)
    return body["kind"], body["metadata"]["name"], body


def text(body: dict[str, Any]) -> bytes:
    kept = {name: body["metadata"][name] for name in ("name", "generation")}
    return yaml.safe_dump({"kind": body["kind"], "metadata": kept, "spec": body["spec"]}).encode()


@pytest.fixture(name="k8s-secrets_backing")
def k8s_secrets_backing(control_plane: ControlPlane, namespace: str) -> SecretsBacking:
    return SecretsBacking(control_plane.api(), namespace)


@pytest.fixture(name="k8s-kops-resources_backing")
def k8s_kops_resources_backing(operating: Operating) -> Iterator[ObjectsBacking]:
    install_kops_crds(operating.plane)
    namespace = open_namespace_for(operating, CLUSTER)
    yield ObjectsBacking(KopsObjects(operating.plane, namespace))
    operating.plane.api().request("DELETE", f"/api/v1/namespaces/{namespace}")
