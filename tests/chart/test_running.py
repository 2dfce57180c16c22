"""Installed by helm, in a namespace of its own, the operator may do its work and no request of its is refused."""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.support.granted import Rule
from tests.support.helm import CHART, run_helm
from tests.support.operating import Body, install_crd, path_of
from tests.support.valuesets import IMAGE
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore, pytest.mark.timeout(900)]
KINDS = ("DaemonSet", "StatefulSet")
MIRROR = "state-keyset-kubernetes-ca"
NOTE = "clusterstate.dev/mirrors"
NOBODY = "127.0.0.1:1"
"""Where no operator answers."""


@dataclass
class Installed(World):
    """A world whose operator has the release's identity, environment and rights."""

    def __post_init__(self) -> None:
        super().__post_init__()
        values = {
            "image": IMAGE,
            "operator": {"namespaces": [self.namespace], "allowedEndpoints": ["127.0.0.1"]},
            "serviceAccount": {"name": "operator"},
            "rbac": {"restarts": [self.namespace]},
            "crds": {"install": False},
            "userRoles": {"create": False},
            "deletionProtection": {"enabled": False},
        }
        done = self.helm("install", "prod", str(CHART), "--create-namespace", values=values)
        assert done.returncode == 0, done.stderr
        deployment = self.plane.api().request("GET", path_of(self.home, "deployment", "prod-operator"))
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        self.environ = {each["name"]: each["value"] for each in container["env"]}
        self.environ |= {"CLUSTERSTATE_METRICS_ADDRESS": "127.0.0.1:0", "TMPDIR": str(self.directory)}

    @property
    def home(self) -> str:
        return f"{self.namespace}-system"

    def grant(self, namespace: str, *_: Rule) -> None:
        """Leave it to the release."""
        assert namespace == self.namespace

    def helm(self, *arguments: str, values: dict[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
        where = ("--namespace", self.home, "--kubeconfig", str(self.plane.kubeconfig))
        return run_helm(*arguments, *where, values=values, home=self.directory / "helm")

    def helm_test(self, address: str) -> int:
        """Give the exit code of `helm test`, whose Pod is run here, asking the operator at this address."""
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(self.helm, "test", "prod", "--timeout", "60s")
            pod: Body = self.until(lambda: self._waiting_pod() or asked.done())
            assert not asked.done(), asked.result().stderr
            phase = "Succeeded" if self._run(pod, address) else "Failed"
            path = path_of(self.home, "pod", pod["metadata"]["name"])
            merge = "application/merge-patch+json"
            self.plane.api().request("PATCH", f"{path}/status", {"status": {"phase": phase}}, content_type=merge)
            return asked.result().returncode

    def _waiting_pod(self) -> Body | None:
        pods = self.plane.api().request("GET", path_of(self.home, "pod"))["items"]
        return next((each for each in pods if each["status"]["phase"] == "Pending"), None)

    def _run(self, pod: Body, address: str) -> bool:
        """Do what the Pod says; tell whether that goes well."""
        (container,) = pod["spec"]["containers"]
        program, *arguments, url = container["command"]
        assert (program, url) == ("python", f"http://prod-operator.{self.home}:8080/readyz")
        command = [sys.executable, *arguments, f"http://{address}/readyz"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == ("ready\n" if done.returncode == 0 else "")
        return done.returncode == 0


@pytest.fixture
def installed(
    control_plane: ControlPlane, s3_server: S3Server, namespace: str, bucket: str, tmp_path: Path
) -> Iterator[Installed]:
    install_crd(control_plane)
    made = Installed(control_plane, namespace, tmp_path, s3_server, bucket)
    yield made
    control_plane.api().request("DELETE", f"/api/v1/namespaces/{made.home}")


def workload(kind: str) -> Body:
    """Give one that uses a mirror; of Deployments other tests tell more."""
    container = {"name": "main", "image": "example.com/main", "volumeMounts": [{"name": "ca", "mountPath": "/ca"}]}
    pod = {"containers": [container], "volumes": [{"name": "ca", "secret": {"secretName": MIRROR}}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template}
    more = {"serviceName": "web"} if kind == "StatefulSet" else {}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": {**spec, **more}}


def test_the_chart_grants_what_a_sync_needs(installed: Installed) -> None:
    installed.load_store()
    token = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"token": "s3cr3t"}}
    installed.apply(token)
    for kind in KINDS:
        installed.apply(workload(kind))
    body = manifest(
        url=installed.url,
        cluster={"kubernetesVersion": "v1.33.1"},
        secrets=[{"name": "ci", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}}],
        mirror={"keysets": [{"include": ["*"]}], "restart": [{"kind": kind, "name": "web"} for kind in KINDS]},
    )
    since = installed.plane.audit_mark()
    assert installed.helm_test(NOBODY) != 0
    with installed.running():
        installed.apply(body)
        installed.settled()
        assert installed.find("secret", MIRROR)
        for kind in KINDS:
            assert NOTE in installed.get(kind.lower(), "web")["spec"]["template"]["metadata"]["annotations"]
        assert b"v1.33.1" in installed.read(f"{COMPLEX}/config")
        (address,) = re.findall(r"metrics are at (\S+)", installed.log.read_text())
        assert installed.helm_test(address) == 0
    calls = installed.plane.calls(since, user=installed.user)
    assert {each.verb for each in calls} >= {"list", "watch", "get", "create", "patch"}
    assert [each for each in calls if each.status == 403] == []
    own = {(each.verb, each.resource, each.name) for each in calls if each.namespace == installed.home}
    key, lease = "clusterstate-installation", "prod-operator"
    used = {("get", "secrets", key), ("create", "secrets", key)}
    used |= {(verb, "leases", lease) for verb in ("get", "create", "update")}
    assert own == used, "all that it has in its own namespace"
