"""A bucket of the test's own, and the way to Google's own addresses."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterstate.store.options import StoreOptions
from tests.support.faultproxy import FaultProxy
from tests.support.forwardproxy import ForwardProxy
from tests.support.gcs.server import GcsServer


@pytest.fixture
def bucket(gcs_server: GcsServer) -> str:
    return gcs_server.create_bucket()


@pytest.fixture
def face(gcs_server: GcsServer, tls: ssl.SSLContext) -> Iterator[FaultProxy]:
    """The server's face at Google's names; counts what is asked there."""
    with FaultProxy(gcs_server.endpoint, context=tls) as face:
        yield face


@pytest.fixture
def google(face: FaultProxy) -> Iterator[ForwardProxy]:
    """The way to Google, as it is here."""
    with ForwardProxy(routes={"*.googleapis.com:443": face.endpoint.removeprefix("https://")}) as proxy:
        yield proxy


@pytest.fixture
def options(google: ForwardProxy, certificates: Path) -> StoreOptions:
    """Options that lead to Google's own addresses."""
    return StoreOptions(proxy=google.url, ca_bundle=(certificates / "ca.crt").read_text())
