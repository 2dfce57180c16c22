"""A namespace with ClusterStates in it: what a person and the operator do there, one line each."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from clusterstate.api.spec import MirrorSpec
from clusterstate.api.types import API_VERSION, KIND, PLURAL
from clusterstate.kube.client import Client
from clusterstate.kube.owner import Owner
from clusterstate.mirror.missing import keep_missing
from clusterstate.mirror.record import MirrorRecord, reduce
from clusterstate.mirror.restart import Rolls
from clusterstate.mirror.shapes import make_mirrors, needs_digests
from clusterstate.mirror.sync import MirrorOutcome, sync
from clusterstate.sandbox.audit import WRITES, Call
from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.errors import RequestRefused
from clusterstate.state.objects import State
from tests.mirror.making import DIGESTS

READY_SECONDS = 90
"""The garbage collector looks for new kinds of owners every 30 seconds only."""


class Scene:
    """One namespace."""

    def __init__(self, plane: ControlPlane, client: Client, namespace: str, owner: str = "prod") -> None:
        self.plane, self.client, self.namespace = plane, client, namespace
        self.api = plane.api()
        self.secrets = f"/api/v1/namespaces/{namespace}/secrets"
        self.owners = f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}"
        self.owner = self._create_owner(owner)
        self.rolls = Rolls()
        self.missing = ""

    def beside(self, owner: str) -> "Scene":
        """The same namespace with another ClusterState."""
        return Scene(self.plane, self.client, self.namespace, owner)

    def _create_owner(self, name: str) -> Owner:
        spec = {"store": {"url": "s3://bucket"}}
        body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}
        created = eventually(lambda: self._try("POST", self.owners, body))
        return Owner(self.namespace, name, created["metadata"]["uid"])

    def delete_owner(self) -> None:
        self.api.request("DELETE", f"{self.owners}/{self.owner.name}")

    async def sync(
        self,
        state: State,
        spec: MirrorSpec | None,
        *,
        present: Mapping[str, MirrorRecord] | None = None,
        config_there: bool = True,
    ) -> MirrorOutcome:
        """One run of the operator; its informer is up to date unless `present` says what it knows."""
        known = self.present() if present is None else present
        mirrors = make_mirrors(spec, state, self.owner, digests=DIGESTS if needs_digests(spec) else None)
        mirrors = keep_missing(mirrors, spec, known.values(), config_there=config_there)
        self.missing = mirrors.missing
        return await sync(self.client, mirrors, known, self.rolls)

    def present(self) -> dict[str, MirrorRecord]:
        """What an informer keeps that watches our label."""
        query = "?labelSelector=app.kubernetes.io/managed-by%3Dclusterstate"
        return {
            each["metadata"]["name"]: reduce(each) for each in self.api.request("GET", self.secrets + query)["items"]
        }

    def create(self, name: str, **fields: Any) -> dict[str, Any]:
        """Somebody's own Secret."""
        metadata = {"name": name, **fields.pop("metadata", {})}
        return self.api.request("POST", self.secrets, {"metadata": metadata, **fields})

    def get(self, name: str) -> dict[str, Any]:
        return self.api.request("GET", f"{self.secrets}/{name}")

    def find(self, name: str) -> dict[str, Any] | None:
        return self.api.find(f"{self.secrets}/{name}")

    def edit(self, name: str, **patch: Any) -> dict[str, Any]:
        """Somebody's edit, as a merge patch."""
        content_type = "application/merge-patch+json"
        return self.api.request("PATCH", f"{self.secrets}/{name}", patch, content_type=content_type)

    def delete(self, name: str) -> None:
        self.api.request("DELETE", f"{self.secrets}/{name}")

    def names(self) -> set[str]:
        return {each["metadata"]["name"] for each in self.api.request("GET", self.secrets)["items"]}

    def versions(self) -> dict[str, str]:
        items = self.api.request("GET", self.secrets)["items"]
        return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in items}

    def writes(self, since: int) -> list[Call]:
        """Every write to a Secret of this namespace since a mark, refused ones too."""
        return [call for call in self.calls(since) if call.verb in WRITES]

    def calls(self, since: int) -> list[Call]:
        """Every call for a Secret of this namespace since a mark, the scene's own too."""
        calls = self.plane.calls(since)
        return [call for call in calls if (call.namespace, call.resource) == (self.namespace, "secrets")]

    def _try(self, method: str, path: str, body: object) -> dict[str, Any] | None:
        try:
            return self.api.request(method, path, body)
        except RequestRefused as error:
            if error.status == 404:  # a new CRD is served after a moment
                return None
            raise


def eventually(ask: Callable[[], Any]) -> Any:
    """The first answer that says something."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.05)
    raise AssertionError("nothing happened in time")
