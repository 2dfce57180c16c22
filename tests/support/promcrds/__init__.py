"""The Prometheus operator's definitions, out of its own Go module, for the API server to judge what is for it."""

import json
import os
import subprocess
from pathlib import Path

from clusterstate.sandbox.cache import Cache, default_root, to_stderr
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.toolchain import GO_ENVIRONMENT, find_go
from tests.support.operating import kubectl

MODULE = "github.com/prometheus-operator/prometheus-operator"
GROUP = "monitoring.coreos.com"
PLURALS = ("servicemonitors", "podmonitors", "prometheusrules")


def install_monitoring_crds(plane: ControlPlane) -> None:
    """Make sure that the API server knows what the chart has for the Prometheus operator."""
    folder = _download() / "example" / "prometheus-operator-crd"
    files = [part for plural in PLURALS for part in ("-f", str(folder / f"{GROUP}_{plural}.yaml"))]
    names = [f"crd/{plural}.{GROUP}" for plural in PLURALS]
    kubectl(plane, "apply", "--server-side", "--force-conflicts", *files)
    kubectl(plane, "wait", "--for=jsonpath={.status.conditions}", *names)
    # Only now: before they have any condition at all, waiting for one is an error.
    kubectl(plane, "wait", "--for=condition=Established", *names)


def _download() -> Path:
    """Give the module's folder; Go fetches it once, and checks it by the `go.sum` beside this file."""
    go = find_go(Cache(default_root(os.environ)), to_stderr)
    done = subprocess.run(
        [go, "mod", "download", "-json", MODULE],
        cwd=Path(__file__).parent,
        env={**os.environ, **GO_ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(json.loads(done.stdout)["Dir"])
