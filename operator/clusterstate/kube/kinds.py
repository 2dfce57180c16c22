"""The kinds of objects that the operator touches: how their URLs are made, and what may be said about them."""

from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from clusterstate.api.annotations import GROUP
from clusterstate.api.types import KIND, PLURAL, VERSION

JsonObject: TypeAlias = dict[str, Any]
"""An object as the API server spells it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object."""

    group: str
    """Empty for the core group."""
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    confidential: bool = False
    """Its objects hold secret bytes, so what the API server says about a refused one is not passed on."""
    metadata_only: bool = False
    """Only the metadata is asked for: the answers are PartialObjectMetadata."""

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """Give the URL path; without a namespace that of all namespaces."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        tail = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{root}{scope}/{self.plural}{tail}"

    @property
    def without_bodies(self) -> "Kind":
        """The same kind, read as metadata only."""
        return replace(self, metadata_only=True)


SECRETS: Final = Kind("", "v1", "secrets", "Secret", confidential=True)
CONFIG_MAPS: Final = Kind("", "v1", "configmaps", "ConfigMap")
EVENTS: Final = Kind("", "v1", "events", "Event")
SERVICE_ACCOUNTS: Final = Kind("", "v1", "serviceaccounts", "ServiceAccount")
NAMESPACES: Final = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
CONTROLLER_REVISIONS: Final = Kind("apps", "v1", "controllerrevisions", "ControllerRevision")
DEPLOYMENTS: Final = Kind("apps", "v1", "deployments", "Deployment")
DAEMON_SETS: Final = Kind("apps", "v1", "daemonsets", "DaemonSet")
STATEFUL_SETS: Final = Kind("apps", "v1", "statefulsets", "StatefulSet")
JOBS: Final = Kind("batch", "v1", "jobs", "Job")
LEASES: Final = Kind("coordination.k8s.io", "v1", "leases", "Lease")
CLUSTER_STATES: Final = Kind(GROUP, VERSION, PLURAL, KIND)
