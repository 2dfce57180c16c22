"""With exactly the rights that the chart grants, the operator does its work and no request of its is refused."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.support.helm import Manifest, rendered
from tests.support.operating import apply, install_crd
from tests.support.valuesets import IMAGE
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore, pytest.mark.timeout(900)]


@dataclass
class Installed(World):
    """A world whose operator has the chart's identity, environment and Roles."""

    def __post_init__(self) -> None:
        super().__post_init__()
        values = {
            "image": IMAGE,
            "operator": {"namespaces": [self.namespace], "allowedEndpoints": ["127.0.0.1"]},
            "serviceAccount": {"name": "operator"},
        }
        self.chart = list(rendered("prod", self.namespace, values, self.directory / "helm"))
        (container,) = self.of_kind("Deployment")["spec"]["template"]["spec"]["containers"]
        self.environ = {each["name"]: each["value"] for each in container["env"]}
        self.environ |= {"CLUSTERSTATE_METRICS_ADDRESS": "127.0.0.1:0", "TMPDIR": str(self.directory)}

    def of_kind(self, kind: str) -> Manifest:
        return next(each for each in self.chart if each["kind"] == kind)

    def grant(self, namespace: str, *more: Mapping[str, Any]) -> None:
        assert not more
        for each in self.chart:
            if each["kind"] in {"ServiceAccount", "Role", "RoleBinding"}:
                apply(self.plane, namespace, each)


def test_the_chart_grants_what_a_sync_needs(
    control_plane: ControlPlane, s3_server: S3Server, namespace: str, bucket: str, tmp_path: Any
) -> None:
    install_crd(control_plane)
    world = Installed(control_plane, namespace, tmp_path, s3_server, bucket)
    world.load_store()
    token = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"token": "s3cr3t"}}
    world.apply(token)
    body = manifest(
        url=world.url,
        cluster={"kubernetesVersion": "v1.33.1"},
        secrets=[{"name": "ci", "valueFrom": {"secretKeyRef": {"name": "token", "key": "token"}}}],
        mirror={"keysets": [{"include": ["*"]}]},
    )
    since = control_plane.audit_mark()
    with world.running():
        world.apply(body)
        world.settled()
        assert world.find("secret", "state-keyset-kubernetes-ca")
        assert world.find("secret", "clusterstate-installation")
        assert b"v1.33.1" in world.read(f"{COMPLEX}/config")
        assert ready(world) == "ready\n"
    calls = control_plane.calls(since, user=world.user)
    assert {each.verb for each in calls} >= {"list", "watch", "get", "create", "patch"}
    assert [each for each in calls if each.status == 403] == []


def ready(world: Installed) -> str:
    """Give what the Pod of `helm test` says, asking the operator where it answers here."""
    (container,) = world.of_kind("Pod")["spec"]["containers"]
    (address,) = re.findall(r"metrics are at (\S+)", world.log.read_text())
    program, *arguments, url = container["command"]
    assert (program, url) == ("python", f"http://prod-operator.{world.namespace}:8080/readyz")
    done = subprocess.run(
        [sys.executable, *arguments, f"http://{address}/readyz"], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout
