"""`clusterstate demo`: the main job on real servers of this machine, shown step by step and checked as it is shown.

Everything runs on 127.0.0.1 in a folder of its own and ends with the demo. A step that doesn't come out as told
raises `DemoFailed`, and the command exits non-zero.
"""

import base64
import difflib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from clusterstate.errors import ClusterStateError
from clusterstate.sandbox.binaries import find
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.data import CRDS, EXAMPLE, KOPS_STORE
from clusterstate.sandbox.process import Child
from clusterstate.sandbox.s3server import S3Server

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

CLUSTER = "complex.example.com"
BUCKET = "state"
NAMESPACE = "clusters"
PATIENCE = 60.0
"""Seconds that a step may take; each goes on as soon as it can."""

T = TypeVar("T")


class DemoFailed(ClusterStateError):
    """Something that the demo shows isn't so."""


def run_demo(*, keep: bool) -> None:
    """Show everything, then end; with `keep` stay until Ctrl-C. Raises `DemoFailed`."""
    if not EXAMPLE.is_file():
        raise DemoFailed("The demo needs a checkout of the project: clone it and run make demo there.")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clusterstate-demo-")))
        demo = _start(stack, directory)
        demo.show_store()
        demo.show_push()
        demo.show_mirrors()
        demo.show_repair()
        demo.show_drift()
        click.secho("\nAll of it was so.", fg="green", bold=True)
        if keep:
            demo.stay()


def _start(stack: ExitStack, directory: Path) -> "Demo":
    _step("Starting a control plane and an S3 server on 127.0.0.1 (the first time, they are built: minutes)")
    plane = stack.enter_context(ControlPlane.start(directory / "controlplane"))
    server = stack.enter_context(S3Server.start(directory / "s3"))
    demo = Demo(plane, server, server.client(), directory)
    demo.prepare()
    operator = demo.start_operator()
    stack.callback(operator.stop)
    return demo


@dataclass
class Demo:
    """The running servers, and one method for each thing that is shown."""

    plane: ControlPlane
    server: S3Server
    s3: "S3Client"
    directory: Path

    def prepare(self) -> None:
        """Install the resource, and put a store that kops wrote into the bucket."""
        self.kubectl("apply", "--server-side", "-f", str(CRDS))
        crd = "crd/clusterstates.clusterstate.dev"
        self.kubectl("wait", "--for=jsonpath={.status.acceptedNames.kind}=ClusterState", crd)
        # Only now: before it has any condition at all, waiting for one is an error.
        self.kubectl("wait", "--for=condition=Established", crd)
        self.kubectl("create", "namespace", NAMESPACE)
        keys = {
            "S3_ENDPOINT": self.server.endpoint,
            "S3_ACCESS_KEY_ID": self.server.access_key,
            "S3_SECRET_ACCESS_KEY": self.server.secret_key,
        }
        literals = [f"--from-literal={name}={value}" for name, value in keys.items()]
        self.kubectl("-n", NAMESPACE, "create", "secret", "generic", "state-store", *literals)
        self.server.create_bucket(BUCKET)
        for path in sorted((KOPS_STORE / CLUSTER).rglob("*")):
            if path.is_file():
                key = str(path.relative_to(KOPS_STORE))
                self.s3.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())

    def start_operator(self) -> Child:
        """Start it as a process of its own, as `clusterstate run` does."""
        command = [sys.executable, "-m", "clusterstate", "run", "--kubeconfig", str(self.plane.kubeconfig)]
        environment = {**os.environ, "CLUSTERSTATE_ALLOWED_ENDPOINTS": "127.0.0.1"}
        return Child.start(command, log=self.directory / "operator.log", env=environment)

    def show_store(self) -> None:
        """Show what kops wrote."""
        _step(f"A store that the real kops wrote is in s3://{BUCKET}")
        for key, data in self.files().items():
            click.echo(f"  {len(data):>6}  {key}")

    def show_push(self) -> None:
        """Apply the example; exactly the declared lines change."""
        before = self.files()
        _step(f"kubectl apply --server-side -f {EXAMPLE.name}: three fields and one new instance group are declared")
        click.echo(_indented(EXAMPLE.read_text().split("spec:", 1)[1]))
        self.kubectl("apply", "--server-side", "-f", str(EXAMPLE))
        self.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "clusterstate/complex", f"--timeout={PATIENCE}s")
        click.echo(_indented(self.kubectl("-n", NAMESPACE, "get", "clusterstates")))
        _step("What that changed in the bucket")
        after = self.files()
        changed = sorted(key for key in after if before.get(key) != after[key])
        for key in changed:
            self._show_diff(key, before.get(key, b""), after[key])
        wanted = [f"{CLUSTER}/config", f"{CLUSTER}/instancegroup/batch-us-east-1a"]
        _check(changed == wanted, f"exactly {wanted} should have changed, but {changed} did")
        _check(before.keys() <= after.keys(), "no file should have gone")
        removed = [line for line in _diff(before[wanted[0]], after[wanted[0]]) if line.startswith("-")]
        _check(removed == ["-  generation: 1", "-  kubernetesVersion: v1.32.9"], f"other lines changed too: {removed}")

    def show_mirrors(self) -> None:
        """Show the Secrets, and that one of them holds what the store does."""
        _step("Keysets, the registry's configuration and the SSH key are Secrets now")
        click.echo(
            _indented(
                self.kubectl("-n", NAMESPACE, "get", "secrets", "-l", "app.kubernetes.io/managed-by=clusterstate")
            )
        )
        secret = self.secret("complex-secret-dockerconfig")
        stored = json.loads(self.files()[f"{CLUSTER}/secrets/dockerconfig"])["Data"]
        _check(secret["data"][".dockerconfigjson"] == stored, "the mirrored dockerconfig should be the store's")
        trust = base64.b64decode(self.secret("complex-keyset-kubernetes-ca")["data"]["ca.crt"])
        _check(trust.count(b"BEGIN CERTIFICATE") == 1, "the distrusted certificate should not be mirrored")

    def show_repair(self) -> None:
        """Delete a mirrored Secret and wait for it."""
        _step("Somebody deletes a mirrored Secret")
        name = "complex-keyset-kubernetes-ca"
        before = self.secret(name)
        self.kubectl("-n", NAMESPACE, "delete", "secret", name)
        started = time.monotonic()
        after = _until(lambda: self.find_secret(name), f"Secret {name} should come back")
        _check(before["data"] == after["data"], "it should come back as it was")
        click.echo(f"  it was back after {time.monotonic() - started:.1f} s")

    def show_drift(self) -> None:
        """Edit the bucket behind the operator's back; what is declared comes back, what isn't stays."""
        _step("Somebody edits config in the bucket: one declared field, and one that isn't")
        key = f"{CLUSTER}/config"
        ours = self.files()[key]
        theirs = ours.replace(b"v1.32.10", b"v1.31.0").replace(b"channel: stable", b"channel: alpha")
        self._show_diff(key, ours, theirs)
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=theirs)
        token = f"clusterstate.dev/reconcile-requested-at={time.time()}"
        self.kubectl("-n", NAMESPACE, "annotate", "--overwrite", "clusterstate/complex", token)
        _until(lambda: b"v1.32.10" in self.files()[key], "the declared version should come back")
        _step("The declared one is back, the other is theirs")
        self._show_diff(key, theirs, self.files()[key])
        _check(b"channel: alpha" in self.files()[key], "a field that isn't declared should stay")
        click.echo(_indented(self.kubectl("-n", NAMESPACE, "get", "events", "--sort-by=.lastTimestamp")))

    def stay(self) -> None:
        """Leave everything running until somebody has seen enough."""
        click.echo(f"\nStill running. Ctrl-C ends it all.\n  export KUBECONFIG={self.plane.kubeconfig}")
        click.echo(f"  S3: {self.server.endpoint}, keys {self.server.access_key} / {self.server.secret_key}")
        click.echo(f"  the operator's log: {self.directory / 'operator.log'}")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})

    def files(self) -> dict[str, bytes]:
        """Give the whole bucket."""
        keys = [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        return {key: self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}

    def secret(self, name: str) -> dict[str, Any]:
        """Give a Secret that must be there."""
        return _until(lambda: self.find_secret(name), f"Secret {name} should be there")

    def find_secret(self, name: str) -> dict[str, Any] | None:
        """Give a Secret, None when it isn't there."""
        text = self.kubectl("-n", NAMESPACE, "get", "secret", name, "-o", "json", "--ignore-not-found")
        return json.loads(text) if text else None

    def kubectl(self, *arguments: str) -> str:
        """Run the real kubectl; give what it prints."""
        environment = {**os.environ, "KUBECONFIG": str(self.plane.kubeconfig)}
        command = [str(find("kubectl")), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - ours
        if done.returncode:
            log = self.directory / "operator.log"
            end = f"\nThe operator's log ends with:\n{log.read_text()[-2000:]}" if log.exists() else ""
            raise DemoFailed(f"kubectl {' '.join(arguments)}: {done.stderr}{end}")
        return done.stdout

    def _show_diff(self, key: str, before: bytes, after: bytes) -> None:
        click.secho(f"  {key}", bold=True)
        for line in _diff(before, after):
            click.secho(f"    {line}", fg={"+": "green", "-": "red"}.get(line[:1]))


def _step(text: str) -> None:
    width = min(shutil.get_terminal_size().columns, 100)
    click.secho(f"\n━━ {text} ".ljust(width, "━"), fg="cyan", bold=True)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip("\n").splitlines())


def _diff(before: bytes, after: bytes) -> list[str]:
    lines = difflib.unified_diff(before.decode().splitlines(), after.decode().splitlines(), n=1, lineterm="")
    return list(lines)[2:]


def _check(truth: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence at every call
    if not truth:
        raise DemoFailed(f"The demo shows something that isn't so: {what}.")


def _until(look: Callable[[], T | None], what: str) -> T:
    end = time.monotonic() + PATIENCE
    while not (seen := look()):
        _check(time.monotonic() < end, f"{what} within {PATIENCE:.0f} s")
        time.sleep(0.1)
    return seen
