"""A bucket of its own for every test, and the way to it by OSS's own names."""

import secrets
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.backends.oss.stores import OwnNames, own_names
from tests.support.faultproxy import FaultProxy
from tests.support.oss.server import OssServer


@pytest.fixture
def bucket(oss_server: OssServer) -> str:
    """A fresh bucket in the default region."""
    return oss_server.create_bucket(f"test-{secrets.token_hex(5)}")


@pytest.fixture
def proxy(oss_server: OssServer) -> Iterator[FaultProxy]:
    """A face of the server that counts, and misbehaves on request."""
    with FaultProxy(oss_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def own(oss_server: OssServer, tls: ssl.SSLContext, certificates: Path) -> Iterator[OwnNames]:
    """The way to OSS's own names."""
    with own_names(oss_server, tls, certificates) as names:
        yield names
