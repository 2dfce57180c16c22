"""A bucket of Alibaba Cloud OSS."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import oss2
import pytest

from tests.support.oss.server import OssServer


@dataclass(frozen=True)
class OssBacking:
    """A bucket, which somebody else reaches with signatures of version 1, as kops does."""

    server: OssServer
    bucket: str

    @property
    def url(self) -> str:
        return f"oss://{self.bucket}"

    @property
    def replacements(self) -> Mapping[str, str]:
        return {
            "oss://acme-state-store": self.url,
            "OSS_REGION: oss-cn-hangzhou": f"OSS_ENDPOINT: {self.server.endpoint}",
            "EXAMPLE-KEY-ID": self.server.access_key,
            "EXAMPLE-SECRET": self.server.secret_key,
        }

    @property
    def environ(self) -> Mapping[str, str]:
        return {}

    def put(self, key: str, data: bytes) -> None:
        self.server.bucket(self.bucket).put_object(key, data)

    def read(self, key: str) -> bytes:
        data: bytes = self.server.bucket(self.bucket).get_object(key).read()
        return data

    def files(self) -> dict[str, bytes]:
        found = oss2.ObjectIteratorV2(self.server.bucket(self.bucket))
        return {entry.key: self.read(entry.key) for entry in found}


@pytest.fixture
def oss_backing(oss_server: OssServer) -> OssBacking:
    return OssBacking(oss_server, oss_server.create_bucket(f"test-{secrets.token_hex(5)}"))
