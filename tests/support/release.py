"""A release of the chart in a cluster, and the operator as its objects say it is to run.

The cluster may be any that a kubeconfig leads to: what is needed of it is `kubeconfig` and `api()`, as a control plane
of the sandbox has them.
"""

import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from clusterstate.sandbox.process import Child
from tests.support.helm import CHART, Manifest, run_helm
from tests.support.operating import Operating, kubectl

CRD = "customresourcedefinition/clusterstates.clusterstate.dev"
SOURCES = Path(__file__).parents[2] / "operator"
LOOKS = 5
"""Of 50 seconds each, at Pods whose image a node may have to pull first."""


@dataclass
class Release(Operating):
    """One release in a namespace of its own, whose operator runs as a process here with the release's identity."""

    name: str = field(default_factory=lambda: f"e2e-{secrets.token_hex(4)}", kw_only=True)

    def helm(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        where = ("--namespace", self.namespace, "--kubeconfig", str(self.plane.kubeconfig))
        done = run_helm(*arguments, *where, values=values, home=self.directory / "helm")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, values: Mapping[str, Any]) -> None:
        """Install it for its own namespace; with the resource, where the cluster hasn't got it yet."""
        there = kubectl(self.plane, "get", CRD, "--ignore-not-found", "-o", "name").strip()
        operator = {"namespaces": [self.namespace], **values.get("operator", {})}
        given = {"crds": {"install": not there}, **values, "operator": operator}
        self.helm("install", self.name, str(CHART), values=given)

    def uninstall(self) -> None:
        self.helm("uninstall", self.name)

    @property
    def deployment(self) -> Manifest:
        wanted = ("-l", f"app.kubernetes.io/instance={self.name}", "-o", "json")
        (found,) = json.loads(self.kubectl("get", "deployment", *wanted))["items"]
        return found

    @property
    def pod(self) -> Manifest:
        """What the Pod of the operator is to be."""
        found: Manifest = self.deployment["spec"]["template"]["spec"]
        return found

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.namespace}:{self.pod['serviceAccountName']}"

    def token(self) -> str:
        """Give a token of the release's own account."""
        return self.kubectl("create", "token", self.pod["serviceAccountName"], "--duration", "1h").strip()

    def variables(self) -> dict[str, str]:
        """Give the Pod's environment; but here other processes have ports, and places for files, too."""
        (container,) = self.pod["containers"]
        given = {each["name"]: each["value"] for each in container["env"]}
        return {**given, "CLUSTERSTATE_METRICS_ADDRESS": "127.0.0.1:0", **self.environ}

    def start_operator(self) -> None:
        """Start it with the release's environment and account, and nothing else of this machine's."""
        assert self.operator is None
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCES)}
        environment |= {**self.variables(), "TMPDIR": str(self.directory)}
        environment["CLUSTERSTATE_OPERATOR_NAMESPACE"] = self.namespace
        (container,) = self.pod["containers"]
        command = [sys.executable, *self.program, *container["args"], "--kubeconfig", str(self.write_kubeconfig())]
        self.starts += 1
        self.operator = Child.start(command, log=self.log, env=environment)

    def write_kubeconfig(self) -> Path:
        """Write one for the release's account, at the server of the cluster's own."""
        shown = kubectl(self.plane, "config", "view", "--raw", "--minify", "--flatten", "-o", "json")
        context = {"cluster": "e2e", "user": "operator", "namespace": self.namespace}
        content = {
            "clusters": [{"name": "e2e", "cluster": json.loads(shown)["clusters"][0]["cluster"]}],
            "users": [{"name": "operator", "user": {"token": self.token()}}],
            "contexts": [{"name": "operator", "context": context}],
            "current-context": "operator",
        }
        path = self.directory / "operator.kubeconfig"
        path.touch(0o600)
        path.write_text(yaml.safe_dump(content))
        return path


@dataclass
class Deployed(Release):
    """A release whose operator runs in Pods of the cluster."""

    def start_operator(self) -> None:
        name = f"deployment/{self.deployment['metadata']['name']}"
        if self.starts:
            self.kubectl("scale", name, f"--replicas={self.replicas}")
        for left in reversed(range(LOOKS)):
            if "successfully rolled out" in self.kubectl("rollout", "status", name, "--timeout=50s", check=not left):
                break
        self.starts += 1

    def stop_operator(self) -> None:
        found = self.deployment
        self.replicas = found["spec"]["replicas"]
        labels = ",".join("=".join(each) for each in found["spec"]["selector"]["matchLabels"].items())
        self.kubectl("scale", f"deployment/{found['metadata']['name']}", "--replicas=0")
        self.kubectl("wait", "--for=delete", "pod", "-l", labels, "--timeout=50s")

    def log_tail(self) -> str:
        name = f"deployment/{self.deployment['metadata']['name']}"
        return self.kubectl("logs", name, "--tail=50", check=False)
