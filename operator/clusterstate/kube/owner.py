"""The ClusterState that something in Kubernetes belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterstate.api.types import API_VERSION, KIND, Metadata


@dataclass(frozen=True, slots=True)
class Owner:
    """One ClusterState, by everything that tells it apart from one of the same name before it."""

    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, metadata: Metadata) -> "Owner":
        """Name a ClusterState by its own metadata."""
        return cls(metadata.namespace, metadata.name, metadata.uid)

    def reference(self) -> dict[str, object]:
        """Give the ownerReference: deleted with the owner, without holding up the owner's deletion."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "name": self.name,
            "uid": self.uid,
            "controller": True,
            "blockOwnerDeletion": False,
        }

    def controls(self, metadata: Mapping[str, Any]) -> bool:
        """Whether something is this ClusterState's by its ownerReference: a label can be put onto anything."""
        references = metadata.get("ownerReferences") or ()
        return any(each.get("controller") and each.get("uid") == self.uid for each in references)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
