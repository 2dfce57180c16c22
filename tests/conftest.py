"""What every test may ask for: servers that a whole run shares, and a place of its own on each of them.

Programs are built before the first test runs, since no test's time limit covers that.
"""

import gc
import os
import secrets
import ssl
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import settings

from clusterstate.sandbox.certificates import write_certificates
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.errors import RequestRefused
from clusterstate.sandbox.s3server import S3Server
from tests.support import backings
from tests.support.gcs.server import GcsServer
from tests.support.kops import Kops
from tests.support.moto import MotoServer
from tests.support.openstack.server import SwiftServer
from tests.support.oss.server import OssServer
from tests.support.rights import Rights
from tests.support.servers import KINDS, Asker, Holder
from tests.support.suites import (
    find_kops,
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.support.table import Table

__all__ = [
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
]
pytest_plugins = [f"{backings.__name__}.{module.name}" for module in iter_modules(backings.__path__)]
"""Where the fixtures `NAME_backing` are."""

AWS_REGIONS = {
    "us-east-1": "amazonaws.com",
    "eu-central-1": "amazonaws.com",
    "us-gov-west-1": "amazonaws.com",
    "cn-north-1": "amazonaws.com.cn",
}
S3_HOSTS = ("s3", "s3-fips", "s3.dualstack", "s3-fips.dualstack")
CLOUD_NAMES = [
    "*.googleapis.com",
    "*.aliyuncs.com",
    "*.oss-cn-hangzhou.aliyuncs.com",
    "*.oss-cn-hangzhou-internal.aliyuncs.com",
    "*.oss-cn-beijing.aliyuncs.com",
    "sts-vpc.cn-hangzhou.aliyuncs.com",
    *(f"*.{region}.{suffix}" for region, suffix in AWS_REGIONS.items()),
    *(
        f"{wild}{host}.{region}.{suffix}"
        for region, suffix in AWS_REGIONS.items()
        for host in S3_HOSTS
        for wild in ("", "*.")
    ),
]
"""What stands here in place of the clouds: a proxy of the tests leads these names to servers on this machine."""
SERVERS = pytest.StashKey[Holder | Asker]()


settings.register_profile("whole suite", deadline=None)  # no test says how fast a busy machine is
settings.load_profile("whole suite")


def pytest_configure(config: pytest.Config) -> None:

    def say(line: str) -> None:
        config.pluginmanager.getplugin("terminalreporter").write_line(line)

    worker = getattr(config, "workerinput", None)
    config.stash[SERVERS] = Holder(say) if worker is None else Asker(*worker["servers"])
    if worker is None:
        config.pluginmanager.register(Table(), "stores")
        config.pluginmanager.register(Rights(config.stash[SERVERS]), "rights")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a new worker of pytest-xdist where the servers' holder is."""
    node.workerinput["servers"] = node.config.stash[SERVERS].listen()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no cycles among what stays to the end: modules and tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_finish(session: pytest.Session) -> None:
    if session.config.option.collectonly:
        return
    asked = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    for name in KINDS:
        if name in asked:
            session.config.stash[SERVERS].prepare(name)


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[SERVERS].stop()


@pytest.fixture(scope="session")
def control_plane(pytestconfig: pytest.Config) -> ControlPlane:
    """A Kubernetes control plane that all tests share; keep to your namespace, or to names that are yours alone."""
    plane: ControlPlane = pytestconfig.stash[SERVERS].get("control_plane")
    return plane


@pytest.fixture(scope="session")
def s3_server(pytestconfig: pytest.Config) -> S3Server:
    """A strict S3 server that all tests share; keep to your bucket."""
    server: S3Server = pytestconfig.stash[SERVERS].get("s3_server")
    return server


@pytest.fixture(scope="session")
def moto_server(pytestconfig: pytest.Config) -> MotoServer:
    """Amazon's APIs with policies enforced, which all tests share; keep to names that are yours alone."""
    server: MotoServer = pytestconfig.stash[SERVERS].get("moto_server")
    return server


@pytest.fixture(scope="session")
def gcs_server(pytestconfig: pytest.Config) -> GcsServer:
    """Google's storage and identities, which all tests share; keep to names that are yours alone."""
    server: GcsServer = pytestconfig.stash[SERVERS].get("gcs_server")
    return server


@pytest.fixture(scope="session")
def oss_server(pytestconfig: pytest.Config) -> OssServer:
    """Alibaba Cloud's OSS and STS, which all tests share; keep to names that are yours alone."""
    server: OssServer = pytestconfig.stash[SERVERS].get("oss_server")
    return server


@pytest.fixture(scope="session")
def swift_server(pytestconfig: pytest.Config) -> SwiftServer:
    """Keystone and Swift, which all tests share; keep to users and containers of yours."""
    server: SwiftServer = pytestconfig.stash[SERVERS].get("swift_server")
    return server


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A fresh namespace, which stays, but without ClusterStates: emptying one takes the control plane 0.1 s of CPU."""
    name, api = f"test-{secrets.token_hex(5)}", control_plane.api()
    api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    with suppress(RequestRefused):  # nobody has installed the resource
        api.request("DELETE", f"/apis/clusterstate.dev/v1alpha1/namespaces/{name}/clusterstates")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private authority: ca.crt, and server.crt with server.key for this machine and for the clouds' own names."""
    folder = tmp_path_factory.mktemp("authority") / "certificates"
    write_certificates(folder, ["localhost", *CLOUD_NAMES])
    return folder


@pytest.fixture(scope="session")
def tls(certificates: Path) -> ssl.SSLContext:
    """What a server needs to have the private authority's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    return context


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    """A fresh bucket on the S3 server."""
    return s3_server.create_bucket(f"test-{secrets.token_hex(5)}")


@pytest.fixture
def kops(s3_server: S3Server, moto_server: MotoServer, bucket: str, tmp_path: Path) -> Kops:
    """The real kops, with its state store in `bucket`."""
    program = find_kops(os.environ)
    assert program is not None, "mark the test with `kops`"
    home = tmp_path / "kops-home"
    home.mkdir()
    return Kops(program, bucket, s3_server, moto_server, home)
