"""The ClusterState that something in Kubernetes belongs to."""

from dataclasses import dataclass

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

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
