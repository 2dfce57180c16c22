"""What a review was told, as a record. Loads nothing."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReviewWords:
    """Which two things are compared, and as whom they are read."""

    old: str
    new: str
    cluster: str | None = None
    """Of those that both hold, this one only."""
    namespace: str | None = None
    """Of a ClusterState; None: that of the kubeconfig's context."""
    kubeconfig: Path | None = None
    context: str | None = None
    digest_key: Path | None = None
    """Whose bytes are the key of all digests; None: one of chance, for this run."""
    without_secrets: bool = False
    """Leave out what `clusterstate export` leaves out."""
