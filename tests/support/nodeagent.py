"""The node agent as a process, with a Role that names its Secrets and nothing else."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from clusterstate.api.annotations import MIRROR_KIND_LABEL
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.kubeconfig import write_kubeconfig
from clusterstate.sandbox.process import Child
from tests.support.granted import agent_rules
from tests.support.keypairs import secret
from tests.support.operating import apply


@dataclass
class NodeAgent:
    """One agent on a node that is a folder of the test."""

    directory: Path
    configuration: dict[str, Any]
    environ: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    umask: int = 0
    """What it is started with; its own must win."""

    @property
    def log(self) -> Path:
        return self.directory / "agent.log"

    @property
    def environment(self) -> dict[str, str]:
        source = str(Path(__file__).parents[2] / "operator")
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory), "PYTHONPATH": source, **self.environ}

    def command(self, *more: str) -> list[str]:
        config = self.directory / "agent.yaml"
        config.write_text(yaml.safe_dump(self.configuration))
        program = [sys.executable, "-m", "clusterstate", "node-agent", "--config", str(config)]
        return [*program, *self.arguments, *more]

    def start(self) -> Child:
        before = os.umask(self.umask)
        try:
            return Child.start(self.command(), log=self.log, env=self.environment, cwd=self.directory)
        finally:
            os.umask(before)

    @contextmanager
    def running(self) -> Iterator[Child]:
        child = self.start()
        try:
            yield child
        finally:
            child.stop()

    def once(self, *more: str) -> subprocess.CompletedProcess[str]:
        command = self.command("--once", *more)
        return subprocess.run(
            command, env=self.environment, cwd=self.directory, capture_output=True, text=True, timeout=60, check=False
        )


def file_of(secret: str, key: str, path: str = "", **more: object) -> dict[str, Any]:
    return {"path": path or key, "secret": secret, "key": key, **more}


def mirror_of(name: str, data: dict[str, bytes]) -> dict[str, Any]:
    """Give a Secret that the agent takes for a mirror."""
    made = secret(name, data)
    made["metadata"]["labels"] = {MIRROR_KIND_LABEL: "secret"}
    return made


def let_in(plane: ControlPlane, namespace: str, names: Sequence[str], *, url: str = "") -> list[str]:
    """Give the arguments for an agent that may read these Secrets; at that URL the API server is."""
    subject = {"kind": "ServiceAccount", "name": "node-agent", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "node-agent"}
    objects: list[Mapping[str, Any]] = [
        {"kind": "Role", "metadata": {"name": "node-agent"}, "rules": agent_rules(names)},
        {"kind": "RoleBinding", "metadata": {"name": "node-agent"}, "roleRef": role, "subjects": [subject]},
    ]
    for each in objects:
        body = {"apiVersion": "rbac.authorization.k8s.io/v1", **each}
        apply(plane, namespace, body)
    token = plane.service_account_token(namespace, "node-agent")
    path = plane.kubeconfig_for(token, namespace=namespace)
    if url:
        write_kubeconfig(path, url=url, ca_file=plane.ca_file, token=token, namespace=namespace)
    return ["--kubeconfig", str(path)]
