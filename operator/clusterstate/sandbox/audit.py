"""The API server's audit log: which user made which call.

The policy records one line per finished call (level Metadata: no bodies, so no secret bytes) and leaves out what
the control plane's own parts do among themselves, and probes.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READS = frozenset({"get", "list", "watch"})
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "omitManagedFields": True,
    "rules": [
        {"level": "None", "users": ["system:apiserver", "system:kube-controller-manager"]},
        {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/openapi*"]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class Call:
    """One call to the API server, when it was answered or, for a watch, when it began and again when it ended."""

    user: str
    verb: str
    """get, list, watch, create, update, patch, delete or deletecollection; of other URLs the method in lower case."""
    resource: str
    """Plural, with "/" and the subresource if there is one; "" for URLs that aren't resources."""
    namespace: str
    name: str
    uri: str
    status: int
    stage: str
    """ResponseComplete; ResponseStarted for a watch that runs; Panic."""
    user_agent: str


def parse_call(record: dict[str, Any]) -> Call:
    """Take from an audit event (API audit.k8s.io/v1) what tests ask about."""
    about = record.get("objectRef", {})
    subresource = about.get("subresource")
    return Call(
        user=record["user"].get("username", ""),
        verb=record["verb"],
        resource=about.get("resource", "") + (f"/{subresource}" if subresource else ""),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        uri=record["requestURI"],
        status=record.get("responseStatus", {}).get("code", 0),
        stage=record["stage"],
        user_agent=record.get("userAgent", ""),
    )


def read_records(log: Path, since: int = 0) -> Iterator[dict[str, Any]]:
    """Give the audit events in the log after `since` bytes, without a line that is still being written."""
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            if line.endswith(b"\n"):
                yield json.loads(line)


def read_tail(log: Path, since: int) -> bytes:
    """Give what stands in the log after `since` bytes; nothing before the server has made it."""
    if not log.exists():
        return b""
    with log.open("rb") as lines:
        lines.seek(since)
        return lines.read()


def select_calls(calls: Iterable[Call], *, user: str | None, verbs: Iterable[str] | None) -> list[Call]:
    """Give the calls of one user, or of all; with one of the verbs, or with any."""
    wanted = None if verbs is None else frozenset(verbs)
    return [call for call in calls if user in (None, call.user) and (wanted is None or call.verb in wanted)]
