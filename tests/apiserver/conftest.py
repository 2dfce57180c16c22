"""A world of its own for every test: namespace, bucket, and an operator that watches that namespace only."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.support.faultproxy import FaultProxy
from tests.support.goprograms import build_early
from tests.support.kstatus import Kstatus, build_kstatus
from tests.support.operating import install_crd
from tests.support.world import World


def pytest_collection_finish(session: pytest.Session) -> None:
    build_early(session, "kstatus", build_kstatus)


@pytest.fixture(scope="session")
def kstatus() -> Iterator[Kstatus]:
    """The kstatus that Flux judges objects by."""
    with Kstatus(build_kstatus()) as judge:
        yield judge


@pytest.fixture(scope="session")
def plane(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with the resource installed."""
    install_crd(control_plane)
    return control_plane


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """What stands between an operator and the S3 server, and breaks what a test wants broken."""
    with FaultProxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def world(plane: ControlPlane, s3_server: S3Server, namespace: str, bucket: str, tmp_path: Path) -> Iterator[World]:
    """A namespace, a bucket and an operator that is not started yet."""
    made = World(plane, namespace, tmp_path, s3_server, bucket)
    yield made
    made.stop_operator()
