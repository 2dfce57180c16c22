"""The operator as a process in a namespace of its own, and what a person with kubectl sees of it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clusterstate.sandbox.audit import WRITES, Call
from clusterstate.sandbox.binaries import find
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.process import Child
from tests.support.granted import OWN, Rule, operator_rules

CRD = Path(__file__).parent.parent.parent / "crds" / "clusterstate.dev_clusterstates.yaml"
GROUPS = {
    "clusterstate": "clusterstate.dev/v1alpha1",
    "deployment": "apps/v1",
    "daemonset": "apps/v1",
    "statefulset": "apps/v1",
    "job": "batch/v1",
    "lease": "coordination.k8s.io/v1",
    "role": "rbac.authorization.k8s.io/v1",
    "rolebinding": "rbac.authorization.k8s.io/v1",
}
"""API groups of the kinds that tests look at; those of the core have none."""
PATIENCE = 60.0
"""Seconds; every wait ends as soon as what it waits for is there."""

Body = dict[str, Any]


def install_crd(plane: ControlPlane) -> None:
    """Make sure that the API server knows the resource."""
    kubectl(plane, "apply", "--server-side", "--force-conflicts", "-f", str(CRD))
    name = "crd/clusterstates.clusterstate.dev"
    kubectl(plane, "wait", "--for=jsonpath={.status.acceptedNames.kind}=ClusterState", name)
    # Only now: before it has any condition at all, waiting for one is an error.
    kubectl(plane, "wait", "--for=condition=Established", name)


def kubectl(plane: ControlPlane, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
    """Run the real kubectl as administrator; give what it prints."""
    environment = {
        "KUBECONFIG": str(plane.kubeconfig),
        "PATH": os.environ["PATH"],
        "HOME": str(plane.kubeconfig.parent),
    }
    command = [str(find("kubectl")), *arguments]
    done = subprocess.run(
        command, input=stdin, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout if check else done.stdout + done.stderr


def path_of(namespace: str, kind: str, name: str = "") -> str:
    """Give the path of objects, or of one, as the API server has it."""
    group = GROUPS.get(kind, "")
    root = f"/apis/{group}" if group else "/api/v1"
    return f"{root}/namespaces/{namespace}/{kind}s{name and f'/{name}'}"


def apply(plane: ControlPlane, namespace: str, body: Mapping[str, Any]) -> None:
    """Apply on the server's side, as `kubectl apply --server-side` does, which takes many times as long to begin."""
    for each in body["items"] if body["kind"] == "List" else (body,):
        path = path_of(namespace, each["kind"].lower(), each["metadata"]["name"])
        query = "fieldManager=kubectl&fieldValidation=Strict"
        plane.api().request("PATCH", f"{path}?{query}", each, content_type="application/apply-patch+yaml")


def without_managers(body: Body) -> Body:
    """Give an object as kubectl shows it."""
    body["metadata"].pop("managedFields", None)
    return body


@dataclass
class Operating:
    """A namespace with an operator that isn't started yet."""

    plane: ControlPlane
    namespace: str
    directory: Path
    environ: dict[str, str] = field(default_factory=dict, kw_only=True)
    program: Sequence[str] = field(default=("-m", "clusterstate"), kw_only=True)
    """What Python is to run as the operator."""
    operator: Child | None = field(default=None, kw_only=True)
    starts: int = field(default=0, kw_only=True)
    rules: Sequence[Rule] = field(default_factory=operator_rules, kw_only=True)
    """What the operator may do in each namespace that it is let into: by default what the chart grants."""
    account: str = field(default="operator", kw_only=True)
    """Its service account, by which the audit log tells one process from another; it begins with `operator`."""

    @property
    def home(self) -> str:
        """The operator's own namespace."""
        return self.namespace

    @property
    def user(self) -> str:
        return f"system:serviceaccount:{self.home}:{self.account}"

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        return kubectl(self.plane, "-n", self.namespace, *arguments, stdin=stdin, check=check)

    def apply(self, body: Mapping[str, Any], *, check: bool = True) -> str:
        """Apply as people are told to: on the server's side. What is refused is told in kubectl's words."""
        if not check:
            return self.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(body), check=False)
        apply(self.plane, self.namespace, body)
        return ""

    def get(self, kind: str, name: str) -> Body:
        return without_managers(self.plane.api().request("GET", path_of(self.namespace, kind, name)))

    def find(self, kind: str, name: str) -> Body | None:
        found = self.plane.api().find(path_of(self.namespace, kind, name))
        return found and without_managers(found)

    def state(self, name: str = "state") -> Body:
        return self.get("clusterstate", name)

    def events(self) -> list[Body]:
        items: list[Body] = self.plane.api().request("GET", path_of(self.namespace, "event"))["items"]
        return items

    def settled(self, name: str = "state", condition: str = "Ready", **expected: str) -> Body:
        """Wait until the newest generation has a condition with these fields; give the object."""
        wanted = expected or {"status": "True"}
        return self.until(lambda: self._settled(name, condition, wanted), lambda: self.state(name).get("status"))

    def until(self, look: Callable[[], Any], explain: Callable[[], object] = str, patience: float = PATIENCE) -> Any:
        """Wait until `look` gives something true, and give that."""
        end = time.monotonic() + patience
        while not (seen := look()):
            died = self.operator is not None and self.operator.wait(timeout=0) is not None
            assert not died, f"the operator ended: {self.log_tail()}"
            assert time.monotonic() < end, f"waited {patience} s; last seen: {explain()}; operator: {self.log_tail()}"
            time.sleep(0.1)
        return seen

    def _settled(self, name: str, condition: str, expected: Mapping[str, str]) -> Body | None:
        body = self.state(name)
        if body.get("status", {}).get("observedGeneration") != body["metadata"]["generation"]:
            return None
        found = conditions(body).get(condition, {})
        return body if all(found.get(key) == value for key, value in expected.items()) else None

    def set_policy(self, *rules: Mapping[str, Any]) -> None:
        """Have the operator started with a policy of these rules."""
        path = self.directory / "policy.yaml"
        path.write_text(json.dumps({"rules": rules}))
        self.environ["CLUSTERSTATE_POLICY"] = str(path)

    def start_operator(self, *arguments: str) -> None:
        """Start it with a service account that may do in this namespace what the operator needs, and in its own."""
        assert self.operator is None
        self.grant(self.namespace, *operator_rules(in_=OWN))
        token = self.plane.service_account_token(self.home, self.account)
        kubeconfig = self.plane.kubeconfig_for(token, namespace=self.home)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "PYTHONPATH": str(Path(__file__).parents[2] / "operator"),
            "CLUSTERSTATE_ALLOWED_ENDPOINTS": "127.0.0.1",
            "CLUSTERSTATE_OPERATOR_NAMESPACE": self.home,
            **self.environ,
        }
        command = [sys.executable, *self.program, "run", "--kubeconfig", str(kubeconfig), "-n", self.namespace]
        self.starts += 1
        self.operator = Child.start([*command, *arguments], log=self.log, env=environment)

    @property
    def log(self) -> Path:
        return self.directory / "operator.log"

    def log_tail(self) -> str:
        return self.log.read_text()[-3000:] if self.log.exists() else "not started"

    def stop_operator(self) -> None:
        if self.operator is not None:
            self.operator.stop()
            self.operator = None

    def kill_operator(self) -> None:
        assert self.operator is not None
        self.operator.kill()
        self.operator = None

    @contextmanager
    def running(self, *arguments: str) -> Iterator[None]:
        self.start_operator(*arguments)
        try:
            yield
        finally:
            self.stop_operator()

    def writes(self, since: int) -> list[Call]:
        """Give what the operator wrote to the API server since a mark."""
        return self.plane.calls(since, user=self.user, verbs=WRITES)

    def grant(self, namespace: str, *more: Rule) -> None:
        """Let the operator do in a namespace what it needs there."""
        name = self.account
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.home}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        objects = [
            {"kind": "Role", "metadata": {"name": name}, "rules": [*self.rules, *more]},
            {"kind": "RoleBinding", "metadata": {"name": name}, "roleRef": role, "subjects": [subject]},
        ]
        for each in objects:
            body = {"apiVersion": "rbac.authorization.k8s.io/v1", **each}
            apply(self.plane, namespace, body)


def conditions(body: Body) -> dict[str, Body]:
    """Give an object's conditions by type."""
    return {each["type"]: each for each in body.get("status", {}).get("conditions", ())}
