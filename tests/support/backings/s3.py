"""S3 and its flavours on the strict server."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest

from clusterstate.sandbox.s3server import S3Server


@dataclass(frozen=True)
class S3Backing:
    """A bucket, reached by one of the schemes."""

    server: S3Server
    bucket: str
    scheme: str
    endpoint: str
    """What the example has in place of the server's."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.bucket}"

    @property
    def replacements(self) -> Mapping[str, str]:
        return {
            f"{self.scheme}://acme-state-store": self.url,
            self.endpoint: self.server.endpoint,
            "EXAMPLE-KEY-ID": self.server.access_key,
            "EXAMPLE-SECRET": self.server.secret_key,
        }

    @property
    def environ(self) -> Mapping[str, str]:
        return {}

    @cached_property
    def client(self) -> Any:
        return self.server.client()

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def keys(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def files(self) -> dict[str, bytes]:
        return {key: self.read(key) for key in self.keys()}


@pytest.fixture
def s3_backing(s3_server: S3Server, bucket: str) -> S3Backing:
    return S3Backing(s3_server, bucket, "s3", "https://minio.example.com")


@pytest.fixture
def do_backing(s3_server: S3Server, bucket: str) -> S3Backing:
    return S3Backing(s3_server, bucket, "do", "nyc3.digitaloceanspaces.com")


@pytest.fixture
def linode_backing(s3_server: S3Server, bucket: str) -> S3Backing:
    return S3Backing(s3_server, bucket, "linode", "us-ord-1.linodeobjects.com")


@pytest.fixture
def hos_backing(s3_server: S3Server, bucket: str) -> S3Backing:
    return S3Backing(s3_server, bucket, "hos", "fsn1.your-objectstorage.com")


@pytest.fixture
def scw_backing(s3_server: S3Server, bucket: str) -> S3Backing:
    return S3Backing(s3_server, bucket, "scw", "s3.fr-par.scw.cloud")
