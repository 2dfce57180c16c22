"""One test's own world: a namespace, a bucket with a kops store in it, and an operator as a process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from clusterstate.sandbox.s3server import S3Server
from tests.support.operating import Body, Operating
from tests.support.stores import DATA, kops_files

__all__ = ["COMPLEX", "DATA", "MINIMAL", "World", "manifest"]

COMPLEX = "complex.example.com"
MINIMAL = "minimal.example.com"


def manifest(name: str = "state", *, url: str, **spec: Any) -> Body:
    """Give a ClusterState with the usual store."""
    store = {"url": url, "credentialsSecretRef": {"name": "store"}, **spec.pop("store", {})}
    return {
        "apiVersion": "clusterstate.dev/v1alpha1",
        "kind": "ClusterState",
        "metadata": {"name": name},
        "spec": {"clusterName": COMPLEX, "store": store, **spec},
    }


@dataclass
class World(Operating):
    """Everything that one test plays with."""

    server: S3Server
    bucket: str
    endpoint: str = ""
    """Where the operator finds the S3 server; a fault proxy may stand between."""

    def __post_init__(self) -> None:
        self.endpoint = self.endpoint or self.server.endpoint
        self.s3 = self.server.client()
        self.set_credentials()

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}"

    def set_credentials(self, secret_key: str | None = None, name: str = "store") -> None:
        """Write the Secret that `manifest` names."""
        data = {
            "S3_ENDPOINT": self.endpoint,
            "S3_REGION": self.server.region,
            "S3_ACCESS_KEY_ID": self.server.access_key,
            "S3_SECRET_ACCESS_KEY": secret_key or self.server.secret_key,
        }
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data})

    def load_store(
        self, cluster: str = COMPLEX, *, as_name: str = "", source: str = "kops-store", scheme: str = "s3"
    ) -> None:
        """Put a store that the real kops wrote into the bucket, with its configBase there."""
        url = f"{scheme}://{self.bucket}"
        for key, data in kops_files(url, cluster, as_name=as_name, source=source).items():
            self.put(key, data)

    def put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def names(self) -> list[str]:
        """Give the names of all files of the bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def files(self) -> dict[str, bytes]:
        """Give the whole bucket, in which nobody may delete meanwhile."""
        return {key: self.read(key) for key in self.names()}

    def edit(self, key: str, change: Callable[[Body], None]) -> None:
        """Change a YAML file of the store as a person would."""
        document = yaml.safe_load(self.read(key))
        change(document)
        self.put(key, yaml.safe_dump(document).encode())
