"""The resource `ClusterState` as typed data: the one source of the CRD, and what a run works from."""

from typing import Any, Final

from msgspec import Struct

from clusterstate.api.annotations import GROUP
from clusterstate.api.spec import Spec
from clusterstate.api.status import Status

VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "ClusterState"
PLURAL: Final = "clusterstates"
SHORT_NAME: Final = "cst"
CATEGORY: Final = "clusterstate"
"""Never `all`: `kubectl delete all --all` would wipe state stores."""


class Metadata(Struct, frozen=True, kw_only=True, rename="camel"):
    """What of an object's metadata a run needs."""

    name: str
    namespace: str
    uid: str
    generation: int = 1
    resource_version: str = ""
    creation_timestamp: str = ""
    """RFC 3339."""
    annotations: dict[str, str] = {}
    finalizers: tuple[str, ...] = ()
    managed_fields: tuple[dict[str, Any], ...] = ()
    """Who wrote which field, as the API server keeps it."""


class ClusterState(Struct, frozen=True, kw_only=True, rename="camel"):
    """One object: what is declared and what was last reported."""

    metadata: Metadata
    spec: Spec
    status: Status = Status()

    @property
    def cluster_name(self) -> str:
        """Name of the kops cluster: `spec.clusterName`, else the object's own name."""
        return self.spec.cluster_name or self.metadata.name
