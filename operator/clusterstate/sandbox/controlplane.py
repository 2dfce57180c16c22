"""A real control plane without containers: etcd, kube-apiserver and kube-controller-manager on 127.0.0.1.

RBAC decides, service-account tokens are real, owner references are collected, namespaces are emptied and
deleted, and the audit log counts calls. There is no scheduler and no kubelet: pods stay pending, and admission
doesn't ask for their ServiceAccount.
"""

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from clusterstate.sandbox import audit
from clusterstate.sandbox.apiclient import ApiClient
from clusterstate.sandbox.audit import Call
from clusterstate.sandbox.binaries import find
from clusterstate.sandbox.cache import Say, to_stderr
from clusterstate.sandbox.certificates import write_certificates
from clusterstate.sandbox.errors import NotReady
from clusterstate.sandbox.kubeconfig import write_kubeconfig
from clusterstate.sandbox.process import Child, free_port, on_free_ports

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
CONTROLLERS = (
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "root-ca-certificate-publisher-controller",
)
CONTROLLER_MANAGER = "system:kube-controller-manager"
ISSUER = "https://kubernetes.default.svc"
AUDIENCE = "kubernetes.svc.default"
"""Whom tokens are for that open the API, as kops has it."""
READY_SECONDS = 90
"""Far above the 4 seconds that it takes on an idle machine."""
AUDIT_SECONDS = 20


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane.

    The object can be sent to other processes of this machine as `shared()`; only the one that started it stops it.
    """

    directory: Path
    url: str
    admin_token: str = field(repr=False)
    children: tuple[Child, ...] = ()

    @classmethod
    def start(cls, directory: Path, say: Say = to_stderr) -> Self:
        """Start one with its data, keys and logs in `directory`, an empty or missing folder; ready when it returns.

        Raises ProcessDied or NotReady with the end of the log, and what `binaries.find` raises.
        """
        directory = directory.absolute()
        programs = {name: find(name, say) for name in PROGRAMS}
        tokens = {user: secrets.token_urlsafe(24) for user in ("admin", CONTROLLER_MANAGER)}
        _write_files(directory, tokens)
        children, url = on_free_ports(lambda: _start_children(directory, programs, tokens))
        plane = cls(directory, url, tokens["admin"], children)
        write_kubeconfig(plane.kubeconfig, url=url, ca_file=plane.ca_file, token=plane.admin_token)
        return plane

    def stop(self) -> None:
        """End all its processes, the API server before its etcd; the files stay."""
        for child in reversed(self.children):
            child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def shared(self) -> Self:
        """Give the same control plane for another process, which can use it and not stop it."""
        return replace(self, children=())

    @property
    def ca_file(self) -> Path:
        """The certificate authority of `url`."""
        return self.directory / "pki" / "ca.crt"

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of a user who may do everything (group system:masters)."""
        return self.directory / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path:
        """The audit log, one JSON object per line."""
        return self.directory / "audit.log"

    def api(self, token: str | None = None) -> ApiClient:
        """Give a small blocking client, of the administrator or of the token's owner; "" is nobody in particular."""
        return ApiClient(self.url, self.ca_file, self.admin_token if token is None else token)

    def kubeconfig_for(self, token: str, *, namespace: str = "default") -> Path:
        """Write a kubeconfig for the owner of a token, for example of a service account."""
        path = self.directory / f"{secrets.token_hex(8)}.kubeconfig"
        return write_kubeconfig(path, url=self.url, ca_file=self.ca_file, token=token, namespace=namespace)

    def service_account_token(self, namespace: str, name: str, *, audiences: Iterable[str] = ()) -> str:
        """Ask for a service account's token, valid for an hour; the account is created if it is missing."""
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        api = self.api()
        if api.find(f"{accounts}/{name}") is None:
            api.request("POST", accounts, {"metadata": {"name": name}})
        spec = {"audiences": list(audiences), "expirationSeconds": 3600}
        answer = api.request("POST", f"{accounts}/{name}/token", {"spec": spec})
        token: str = answer["status"]["token"]
        return token

    def audit_mark(self) -> int:
        """Give a place in the audit log behind every call that was answered before; give it to `calls` as `since`."""
        tag, written = secrets.token_hex(8), self.audit_log.stat().st_size if self.audit_log.exists() else 0
        self.api().request("GET", f"/version?mark={tag}")
        return self._end_of_mark(tag, written)

    def audit_events(self, since: int = 0) -> Iterator[dict[str, Any]]:
        """Give the audit events (API audit.k8s.io/v1) of all calls answered between a mark and now, marks left out."""
        self.audit_mark()
        return (r for r in audit.read_records(self.audit_log, since) if not r["requestURI"].startswith("/version?mark"))

    def calls(self, since: int = 0, *, user: str | None = None, verbs: Iterable[str] | None = None) -> list[Call]:
        """Give the calls between a mark and now; of one user, with some verbs (audit.READS, audit.WRITES)."""
        return audit.select_calls(map(audit.parse_call, self.audit_events(since)), user=user, verbs=verbs)

    def _end_of_mark(self, tag: str, since: int) -> int:
        """Wait for the mark's own record, somewhere after `since`: the server writes it after it has answered."""
        deadline = time.monotonic() + AUDIT_SECONDS
        while time.monotonic() < deadline:
            content = audit.read_tail(self.audit_log, since)
            place = content.rfind(tag.encode())
            end = content.find(b"\n", place)
            if place >= 0 and end >= 0:
                return since + end + 1
            time.sleep(0.02)
        raise NotReady(f"the audit log {self.audit_log} doesn't show a call after {AUDIT_SECONDS} seconds")


def _write_files(directory: Path, tokens: Mapping[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    write_certificates(directory / "pki")
    (directory / "audit-policy.yaml").write_text(json.dumps(audit.POLICY))
    known = directory / "tokens.csv"
    known.touch(mode=0o600)
    known.write_text(
        f"{tokens['admin']},admin,admin,system:masters\n"
        f"{tokens[CONTROLLER_MANAGER]},{CONTROLLER_MANAGER},{CONTROLLER_MANAGER},system:masters\n"
    )


def _start_children(
    directory: Path, programs: Mapping[str, Path], tokens: Mapping[str, str]
) -> tuple[tuple[Child, ...], str]:
    """Start all three, in order; none is left running if one fails."""
    etcd_url = f"http://127.0.0.1:{free_port()}"
    url = f"https://127.0.0.1:{(api_port := free_port())}"
    manager_port = free_port()
    manager_config = write_kubeconfig(
        directory / "controller-manager.kubeconfig",
        url=url,
        ca_file=directory / "pki" / "ca.crt",
        token=tokens[CONTROLLER_MANAGER],
    )
    with ExitStack() as undo:

        def start(name: str, flags: list[str]) -> Child:
            child = Child.start([programs[name], *flags], log=directory / f"{name}.log")
            undo.callback(child.stop)
            return child

        etcd = start("etcd", _etcd_flags(directory, etcd_url))
        server = start("kube-apiserver", _server_flags(directory, etcd_url, api_port))
        ready = ApiClient(url, directory / "pki" / "ca.crt", tokens["admin"])
        server.wait_ready(lambda: ready.answers("/readyz"), timeout=READY_SECONDS)
        manager = start("kube-controller-manager", _manager_flags(directory, manager_config, manager_port))
        health = ApiClient(f"https://127.0.0.1:{manager_port}", directory / "pki" / "ca.crt", "")
        manager.wait_ready(lambda: health.answers("/healthz"), timeout=READY_SECONDS)
        undo.pop_all()
    return (etcd, server, manager), url


def _etcd_flags(directory: Path, url: str) -> list[str]:
    peer = f"http://127.0.0.1:{free_port()}"
    return [
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # the data need not survive a power cut
        "--log-level=warn",
    ]


def _server_flags(directory: Path, etcd_url: str, port: int) -> list[str]:
    keys = directory / "pki"
    return [
        f"--etcd-servers={etcd_url}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--tls-cert-file={keys / 'server.crt'}",
        f"--tls-private-key-file={keys / 'server.key'}",
        f"--service-account-issuer={ISSUER}",
        f"--api-audiences={AUDIENCE},{ISSUER}",
        f"--service-account-key-file={keys / 'sa.key'}",
        f"--service-account-signing-key-file={keys / 'sa.key'}",
        f"--token-auth-file={directory / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--disable-admission-plugins=ServiceAccount",
        f"--audit-policy-file={directory / 'audit-policy.yaml'}",
        f"--audit-log-path={directory / 'audit.log'}",
        "--audit-log-maxsize=4096",  # MiB: one file, since places in it are remembered
        "--profiling=false",
    ]


def _manager_flags(directory: Path, kubeconfig: Path, port: int) -> list[str]:
    keys = directory / "pki"
    return [
        f"--kubeconfig={kubeconfig}",
        f"--controllers={','.join(CONTROLLERS)}",
        f"--service-account-private-key-file={keys / 'sa.key'}",
        f"--root-ca-file={keys / 'ca.crt'}",
        "--use-service-account-credentials=false",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={keys / 'server.crt'}",
        f"--tls-private-key-file={keys / 'server.key'}",
        "--leader-elect=false",
        "--namespace-sync-period=1m",
        "--concurrent-namespace-syncs=20",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--profiling=false",
    ]
