"""A cluster that a kubeconfig leads to, as tests use a control plane of the sandbox.

kubectl's proxy is the way in, since it knows every way in which a kubeconfig names a user.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clusterstate.sandbox.apiclient import ApiClient
from clusterstate.sandbox.binaries import find
from clusterstate.sandbox.process import Child

ANNOUNCED = re.compile(r"Starting to serve on (\S+)")
SECONDS = 30


@dataclass(frozen=True)
class Cluster:
    """Somebody's cluster."""

    kubeconfig: Path
    url: str

    def api(self) -> ApiClient:
        return ApiClient(self.url)


@contextmanager
def reached(kubeconfig: Path, directory: Path) -> Iterator[Cluster]:
    """Give the cluster while a proxy leads there."""
    log = directory / "kubectl-proxy.log"
    command = [find("kubectl"), "proxy", "--port=0", "--address=127.0.0.1", "--kubeconfig", kubeconfig]
    proxy = Child.start(command, log=log, env=dict(os.environ))
    try:
        proxy.wait_ready(lambda: bool(ANNOUNCED.search(log.read_text())), timeout=SECONDS)
        (address,) = ANNOUNCED.findall(log.read_text())
        yield Cluster(kubeconfig, f"http://{address}")
    finally:
        proxy.stop()
